"""Facing pages and columns are told from the spaces between words by all lines together."""

import tracemalloc

import numpy as np
import pytest

from inkread.layout import gutters as module
from inkread.layout.gutters import find_gutters, mark, undecided
from inkread.layout.lines import Fragment
from inkread.layout.settings import DEFAULT_LAYOUT

THICKNESS = 10.0
DISTANCE = 28.0


def piece(x0: float, x1: float, y: float, slope: float = 0.0) -> Fragment:
    x = np.arange(x0, x1, dtype=np.float32)
    return Fragment(x, (y + slope * (x - x0)).astype(np.float32), THICKNESS)


def written_line(x0: float, x1: float, y: float, rng: np.random.Generator, slope: float = 0.0) -> list[Fragment]:
    """A line in one to four pieces, as the detector leaves it: some spaces between words are gaps."""
    ends = np.sort(rng.uniform(x0 + 30, x1 - 30, int(rng.integers(0, 4))))
    edges = [x0, *ends, x1]
    gaps = rng.uniform(8, 16, len(edges))
    parts = [(a + (gaps[i] if i else 0), b) for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False))]
    return [piece(a, b, y + slope * (a - x0), slope) for a, b in parts if b - a > 12]


def column(
    x0: float, x1: float, lines: int, rng: np.random.Generator, *, top: float = 50, slope: float = 0.0
) -> list[Fragment]:
    return [
        part
        for number in range(lines)
        for part in written_line(x0, x1 - float(rng.uniform(0, 60)), top + DISTANCE * number, rng, slope)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_fold_hardly_wider_than_a_space_between_words_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = column(20, 440, 22, rng, slope=0.01)
    right = column(460, 880, 20, rng, top=63, slope=-0.015)
    gutters = find_gutters(left + right)
    assert any(430 <= gutter.x(300) <= 470 for gutter in gutters)
    assert len(gutters) == 1


def test_pages_of_one_column_have_no_gutter() -> None:
    found = sum(bool(find_gutters(column(20, 880, 25, np.random.default_rng(seed)))) for seed in range(150))
    assert found <= 1


def test_numbers_in_the_margin_are_no_column() -> None:
    rng = np.random.default_rng(3)
    numbers = [piece(20, 45, 50 + DISTANCE * number) for number in range(20)]
    assert find_gutters(numbers + column(70, 880, 20, rng)) == []


def test_a_line_that_the_detector_joined_across_the_fold_is_cut_and_a_heading_is_not() -> None:
    rng = np.random.default_rng(5)
    both = column(20, 430, 24, rng) + column(470, 880, 24, rng)
    heading, joined = 50 + DISTANCE * 12, 50 + DISTANCE * 17
    rows = [part for part in both if abs(part.y.mean() - heading) > 1 and abs(part.y.mean() - joined) > 1]
    (gutter,) = find_gutters([*rows, piece(300, 600, heading), piece(20, 880, joined)])
    drawn = mark([gutter], (800, 900))
    assert not drawn[round(heading)].any()
    assert drawn[round(joined)].any()


def test_three_columns_have_two_gutters() -> None:
    rng = np.random.default_rng(7)
    pieces = [part for x in (20, 320, 620) for part in column(x, x + 260, 25, rng)]
    assert [round(gutter.at, -2) for gutter in find_gutters(pieces)] == [300, 600]


def test_a_few_lines_prove_nothing() -> None:
    rng = np.random.default_rng(9)
    assert find_gutters(column(20, 430, 3, rng) + column(460, 880, 3, rng)) == []
    assert find_gutters([]) == []


@pytest.mark.parametrize(("lines", "open_"), [(5, True), (24, False)])
def test_a_gutter_of_few_lines_is_left_open_and_one_of_many_is_not(lines: int, open_: bool) -> None:
    rng = np.random.default_rng(11)
    pieces = column(20, 430, lines, rng) + column(460, 880, lines, rng)
    gutters = find_gutters(pieces, odds=DEFAULT_LAYOUT.cut_doubt[0])
    assert gutters
    assert (undecided(gutters, pieces, DEFAULT_LAYOUT) is not None) == open_


def test_cuts_measured_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(13)
    pieces = [part for x in (20, 320, 620) for part in column(x, x + 260, 25, rng)]
    together = find_gutters(pieces)
    assert len(together) == 2
    monkeypatch.setattr(module, "BLOCK", 5_000)
    assert find_gutters(pieces) == together


def test_memory_does_not_grow_with_the_pairs_of_pieces() -> None:
    """A page of 25 megapixels may have 2,000 lines; all pairs at a time took 300 MiB here."""
    rng = np.random.default_rng(15)
    pieces = [part for x in (20, 320, 620) for part in column(x, x + 260, 300, rng)]
    tracemalloc.start()
    try:
        assert find_gutters(pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(pieces) > 1500
    assert peak < 40 * 2**20
