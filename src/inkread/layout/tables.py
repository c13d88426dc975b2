"""Tables, accounts and programmes: lines that stand beside one another and are read row by row.

Usage: ``for rows in find_tables(boxes): ...``

Columns of prose and the cells of a table both stand side by side. A table is told by its rows: cells that share a
baseline, row after row, with much blank paper between them, in three columns or more, or with short cells such as
amounts on the right. A register in which one column has several lines an entry is read by column.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inkread.document import Cell
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings

Boxes = NDArray[np.float64]
"""x0, x1 and y of each line, the page's skew taken out."""
Row = list[int]
TEXT, MARGINALIA, TABLE = "text", "marginalia", "table"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of one region, in reading order.

    Attributes:
        lines: their numbers.
        kind: ``text``, ``marginalia`` or ``table``.
        cells: of a table, the cell of each line; empty elsewhere.
    """

    lines: list[int]
    kind: str = TEXT
    cells: tuple[Cell, ...] = ()


def find_tables(boxes: Boxes, settings: LayoutSettings = DEFAULT_LAYOUT) -> list[list[Row]]:
    """The tables of a page: each is a list of rows from above, each row the numbers of its lines from the left.

    Args:
        boxes: float64 [lines, 3].
        settings: the thresholds.
    """
    rows = rows_of(boxes, settings.row_tolerance * line_distance(boxes), settings.beside_share)
    found = []
    for run in _runs(rows, boxes, settings):
        while run and len(run[-1]) < 2:  # what follows the last row is text below the table
            run.pop()
        if _is_table(run, boxes, settings):
            found.append(run)
    return found


def rows_of(boxes: Boxes, tolerance: float, overlap: float = 0.0) -> list[Row]:
    """Lines that stand beside one another at the same height within a tolerance, from above.

    They may overlap by a share of the shorter one.
    """
    x0, x1, _ = boxes.T
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    beside = shared <= overlap * np.minimum((x1 - x0)[:, None], x1 - x0)
    order = np.argsort(boxes[:, 2], kind="stable")
    rows: list[Row] = []
    for index in map(int, order):
        row = rows[-1] if rows else []
        level = float(np.mean(boxes[row, 2])) if row else -np.inf
        if row and beside[index, row].all() and boxes[index, 2] - level <= tolerance:
            row.append(index)
        else:
            rows.append([index])
    return [sorted(row, key=lambda index: float(boxes[index, 0])) for row in rows]


def line_distance(boxes: Boxes) -> float:
    """Median distance of a line to the next one below it in its column; 0 where no line has one."""
    x0, x1, y = boxes.T
    below = (np.minimum(x1[:, None], x1) > np.maximum(x0[:, None], x0)) & (y > y[:, None])
    nearest = np.where(below, y - y[:, None], np.inf).min(axis=1, initial=np.inf)
    known = nearest[np.isfinite(nearest)]
    return float(np.median(known)) if len(known) else 0.0


def _runs(rows: list[Row], boxes: Boxes, settings: LayoutSettings) -> list[list[Row]]:
    """Rows of several cells one below another, with few rows of one cell between them."""
    steps = [float(np.mean(boxes[b, 2]) - np.mean(boxes[a, 2])) for a, b in pairwise(rows)]
    usual = float(np.median(steps)) if steps else np.inf
    runs: list[list[Row]] = []
    alone = 0
    for number, row in enumerate(rows):
        near = number > 0 and steps[number - 1] <= settings.row_step * usual
        if runs and near and runs[-1] and (len(row) > 1 or alone < settings.row_alone):
            runs[-1].append(row)
        elif len(row) > 1:
            runs.append([row])
        elif runs:
            runs.append([])
        alone = 0 if len(row) > 1 else alone + 1
    return [run for run in runs if run]


def _is_table(run: list[Row], boxes: Boxes, settings: LayoutSettings) -> bool:
    several = [row for row in run if len(row) > 1]
    if len(several) < settings.table_rows:
        return False
    columns = _columns(several, boxes, settings)
    full = sum(len(row) >= settings.table_fill * columns for row in several)
    if full < settings.table_share * len(run):
        return False
    counts = [len(row) for row in run]
    if len(run) < settings.table_large and counts.count(max(counts, key=counts.count)) < settings.table_alike * len(
        run
    ):
        return False
    members = [index for row in run for index in row]
    left, right = float(boxes[members, 0].min()), float(boxes[members, 1].max())
    written = [sum(float(boxes[i, 1] - boxes[i, 0]) for i in row) for row in several]
    blank = float(np.median(written)) <= settings.table_writing * (right - left)
    if float(np.median([len(row) for row in several])) > 2:
        return blank or _ragged([row[0] for row in several], boxes, settings)
    first, last = (float(np.median([boxes[row[at], 1] - boxes[row[at], 0] for row in several])) for at in (0, -1))
    return blank and last <= settings.table_short_cell * first


def _columns(rows: list[Row], boxes: Boxes, settings: LayoutSettings) -> float:
    """How many columns rows have: stretches that many cells cover, as far as a row has as many; cells of full rows."""
    cells = boxes[[index for row in rows for index in row]]
    inset = settings.beside_share * (cells[:, 1] - cells[:, 0])
    start, end = cells[:, 0] + inset, cells[:, 1] - inset
    place = np.sort(np.concatenate([start, end]))
    covered = ((start <= place[:, None]) & (place[:, None] < end)).sum(axis=1)
    dense = covered >= max(settings.table_column * len(rows), 2)
    stretches = int(np.count_nonzero(np.diff(dense.astype(np.int8), prepend=0) == 1))
    cells_of_rows = [len(row) for row in rows]
    return max(min(stretches, max(cells_of_rows)), float(np.quantile(cells_of_rows, 0.9)))


def as_table(rows: list[Row], boxes: Boxes, settings: LayoutSettings = DEFAULT_LAYOUT) -> Block:
    """The rows of a table as a block that says which column each cell belongs to.

    The longest rows that are not rare give the columns: the usual start and end of their first cell, second cell and so
    on. A cell of another row belongs to the column that it overlaps most, or that is nearest.
    """
    counts = Counter(map(len, rows))
    columns = max(
        length for length in counts if counts[length] >= min(settings.table_usual * len(rows), max(counts.values()))
    )
    places = np.median([boxes[row, :2] for row in rows if len(row) == columns], axis=0)
    lines, cells = [], []
    for number, row in enumerate(rows):
        shared = np.minimum(boxes[row, 1][:, None], places[:, 1]) - np.maximum(boxes[row, 0][:, None], places[:, 0])
        lines += row
        cells += [
            Cell(number, at) for at in (range(columns) if len(row) == columns else shared.argmax(axis=1).tolist())
        ]
    return Block(lines, TABLE, tuple(cells))


def _ragged(cells: Row, boxes: Boxes, settings: LayoutSettings) -> bool:
    """Whether cells below one another end at different places, unlike lines of prose."""
    ends, start = boxes[cells, 1], float(np.median(boxes[cells, 0]))
    far, usual = (float(np.quantile(ends, share)) for share in (0.9, 0.5))
    return far - usual >= settings.table_ragged * (far - start)
