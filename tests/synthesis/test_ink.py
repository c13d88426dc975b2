"""Ink stands on the baseline that the ground truth names, whatever the hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.errors import DatasetError
from inkread.synthesis.ink import Hand, find_fonts, write

FONTS = find_fonts()


def hand(**changes: float) -> Hand:
    return Hand(FONTS[0], **{"x_height": 24.0, "wander": 0.0, "tremor": 0.0, **changes})


def test_letters_without_descenders_stand_on_the_baseline() -> None:
    ink = write("nunmn ruxin", hand(), np.random.default_rng(0))
    bottom = int(np.nonzero(ink.coverage.max(axis=1) > 128)[0].max())
    assert bottom == pytest.approx(ink.baseline[0][1], abs=5)


def test_the_baseline_follows_a_wandering_hand() -> None:
    ink = write("nunmn ruxin " * 6, hand(wander=0.5), np.random.default_rng(3))
    rows = [y for _, y in ink.baseline]
    assert max(rows) - min(rows) > 6
    for x, y in ink.baseline[1:-1]:
        nearby = ink.coverage[:, int(x) - 30 : int(x) + 30].max(axis=1) > 128
        assert abs(float(np.nonzero(nearby)[0].max()) - y) < 12


@settings(max_examples=25, deadline=None)
@given(
    text=st.text(alphabet="abgjpqyfABQ .,'é-", min_size=1, max_size=30),
    slant=st.floats(-0.5, 0.5),
    wander=st.floats(0, 0.4),
    seed=st.integers(0, 99),
)
def test_the_outline_holds_all_the_ink(text: str, slant: float, wander: float, seed: int) -> None:
    ink = write(text, hand(slant=slant, wander=wander), np.random.default_rng(seed))
    edge = np.concatenate([ink.coverage[0], ink.coverage[-1], ink.coverage[:, 0], ink.coverage[:, -1]])
    assert edge.max() == 0, "ink is cut off at the edge"
    if not text.strip():
        assert ink.outline == ()
        return
    mask = np.zeros_like(ink.coverage)
    cv2.fillPoly(mask, [np.rint(ink.outline).astype(np.int32)], (1,))
    mask = np.asarray(cv2.dilate(mask, np.ones((3, 3), np.uint8)), np.uint8)
    assert (ink.coverage[mask == 0] == 0).all()


def test_slant_leans_to_the_right() -> None:
    upright, leaning = (write("llll", hand(slant=slant), np.random.default_rng(0)) for slant in (0.0, 0.5))

    def top_centre(coverage: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> float:
        rows, columns = np.nonzero(coverage > 128)
        high = rows < rows.min() + 0.2 * (rows.max() - rows.min())
        return float(columns[high].mean() - columns.mean())

    assert top_centre(leaning.coverage) > top_centre(upright.coverage) + 3


def test_a_hand_is_only_sampled_from_fonts_that_have_the_text() -> None:
    rng = np.random.default_rng(0)
    assert {Hand.sample(FONTS, "où", rng, 20).font for _ in range(60)} == set(FONTS)
    with pytest.raises(DatasetError, match="漢字"):
        Hand.sample(FONTS, "漢字", rng, 20)


def test_width_predicts_what_is_written() -> None:
    text = "eleven pewter plates and a dresser"
    ink = write(text, hand(), np.random.default_rng(0))
    columns = np.nonzero(ink.coverage.max(axis=0))[0]
    assert columns.max() - columns.min() == pytest.approx(hand().width(text), rel=0.1)
