"""Gutters: where a page is two, or a text has columns, decided for the page as a whole.

Usage: ``for gutter in find_gutters(fragments.level): ...``; ``mark(gutters, shape)``

A fold is often hardly wider than a space between words, so a single line cannot tell it from one. Many lines can: a
slanted cut that meets writing in no row, while lines end on its left and begin on its right, is a gutter. The measure
is how unlikely that is by chance. On a page of one column a cut passes between two pieces of a row with the probability
that any place of a line lies between two pieces. Rows are taken as independent. The number of cuts that were tried is
made up for (Bonferroni). Rows in which the cut meets writing count against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.layout.lines import Fragment
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings

BLOCK = 2**19
"""Pairs that are compared at a time, of a cut or a piece with a piece; each takes up to 60 bytes. Pages of up to about
150 lines are one block."""


@dataclass(frozen=True, slots=True)
class Gutter:
    """A cut ``x = at + slope * (y - middle)`` for ``top <= y <= bottom``, in map pixels.

    Attributes:
        evidence: natural logarithm of how much likelier the rows are with the gutter than by chance, after all cuts
            that were tried.
        spared: extents (top, bottom) of writing that runs across it, such as a heading over both columns.
    """

    at: float
    slope: float
    middle: float
    top: float
    bottom: float
    evidence: float
    spared: tuple[tuple[float, float], ...] = ()

    def x(self, y: float) -> float:
        """Where it is at height ``y``."""
        return self.at + self.slope * (y - self.middle)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Fragments as arrays [n], sorted by their mean height; ``unit`` is the typical thickness."""

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    y: NDArray[np.float64]
    unit: float

    @classmethod
    def of(cls, fragments: Sequence[Fragment]) -> _Pieces:
        """Measure fragments."""
        rows = np.array([(piece.x[0], piece.x[-1], piece.y.mean()) for piece in fragments], np.float64)
        left, right, y = rows[np.argsort(rows[:, 2], kind="stable")].T
        return cls(left, right, y, float(np.median([piece.thickness for piece in fragments])))


def find_gutters(
    fragments: Sequence[Fragment], settings: LayoutSettings = DEFAULT_LAYOUT, *, odds: float | None = None
) -> list[Gutter]:
    """The gutters of a page, from left to right; none where the text has one column.

    Args:
        fragments: pieces that run from left to right, before they are joined.
        settings: the thresholds.
        odds: in place of ``settings.cut_odds``.
    """
    if len(fragments) < 2 * settings.cut_lines:
        return []
    pieces = _Pieces.of(fragments)
    middle = float((pieces.y.min() + pieces.y.max()) / 2)
    places = np.arange(pieces.left.min(), pieces.right.max(), settings.cut_step * pieces.unit)
    slopes = np.arange(-settings.cut_slope, settings.cut_slope + 1e-9, settings.cut_slope_step)
    cuts = _Cuts.of(pieces, places, slopes, middle, settings)
    needed = np.log((odds or settings.cut_odds) * len(cuts.evidence))
    chosen: list[Gutter] = []
    for index in np.argsort(-cuts.evidence, kind="stable"):
        if cuts.evidence[index] < needed:
            break
        gutter = cuts.gutter(int(index), pieces, settings)
        if _apart(gutter, chosen, settings.cut_column * pieces.unit) and cuts.parts_columns(
            int(index), pieces, settings
        ):
            chosen.append(replace(gutter, spared=tuple(cuts.spared(int(index), pieces, settings))))
    return sorted(chosen, key=lambda gutter: gutter.at)


def undecided(gutters: Sequence[Gutter], fragments: Sequence[Fragment], settings: LayoutSettings) -> Gutter | None:
    """The gutter over most of a page that geometry neither proves nor rules out; None where all is clear.

    Args:
        gutters: found at the lower odds of ``settings.cut_doubt``.
        fragments: what they were found in.
        settings: the thresholds.
    """
    heights = [float(piece.y.mean()) for piece in fragments]
    least = settings.cut_doubt_height * (max(heights, default=0.0) - min(heights, default=0.0))
    tall = [gutter for gutter in gutters if gutter.bottom - gutter.top >= least]
    best = max(tall, key=lambda gutter: gutter.evidence, default=None)
    return best if best is not None and best.evidence < np.log(settings.cut_doubt[1]) else None


def mark(gutters: Sequence[Gutter], shape: tuple[int, ...], width: int = 3) -> NDArray[np.bool_]:
    """bool [rows, columns]: True on the gutters, except where writing runs across them.

    Args:
        gutters: in map pixels.
        shape: rows and columns of the map.
        width: of the drawn line, in pixels.
    """
    drawn = np.zeros(shape, np.uint8)
    for gutter in gutters:
        ends = [(round(gutter.x(y)), round(y)) for y in (gutter.top, gutter.bottom)]
        single = np.zeros(shape, np.uint8)
        cv2.line(single, ends[0], ends[1], 1, width)
        for top, bottom in gutter.spared:
            single[max(int(top), 0) : int(bottom) + 1] = 0
        drawn |= single
    return drawn > 0


def _chance_of_a_gap(pieces: _Pieces, settings: LayoutSettings) -> float:
    """Share of the rows' extent that lies between pieces: how often a cut anywhere meets no writing.

    A row is the piece and those beside it at its height. Pieces farther apart than words count as the space of a word,
    or a page with columns would take its columns for chance.
    """
    gaps = extent = 0.0
    for index in range(len(pieces.y)):
        beside = (np.abs(pieces.y - pieces.y[index]) < pieces.unit) & (pieces.left > pieces.right[index])
        extent += float(pieces.right[index] - pieces.left[index])
        if beside.any():
            gap = float(pieces.left[beside].min() - pieces.right[index])
            gaps += min(gap, settings.cut_word_space * pieces.unit) + 2 * settings.cut_slack * pieces.unit
    return float(np.clip(gaps / max(gaps + extent, 1.0), settings.cut_chance, 0.5))


def _blocks(length: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of [length, columns] with ``BLOCK`` elements each, or a single row."""
    rows = max(BLOCK // columns, 1)
    return (slice(start, start + rows) for start in range(0, length, rows))


@dataclass(frozen=True, slots=True)
class _Sides:
    """What each piece is to some cuts.

    Attributes:
        at: where each cut is at the height of each piece; floats [..., pieces].
        crossing, on_left: whether the piece lies across the cut, or left of it.
    """

    at: NDArray[np.float64]
    crossing: NDArray[np.bool_]
    on_left: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Cuts:
    """All cuts that are tried, [cuts]; pieces are sorted by height.

    Attributes:
        place, slope: of each, at the height ``middle``.
        first, last: the stretch of pieces with the most evidence, and ``evidence`` for it.
    """

    place: NDArray[np.float64]
    slope: NDArray[np.float64]
    middle: float
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    evidence: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        pieces: _Pieces,
        places: NDArray[np.float64],
        slopes: NDArray[np.float64],
        middle: float,
        settings: LayoutSettings,
    ) -> _Cuts:
        """Measure all cuts, some at a time."""
        slope, place = (grid.ravel() for grid in np.meshgrid(slopes, places, indexing="ij"))
        count = len(place)
        cuts = cls(place, slope, middle, np.zeros(count, np.intp), np.zeros(count, np.intp), np.zeros(count))
        chance, neighbours = _chance_of_a_gap(pieces, settings), _neighbours(pieces)
        for block in _blocks(count, len(pieces.y)):
            cuts._measure(block, pieces, chance, neighbours, settings)
        return cuts

    def _measure(
        self,
        block: slice,
        pieces: _Pieces,
        chance: float,
        neighbours: tuple[NDArray[np.float64], NDArray[np.float64]],
        settings: LayoutSettings,
    ) -> None:
        """Fill in the stretches of some cuts and the evidence for them."""
        sides = self.sides(block, pieces, settings)
        at, crossing, on_left = sides.at, sides.crossing, sides.on_left
        slack = settings.cut_slack * pieces.unit
        after, before = neighbours
        ends = on_left & (after > at + slack)
        starts = ~crossing & ~on_left & (before < at - slack)
        gain, loss = np.log(1 / chance), np.log((1 - chance) / settings.cut_chance)
        first, last = _best_stretch((ends | starts) * (gain / 2) - crossing * loss)
        ended, started, crossed = (_sums(kind, first, last) for kind in (ends, starts, crossing))
        rows = np.minimum(ended, started)
        most = settings.cut_word_space * pieces.unit
        room = np.minimum(np.abs(np.where(on_left, pieces.right, pieces.left) - at), most) / most
        free = _sums((ends | starts) * room, first, last) / np.maximum(ended + started, 1)
        self.first[block], self.last[block] = first, last
        self.evidence[block] = np.where(rows >= settings.cut_lines, rows * gain - crossed * loss + free, -np.inf)

    def sides(self, which: int | slice, pieces: _Pieces, settings: LayoutSettings) -> _Sides:
        """What each piece is to one of the cuts, [pieces], or to some, [cuts, pieces]."""
        slack = settings.cut_slack * pieces.unit
        at = self.place[which, None] + self.slope[which, None] * (pieces.y - self.middle)
        crossing = (pieces.left < at - slack) & (pieces.right > at + slack)
        return _Sides(at, crossing, ~crossing & (pieces.right <= at + slack))

    def gutter(self, index: int, pieces: _Pieces, settings: LayoutSettings) -> Gutter:
        """One of the cuts."""
        reach = settings.cut_reach * pieces.unit
        return Gutter(
            float(self.place[index]),
            float(self.slope[index]),
            self.middle,
            float(pieces.y[self.first[index]]) - reach,
            float(pieces.y[self.last[index]]) + reach,
            float(self.evidence[index] - np.log(len(self.evidence))),
        )

    def parts_columns(self, index: int, pieces: _Pieces, settings: LayoutSettings) -> bool:
        """Whether a column stands on both sides of a cut, not a margin of numbers or signs."""
        stretch = slice(self.first[index], self.last[index] + 1)
        sides = self.sides(index, pieces, settings)
        at, on_left = sides.at[stretch], sides.on_left[stretch]
        on_right = ~on_left & ~sides.crossing[stretch]
        if not on_left.any() or not on_right.any():
            return False
        left = _ranked(at[on_left], 0.5) - _ranked(pieces.left[stretch][on_left], 0.1)
        right = _ranked(pieces.right[stretch][on_right], 0.9) - _ranked(at[on_right], 0.5)
        return bool(min(left, right) >= settings.cut_column * pieces.unit)

    def spared(self, index: int, pieces: _Pieces, settings: LayoutSettings) -> Iterator[tuple[float, float]]:
        """Extents of the pieces that a cut must leave whole.

        These hardly reach across it, or stand alone in their row and away from both outer edges, as a heading over
        both columns does.
        """
        sides = self.sides(index, pieces, settings)
        at, on_left = sides.at, sides.on_left
        outer_left = _ranked(pieces.left[on_left], 0.1)
        outer_right = _ranked(pieces.right[~on_left & ~sides.crossing], 0.9)
        height, inset = settings.cut_reach * pieces.unit, settings.cut_heading_inset
        for piece in range(self.first[index], self.last[index] + 1):
            if not sides.crossing[piece]:
                continue
            before, behind = at[piece] - pieces.left[piece], pieces.right[piece] - at[piece]
            away_left = pieces.left[piece] - outer_left > inset * (at[piece] - outer_left)
            away_right = outer_right - pieces.right[piece] > inset * (outer_right - at[piece])
            alone = np.count_nonzero(np.abs(pieces.y - pieces.y[piece]) < pieces.unit) == 1
            if min(before, behind) < settings.cut_part * pieces.unit or (away_left and away_right and alone):
                yield float(pieces.y[piece]) - height, float(pieces.y[piece]) + height


def _neighbours(pieces: _Pieces) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each piece the end of the next one in its row, and the start of the one before; infinite without one."""
    count = len(pieces.y)
    after, before = np.empty(count), np.empty(count)
    for block in _blocks(count, count):
        beside = np.abs(pieces.y[block, None] - pieces.y) < pieces.unit
        left, right = pieces.left[block, None], pieces.right[block, None]
        after[block] = np.where(beside & (pieces.right > right), pieces.right, np.inf).min(axis=1)
        before[block] = np.where(beside & (pieces.left < left), pieces.left, -np.inf).max(axis=1)
    return after, before


def _best_stretch(steps: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last column of the run with the greatest sum in each row of [rows, columns] (Kadane)."""
    rows = len(steps)
    best, total = np.full(rows, -np.inf), np.zeros(rows)
    start, first, last = (np.zeros(rows, np.intp) for _ in range(3))
    for column in range(steps.shape[1]):
        begins = total <= 0
        start[begins] = column
        total = np.where(begins, 0.0, total) + steps[:, column]
        better = total > best
        best[better], first[better], last[better] = total[better], start[better], column
    return first, last


def _sums(values: NDArray[Any], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[Any]:
    """Sum of [rows, columns] from first to last, by row."""
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    rows = np.arange(len(values))
    return np.asarray(sums[rows, last + 1] - sums[rows, first])


def _ranked(values: NDArray[np.float64], share: float) -> float:
    """The value below which that share of them lies; quicker than a percentile of a few."""
    return float(np.sort(values)[round(share * (len(values) - 1))])


def _apart(gutter: Gutter, others: Sequence[Gutter], distance: float) -> bool:
    """Whether a gutter stands apart from others, or above or below them."""
    return all(
        min(gutter.bottom, other.bottom) <= max(gutter.top, other.top)
        or min(abs(gutter.x(y) - other.x(y)) for y in (gutter.top, gutter.bottom)) > distance
        for other in others
    )
