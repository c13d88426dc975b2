"""Where something can be written on an empty form: cells between printed lines, tick boxes, combs, tables, lines.

Usage: ``frames = find_frames(grey)``

Printed lines are the long level and upright strokes of the page. What they enclose completely is a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.forms.template import Box
from inkread.recognition.line_images import Grey

STROKE = 18
"""Pixels at 200 dpi (2.3 mm) from which a straight stroke is a printed line; strokes of printed letters are shorter."""
GAP = 3
"""Pixels that a line may be broken for."""
SMALLEST, LARGEST_SHARE = 14, 0.5
"""Pixels of a side of a cell, and the share of the page that it may have."""
RECTANGULAR = 0.9
LEAST_CELL = (40, 24)
"""Pixels of width and height from which something can be written in a cell."""
TICK_SIDES = (14, 52)
"""Pixels: 1.8 to 6.6 mm."""
COMB_SIDES = (18, 75)
"""Pixels between the lines of a comb: 2.3 to 9.5 mm."""
LEAST_COMB = 3
LINE_LENGTH = 80
"""Pixels from which a line that frames nothing is there to be written on."""
LINE_ROOM = 60
"""Pixels above it that belong to it, where nothing stands closer."""
ALIGNED = 5
"""Pixels that borders of aligned cells may differ by."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells in rows, from above and from the left."""

    rows: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """What was found on a page.

    Attributes:
        cells: boxes that are none of the others.
        ticks: small squares.
        combs: boxes of equal cells side by side, with their number.
        tables: aligned rows of cells.
        lines: the room above lines to write on.
    """

    cells: list[Box] = field(default_factory=list)
    ticks: list[Box] = field(default_factory=list)
    combs: list[tuple[Box, int]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: list[Box] = field(default_factory=list)


def ink_of(grey: Grey) -> NDArray[np.uint8]:
    """Ink as 255, paper as 0: darker than its surroundings by an eighth of the page's contrast, at least 20."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.6)
    around = cv2.blur(smooth, (61, 61))
    low, high = np.percentile(smooth[::4, ::4], (0.5, 95))
    least = max((float(high) - float(low)) / 8, 20.0)
    return np.where(smooth.astype(np.int16) < around.astype(np.int16) - least, np.uint8(255), np.uint8(0))


def _printed_lines(ink: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Level and upright ones, gaps in them closed."""
    level, upright = (
        np.asarray(
            cv2.dilate(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(long, np.uint8)), np.ones(across, np.uint8)),
            np.uint8,
        )
        for long, across in (((1, STROKE), (1, 2 * GAP + 1)), ((STROKE, 1), (2 * GAP + 1, 1)))
    )
    return level, upright


def lines_of(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The level and upright lines of a page, 255 where they are, with gaps in them closed."""
    level, upright = _printed_lines(ink)
    return level | upright


def without_lines(grey: Grey) -> Grey:
    """The page without printed lines, so that labels that touch them are read without them."""
    cleaned = grey.copy()
    cleaned[cv2.dilate(lines_of(ink_of(grey)), np.ones((3, 3), np.uint8)) > 0] = np.uint8(np.median(grey))
    return cleaned


def find_frames(grey: Grey) -> Frames:
    """The frames of an empty page at 200 dpi, uint8 [height, width]."""
    ink = ink_of(grey)
    level, upright = _printed_lines(ink)
    cells = _cells(level | upright)
    found = Frames()
    single: list[Box] = []
    for row in _rows(cells):
        for run in _runs(row):
            _sort_run(run, found, single)
    found.tables.extend(_tables(single))
    in_table = {cell for table in found.tables for row in table.rows for cell in row}
    found.cells.extend(cell for cell in single if cell not in in_table)
    found.lines.extend(_lines(level, upright, ink))
    return found


def _cells(lines: NDArray[np.uint8]) -> list[Box]:
    """Rectangles that lines enclose, from above."""
    height, width = lines.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.where(lines > 0, np.uint8(0), np.uint8(1)), connectivity=4)
    boxes = []
    for left, top, across, down, area in stats[1:].tolist():
        inside = left > 0 and top > 0 and left + across < width and top + down < height
        large = across * down < LARGEST_SHARE * width * height
        if inside and large and min(across, down) >= SMALLEST and area >= RECTANGULAR * across * down:
            boxes.append((float(left), float(top), float(across), float(down)))
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def _rows(cells: Sequence[Box]) -> Iterator[list[Box]]:
    """Cells with the same top and height, from the left."""
    rows: list[list[Box]] = []
    for cell in cells:
        row = next((row for row in rows if _close(row[0][1], cell[1]) and _close(row[0][3], cell[3])), None)
        if row is None:
            rows.append([cell])
        else:
            row.append(cell)
    return (sorted(row) for row in rows)


def _close(first: float, second: float) -> bool:
    return abs(first - second) <= ALIGNED


def _runs(row: Sequence[Box]) -> Iterator[list[Box]]:
    """Cells of a row that share a border."""
    run: list[Box] = []
    for cell in row:
        if run and cell[0] - (run[-1][0] + run[-1][2]) > 4 * GAP:
            yield run
            run = []
        run.append(cell)
    if run:
        yield run


def _sort_run(run: list[Box], found: Frames, single: list[Box]) -> None:
    """Divide cells that share borders into combs, tick boxes and others."""
    for cells in _equal(run):
        if len(cells) >= LEAST_COMB and COMB_SIDES[0] <= cells[0][2] <= COMB_SIDES[1] and cells[0][3] <= LINE_ROOM * 2:
            found.combs.append((_around(cells), len(cells)))
            continue
        for cell in cells:
            _, _, across, down = cell
            square = TICK_SIDES[0] <= min(across, down) and max(across, down) <= TICK_SIDES[1]
            if square and abs(across - down) <= max(2.0, 0.12 * across):
                found.ticks.append(cell)
            elif across >= LEAST_CELL[0] and down >= LEAST_CELL[1]:
                single.append(cell)


def _equal(run: Sequence[Box]) -> Iterator[list[Box]]:
    """Neighbours that are equally wide."""
    cells: list[Box] = []
    for cell in run:
        if cells and not _close(cells[0][2], cell[2]):
            yield cells
            cells = []
        cells.append(cell)
    yield cells


def _around(boxes: Sequence[Box]) -> Box:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(x + w for x, _, w, _ in boxes), max(y + h for _, y, _, h in boxes)
    return left, top, right - left, bottom - top


def _tables(cells: Sequence[Box]) -> list[Table]:
    """Runs of two cells or more that stand below each other with the same borders, in three rows or more."""
    runs = [run for row in _rows(cells) for run in _runs(row) if len(run) >= 2]
    tables: list[list[list[Box]]] = []
    for run in sorted(runs, key=lambda run: run[0][1]):
        above = next((rows for rows in tables if _continues(rows[-1], run)), None)
        if above is None:
            tables.append([run])
        else:
            above.append(run)
    return [Table(tuple(map(tuple, rows))) for rows in tables if len(rows) >= 3]


def _continues(above: Sequence[Box], below: Sequence[Box]) -> bool:
    gap = below[0][1] - (above[0][1] + above[0][3])
    return (
        len(above) == len(below)
        and 0 <= gap <= 4 * GAP
        and all(_close(a[0], b[0]) and _close(a[2], b[2]) for a, b in zip(above, below, strict=True))
    )


def _lines(level: NDArray[np.uint8], upright: NDArray[np.uint8], ink: NDArray[np.uint8]) -> Iterator[Box]:
    """The room above level lines that no upright line touches."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(level | upright)
    framed = set(np.unique(labels[upright > 0]).tolist())
    for number in range(1, count):
        left, top, across, down, _ = stats[number].tolist()
        if number in framed or across < LINE_LENGTH or down > 4 * GAP:
            continue
        left, across = left + GAP, across - 2 * GAP
        above = ink[max(top - LINE_ROOM, 0) : max(top - GAP, 0), left : left + across]
        rows = np.flatnonzero(above.any(axis=1))
        free = len(above) - 1 - int(rows[-1]) if len(rows) else len(above)
        if free >= SMALLEST:
            yield float(left), float(top - free), float(across), float(free)
