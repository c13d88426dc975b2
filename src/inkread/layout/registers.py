"""Ruled registers: which cells stand between which rulings, and whether they are read by row, by record or by column.

Usage: ``grid = find_grid(text_map.grey, find_rulings(text_map.grey))``; ``blocks = grid.read(baselines)``

A register has many upright rulings as tall as its table. Where most rows have a cell in most columns, or in
each of two columns, it is read row by row. Where entries take several lines and all other cells stand in the first row
of their entry, it is read entry by entry. Elsewhere cells cannot be given to entries from where they stand: it is read
column by column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Cell, Polyline
from inkread.layout.lines import Mask, find_rulings
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings
from inkread.layout.tables import TABLE, Block, line_distance, rows_of

Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Grid:
    """The rulings of a register, in page pixels.

    Attributes:
        uprights: each from its upper end to its lower one, from the left.
        head: height of the ruling under the headings of the columns; None without one.
    """

    uprights: tuple[Polyline, ...]
    head: float | None


def find_grid(
    grey: NDArray[np.uint8], rulings: Mask, scale: tuple[float, float], settings: LayoutSettings = DEFAULT_LAYOUT
) -> Grid | None:
    """The grid of a register; None where a page has too few tall rulings.

    Args:
        grey: uint8 [rows, columns], at the resolution of the text map.
        rulings: as `find_rulings` marks them there.
        scale: map pixels for one page pixel, across and down.
        settings: the thresholds.
    """
    strokes = [stroke for stroke in _strokes(rulings) if stroke[1, 1] - stroke[0, 1] > settings.grid_height * len(grey)]
    if len(strokes) <= settings.grid_columns:
        return None
    across = [stroke[:, ::-1] for stroke in _strokes(find_rulings(np.ascontiguousarray(grey.T), settings))]
    left, right = strokes[0][:, 0].min(), strokes[-1][:, 0].max()
    top, bottom = min(s[0, 1] for s in strokes), max(s[1, 1] for s in strokes)
    wide = [
        float(stroke[:, 1].mean())
        for stroke in across
        if stroke[1, 0] - stroke[0, 0] > settings.grid_head_width * (right - left)
        and top + settings.grid_head_inset * (bottom - top) < stroke[:, 1].mean() < (top + bottom) / 2
    ]
    uprights = tuple(tuple((float(x / scale[0]), float(y / scale[1])) for x, y in stroke) for stroke in strokes)
    return Grid(uprights, min(wide) / scale[1] if wide else None)


def _strokes(rulings: Mask) -> list[NDArray[np.float64]]:
    """Upper and lower end of each ruling, [2, xy], from the left; pieces above one another are one ruling."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rulings.astype(np.uint8))
    found: list[NDArray[np.float64]] = []
    for label in range(1, count):
        x, y, width, height = (int(value) for value in stats[label, :4])
        inside = labels[y : y + height, x : x + width] == label
        ends = [float(x + np.flatnonzero(part.any(axis=0)).mean()) for part in (inside[:5], inside[-5:])]
        found.append(np.array([(ends[0], y), (ends[1], y + height)], np.float64))
    found.sort(key=lambda stroke: float(stroke[0, 1]))
    joined: list[NDArray[np.float64]] = []
    for stroke in found:
        for number, upper in enumerate(joined):
            if abs(upper[1, 0] - stroke[0, 0]) < 5 and stroke[0, 1] >= upper[1, 1] - 5:
                joined[number] = np.array([upper[0], stroke[1]])
                break
        else:
            joined.append(stroke)
    return sorted(joined, key=lambda stroke: float(stroke[:, 0].mean()))


def read_register(
    baselines: Sequence[Polyline], boxes: NDArray[np.float64], grid: Grid, settings: LayoutSettings = DEFAULT_LAYOUT
) -> list[Block] | None:
    """The lines within a register in reading order; None if it is none.

    Its headings are the first rows of the table, and may stand over several columns. Where cells cannot be given to
    rows, the headings and each column are blocks of text.

    Args:
        baselines: in page pixels.
        boxes: x0, x1 and y of each line after the skew of the page is taken out.
        grid: its rulings.
        settings: the thresholds.
    """
    column, first, last = _columns(baselines, grid, settings)
    inside = np.flatnonzero(column >= 0)
    numbers, column[inside] = np.unique(column[inside], return_inverse=True)
    first, last = np.searchsorted(numbers, first), np.searchsorted(numbers, last, side="right")
    if len(numbers) < settings.grid_columns:
        return None
    tolerance = settings.row_tolerance * line_distance(boxes[inside])
    heights = np.array([np.mean([y for _, y in line]) for line in baselines])
    heading = inside[heights[inside] < grid.head] if grid.head is not None else inside[:0]
    body = np.setdiff1d(inside, heading)
    rows = [body[row] for row in rows_of(boxes[body], tolerance, settings.beside_share)]
    full = [len(np.unique(column[row])) >= settings.table_fill * len(numbers) for row in rows]
    head = [heading[row] for row in rows_of(boxes[heading], tolerance, settings.beside_share)]
    above = [int(n) for row in head for n in row]
    by_row = np.mean(full) >= settings.table_share or _one_row_an_entry(rows, column, settings)
    entries = [row.tolist() for row in rows] if by_row else _records(rows, column, boxes, settings) if len(body) else []
    if entries:
        cells = [Cell(row, int(first[n]), int(last[n] - first[n])) for row, line in enumerate(head) for n in line]
        cells += [Cell(row, int(column[n])) for row, entry in enumerate(entries, len(head)) for n in entry]
        return [Block([*above, *(n for entry in entries for n in entry)], TABLE, tuple(cells))]
    blocks = [Block(above)] if above else []
    for number in np.unique(column[body]):
        members = body[column[body] == number]
        lines = [int(n) for row in rows_of(boxes[members], tolerance, settings.beside_share) for n in members[row]]
        blocks.append(Block(lines))
    return blocks


def _columns(baselines: Sequence[Polyline], grid: Grid, settings: LayoutSettings) -> tuple[Numbers, Numbers, Numbers]:
    """The column of each line, -1 where it stands outside, and the first and the last one that it reaches into.

    Columns of fewer cells than a table has rows do not count.
    Rulings that many lines run across are no borders of columns: those of ruled paper, or strokes of letters.
    """
    ends = np.array([sorted((line[0], line[-1])) for line in baselines])
    height = ends[:, :, 1].mean(axis=1)
    top = min(stroke[0][1] for stroke in grid.uprights)
    bottom = max(stroke[1][1] for stroke in grid.uprights)
    inside = (top < height) & (height < bottom)
    column, first, last = np.zeros((3, len(baselines)), np.intp)
    for (top_x, upper), (bottom_x, lower) in grid.uprights:
        left, right = (ends[:, :, 0] - top_x - (bottom_x - top_x) * (ends[:, :, 1] - upper) / (lower - upper)).T
        across = inside & (np.minimum(-left, right) > settings.beside_share * (right - left))
        if np.count_nonzero(across) <= settings.grid_crossed * np.count_nonzero(inside):
            middle = left + right > 0
            column += middle
            first += middle & ~across
            last += middle | across
    column[~inside] = -1
    for number in np.unique(column):
        if np.count_nonzero(column == number) < settings.table_rows:
            column[column == number] = -1
    return column, first, last


def _one_row_an_entry(rows: list[Numbers], column: Numbers, settings: LayoutSettings) -> bool:
    """Whether two columns have cells in most rows, as where an account has an amount for each line."""
    filled = np.bincount(np.concatenate([np.unique(column[row]) for row in rows])) if rows else np.zeros(0)
    return bool(np.count_nonzero(filled >= settings.grid_fill * len(rows)) >= 2)


def _records(
    rows: list[Numbers], column: Numbers, boxes: NDArray[np.float64], settings: LayoutSettings
) -> list[list[int]]:
    """The entries of a register; none where cells beside the longest column stand below the first row of an entry."""
    members = np.concatenate(rows)
    longest = int(np.bincount(column[members]).argmax())
    beside = np.count_nonzero(column[members] != longest)
    least = max(settings.record_cells, (len(np.unique(column[members])) - 1) / 2)
    cells = [np.count_nonzero(column[row] != longest) for row in rows]
    heads = [count >= least for count in cells]
    if sum(count for count, is_head in zip(cells, heads, strict=True) if is_head) < settings.record_share * beside:
        return []
    records: list[list[int]] = []
    for row, is_head in zip(rows, heads, strict=True):
        if is_head or not records:
            records.append([])
        records[-1].extend(map(int, row))
    return [sorted(record, key=lambda n: (column[n], boxes[n, 2])) for record in records]
