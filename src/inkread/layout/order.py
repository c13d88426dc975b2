"""Reading order: columns, facing pages, marginal notes, tables.

Usage: ``blocks = reading_order(baselines)``

A part of a page is read from above, lines of one row from the left, unless it is proven to have columns: by a gutter,
or because lines stand beside one another in several rows. It is then divided there and each side is read by itself.
Lines that run across cut the division into bands, which are read one below the other. A letter's head and close have
lines beside one another too, but hardly two in one row; they stay in one column. Notes in the margin follow their
column. A word inserted above a line comes before that line (`inkread.layout.insertions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from inkread.document import Polyline
from inkread.layout.registers import Grid, read_register
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings
from inkread.layout.tables import MARGINALIA, Block, as_table, find_tables, line_distance, rows_of

Boxes = NDArray[np.float64]
Mask = NDArray[np.bool_]
Numbers = NDArray[np.intp]


def reading_order(
    baselines: Sequence[Polyline],
    settings: LayoutSettings = DEFAULT_LAYOUT,
    gutters: Sequence[Polyline] = (),
    grid: Grid | None = None,
    *,
    tables: bool = True,
) -> list[Block]:
    """Sort lines into blocks of reading order.

    Args:
        baselines: in page pixels, each in writing direction.
        settings: what counts as beside, and as a new block.
        gutters: from their upper end to their lower one, in page pixels; what stands left of one is read first.
        grid: the rulings of a register.
        tables: whether lines beside one another may be a table without rulings; False reads them as columns.
    """
    if not baselines:
        return []
    boxes = level_boxes(baselines)
    register = read_register(baselines, boxes, grid, settings) if grid else None
    if register is not None:
        return _around_register(baselines, register, settings)
    found = [
        as_table(rows, boxes, settings)
        for rows in (find_tables(boxes, settings) if tables else ())
        if not _beside_a_gutter([baselines[index] for row in rows for index in row], gutters, settings)
    ]
    within = {index for table in found for index in table.lines}
    units = [Block([index]) for index in range(len(boxes)) if index not in within] + found
    ends = np.array(
        [_outer([sorted((baselines[index][0], baselines[index][-1])) for index in unit.lines]) for unit in units]
    )
    distance = line_distance(boxes) or np.inf
    order = _Part(ends, distance, settings).read(np.arange(len(units)), sorted(gutters, key=_height, reverse=True))
    blocks: list[Block] = []
    for block in order:
        for is_table, numbers in groupby(block.lines, lambda number: bool(units[number].cells)):
            members = [units[number] for number in numbers]
            blocks += members if is_table else [replace(block, lines=[unit.lines[0] for unit in members])]
    return blocks


def _around_register(baselines: Sequence[Polyline], register: list[Block], settings: LayoutSettings) -> list[Block]:
    """What stands above a register, the register, and what stands beside and below it."""
    within = {number for block in register for number in block.lines}
    highest = min(min(y for _, y in baselines[number]) for number in within)
    outside = [number for number in range(len(baselines)) if number not in within]
    above = [number for number in outside if max(y for _, y in baselines[number]) < highest]
    parts = []
    for part in (above, [number for number in outside if number not in above]):
        blocks = reading_order([baselines[number] for number in part], settings)
        parts.append([replace(block, lines=[part[number] for number in block.lines]) for block in blocks])
    return [*parts[0], *register, *parts[1]]


def _beside_a_gutter(cells: Sequence[Polyline], gutters: Sequence[Polyline], settings: LayoutSettings) -> bool:
    """Whether a gutter much taller than a table passes between its cells: they are lines of two pages or columns."""
    places = np.array([np.mean(cell, axis=0) for cell in cells])
    height = float(np.ptp(places[:, 1]))
    for (top_x, top), (bottom_x, bottom) in gutters:
        on_left = places[:, 0] < top_x + (bottom_x - top_x) * (places[:, 1] - top) / max(bottom - top, 1.0)
        if height < settings.table_height * (bottom - top) and on_left.any() and not on_left.all():
            return True
    return False


def _outer(ends: Sequence[Sequence[tuple[float, float]]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Left and right end of a line, or of all lines of a table, at their mean height."""
    if len(ends) == 1:
        return ends[0][0], ends[0][1]
    points = np.asarray(ends, np.float64)
    y = float(points[:, :, 1].mean())
    return (float(points[:, :, 0].min()), y), (float(points[:, :, 0].max()), y)


def _height(gutter: Polyline) -> float:
    return gutter[-1][1] - gutter[0][1]


def level_boxes(baselines: Sequence[Polyline] | NDArray[np.float64]) -> Boxes:
    """x0, x1, y of each line after the skew that most of them share is taken out."""
    chords = np.array([(line[0], line[-1]) for line in baselines], np.float64)
    skew = _skew(chords)
    cosine, sine = np.cos(skew), np.sin(skew)
    boxes = np.empty((len(baselines), 3))
    for index, line in enumerate(baselines):
        points = np.asarray(line, np.float64)
        x = points[:, 0] * cosine + points[:, 1] * sine
        y = points[:, 1] * cosine - points[:, 0] * sine
        boxes[index] = x.min(), x.max(), y.mean()
    return boxes


def _skew(chords: NDArray[np.float64]) -> float:
    """Median angle of [lines, 2 ends, xy], weighted by length; upright lines do not count."""
    delta = chords[:, 1] - chords[:, 0]
    lengths = np.hypot(delta[:, 0], delta[:, 1])
    angles = np.arctan2(delta[:, 1], delta[:, 0])
    level = np.abs(angles) < np.pi / 4
    if not level.any():
        return 0.0
    ranked = np.argsort(angles[level])
    weights = np.cumsum(lengths[level][ranked])
    return float(angles[level][ranked][np.searchsorted(weights, weights[-1] / 2)])


@dataclass(frozen=True, slots=True)
class _Part:
    """The units of a page, which are lines or tables, as [units, 2 ends, xy]; parts of it are arrays of their numbers.

    Attributes:
        distance: usual distance of one line to the next.
    """

    ends: NDArray[np.float64]
    distance: float
    settings: LayoutSettings

    def read(self, part: Numbers, gutters: Sequence[Polyline] = ()) -> list[Block]:
        """The blocks of a part in reading order."""
        for number, gutter in enumerate(gutters):
            bands = self._divided(part, gutter)
            if len(bands) > 1:
                rest = [*gutters[:number], *gutters[number + 1 :]]
                return [block for band in bands for block in self.read(band, rest)]
        boxes = level_boxes(self.ends[part])
        notes = self._in_margin(boxes)
        if notes.any():
            beside = self._column(part[notes], boxes[notes])
            return self.read(part[~notes]) + [replace(block, kind=MARGINALIA) for block in beside]
        bands = self._columns(part, boxes)
        if len(bands) > 1:
            return [block for band in bands for block in self.read(band)]
        return self._column(part, boxes)

    def _divided(self, part: Numbers, gutter: Polyline) -> list[Numbers]:
        """Bands of a part from above, left side before right side; lines across the gutter part the bands."""
        (top_x, top), (bottom_x, bottom) = gutter
        slope = (bottom_x - top_x) / max(bottom - top, 1.0)
        ends = self.ends[part]
        left, right = (ends[:, end, 0] - top_x - slope * (ends[:, end, 1] - top) for end in (0, 1))
        crossing = self._crossing(left, right)
        on_left = left + right < 0
        y = np.where(crossing, ends[:, :, 1].mean(axis=1), np.where(on_left, ends[:, 1, 1], ends[:, 0, 1]))
        band = np.searchsorted(np.sort(y[crossing]), y)
        first, last = np.searchsorted(np.sort(y[crossing]), (top, bottom))
        return [part[chosen] for chosen in _bands(crossing, on_left, band, np.arange(first, last + 1))]

    def _columns(self, part: Numbers, boxes: Boxes) -> list[Numbers]:
        """Bands of a part, divided where most rows have lines on both sides of an upright cut."""
        x0, x1, y = boxes.T
        mates = np.argwhere(
            (np.abs(y[:, None] - y) <= self.settings.row_share * self.distance)
            & (x1[:, None] - x0 <= self.settings.beside_share * np.minimum((x1 - x0)[:, None], x1 - x0))
        )
        best: tuple[int, list[Mask]] = (self.settings.column_rows - 1, [])
        for cut in np.unique(x1[mates[:, 0]]):
            crossing = self._crossing(x0 - cut, x1 - cut)
            on_left = x0 + x1 < 2 * cut
            band = np.searchsorted(np.sort(y[crossing]), y)
            clear = ~crossing[mates].any(axis=1) & on_left[mates[:, 0]] & ~on_left[mates[:, 1]]
            a, b = mates[clear & (band[mates[:, 0]] == band[mates[:, 1]])].T
            rows = np.minimum(*(np.bincount(band[np.unique(side)], minlength=len(y) + 1) for side in (a, b)))
            if rows.max() > best[0]:
                proven = np.flatnonzero(rows >= self.settings.column_rows)
                best = int(rows.max()), list(_bands(crossing, on_left, band, proven))
        return [part[chosen] for chosen in best[1]]

    def _crossing(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> Mask:
        """Which lines reach across a cut on both sides; their ends stand ``left`` and ``right`` of it."""
        least = np.maximum(self.settings.beside_share * (right - left), self.settings.crossing_part * self.distance)
        return np.asarray(np.minimum(-left, right) > least, np.bool_)

    def _in_margin(self, boxes: Boxes) -> Mask:
        """Which lines stand beside the body of a column of text and not within its width."""
        x0, x1, y = boxes.T
        width = x1 - x0
        body = width > self.settings.margin_width * np.quantile(width, 0.9)
        if np.count_nonzero(body) < self.settings.margin_lines:
            return np.zeros(len(boxes), np.bool_)
        left, right = np.quantile(x0[body], 0.1), np.quantile(x1[body], 0.9)
        slack = self.settings.beside_share * width
        outside = (x1 - slack <= left) | (x0 + slack >= right)
        beside = (y > y[body].min() - self.distance / 2) & (y < y[body].max() + self.distance / 2)
        notes = ~body & outside & beside
        few = np.count_nonzero(notes) <= self.settings.margin_share * np.count_nonzero(body)
        return np.asarray(notes & few, np.bool_)

    def _column(self, part: Numbers, boxes: Boxes) -> list[Block]:
        """Lines from above, those of one row from the left; a large step down begins a new block."""
        rows = rows_of(boxes, self.settings.row_share * self.distance, self.settings.beside_share)
        blocks: list[Block] = []
        above = -np.inf
        for row in rows:
            height = float(boxes[row, 2].mean())
            if not blocks or height - above > self.settings.column_gap * self.distance:
                blocks.append(Block([]))
            blocks[-1].lines.extend(part[row].tolist())
            above = height
        return blocks


def _bands(crossing: Mask, on_left: Mask, band: NDArray[np.intp], proven: NDArray[np.intp]) -> Iterator[Mask]:
    """The parts of a divided part in reading order; bands that are not proven stay whole, with lines between them."""
    whole = np.zeros(len(crossing), np.bool_)
    for number in range(int(np.count_nonzero(crossing)) + 1):
        inside = ~crossing & (band == number)
        sides = (inside & on_left, inside & ~on_left)
        if number in proven and all(side.any() for side in sides):
            yield from (chosen for chosen in (whole, *sides) if chosen.any())
            whole = np.zeros(len(crossing), np.bool_)
        else:
            whole = whole | inside
        whole = whole | (crossing & (band == number))
    if whole.any():
        yield whole
