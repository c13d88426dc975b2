"""How two readings differ, in sums that forget what was read."""

import numpy as np
import pytest

from inkread.document import Line, Page, Region
from inkread.evaluation.disagreement import Tally
from inkread.evaluation.statistics import ratio_interval


def page(text: str, confidence: float = 0.8) -> Page:
    return Page(100, 100, (Region("r", (), (Line("1", (), (), text, confidence),)),))


def one(text: str, other: str) -> Tally:
    return Tally.of(page(text), page(other, 0.5), seconds=1.0, other_seconds=0.5)


def test_pages_are_added_up() -> None:
    tally = Tally.sum([one("Dear Sir", "Dear Sir"), one("London", "Lyndon")]) + Tally(failed=1, skipped=2)
    assert (tally.pages, tally.differing, tally.failed, tally.skipped) == (2, 1, 1, 2)
    assert tally.cer == pytest.approx(1 / 14)
    assert [tally.confidence / 2, tally.other_confidence / 2] == pytest.approx([0.8, 0.5])
    assert (tally.seconds, tally.other_seconds) == (2.0, 1.0)


def test_the_interval_is_that_of_a_bootstrap_over_pages() -> None:
    rng = np.random.default_rng(4)
    lengths = rng.integers(200, 900, 120)
    edits = rng.binomial(lengths, rng.beta(1, 12, 120))
    pages = zip(lengths.tolist(), edits.tolist(), strict=True)
    tally = Tally.sum(one("a" * length, "b" * wrong + "a" * (length - wrong)) for length, wrong in pages)
    drawn = ratio_interval(edits.tolist(), lengths.tolist())
    assert tally.interval is not None
    assert list(tally.interval) == pytest.approx([drawn.low, drawn.high], abs=0.004)


def test_nothing_is_claimed_of_nothing() -> None:
    assert (Tally().cer, Tally().interval, one("a", "b").interval) == (None, None, None)
