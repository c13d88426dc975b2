"""Reading order: columns, facing pages, marginal notes, tables.

Usage: ``blocks = reading_order(baselines)``

Two rules give a partial order (Breuel, "High performance document layout analysis", 2003): of two lines that stand
above one another the upper comes first; of two that stand beside one another the left one comes first, unless a third
line between them spans both. The lines are then sorted topologically, which keeps columns together without
cutting the page into boxes, and so bears slanted lines and notes that reach into the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from inkread.document import Polyline
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings
from inkread.layout.tables import find_tables

Boxes = NDArray[np.float64]


def reading_order(baselines: Sequence[Polyline], settings: LayoutSettings = DEFAULT_LAYOUT) -> list[list[int]]:
    """Sort lines into blocks of reading order.

    Args:
        baselines: in page pixels, each in writing direction.
        settings: what counts as beside, and as a new block.

    Returns:
        Blocks of line numbers; a block is a run of lines below one another in one column.
    """
    if not baselines:
        return []
    boxes = _level_boxes(baselines)
    tables = find_tables(boxes, settings)
    within = {index for rows in tables for row in rows for index in row}
    units = [[index] for index in range(len(boxes)) if index not in within]
    units += [[index for row in rows for index in row] for rows in tables]
    outer = np.array([(boxes[unit, 0].min(), boxes[unit, 1].max(), boxes[unit, 2].mean()) for unit in units])
    order = _topological(_before(outer, settings.beside_share), outer, settings.beside_share)
    return [run for block in _blocks(order, outer, settings.column_gap) for run in _with_tables(block, units)]


def _with_tables(block: list[int], units: list[list[int]]) -> Iterator[list[int]]:
    """The lines of a block of units; each table is a block of its own."""
    for is_table, members in groupby(block, key=lambda number: len(units[number]) > 1):
        if is_table:
            yield from (units[number] for number in members)
        else:
            yield [units[number][0] for number in members]


def _level_boxes(baselines: Sequence[Polyline]) -> Boxes:
    """x0, x1, y of each line after the page's skew is taken out."""
    chords = np.array([(line[0], line[-1]) for line in baselines], np.float64)
    delta = chords[:, 1] - chords[:, 0]
    lengths = np.hypot(delta[:, 0], delta[:, 1])
    angles = np.arctan2(delta[:, 1], delta[:, 0])
    level = np.abs(angles) < np.pi / 4
    skew = 0.0
    if level.any():
        ranked = np.argsort(angles[level])
        weights = np.cumsum(lengths[level][ranked])
        skew = float(angles[level][ranked][np.searchsorted(weights, weights[-1] / 2)])
    cosine, sine = np.cos(skew), np.sin(skew)
    boxes = np.empty((len(baselines), 3))
    for index, line in enumerate(baselines):
        points = np.asarray(line, np.float64)
        x = points[:, 0] * cosine + points[:, 1] * sine
        y = points[:, 1] * cosine - points[:, 0] * sine
        boxes[index] = x.min(), x.max(), y.mean()
    return boxes


def _before(boxes: Boxes, beside_share: float) -> NDArray[np.bool_]:
    """before[a, b]: a is read ahead of b."""
    x0, x1, y = boxes.T
    overlap = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    shorter = np.minimum(x1 - x0, (x1 - x0)[:, None])
    beside = overlap <= beside_share * shorter
    above = ~beside & (y[:, None] < y)
    left = beside & (x0[:, None] + x1[:, None] < x0 + x1)
    spans = ~beside
    for a, b in np.argwhere(left):
        low, high = sorted((y[a], y[b]))
        between = (y > low) & (y < high) & spans[:, a] & spans[:, b]
        between[[a, b]] = False
        if between.any():
            left[a, b] = False
            left[b, a] = False
    return np.asarray(above | left, np.bool_)


def _topological(before: NDArray[np.bool_], boxes: Boxes, beside_share: float) -> list[int]:
    """Order that keeps ``before``; where it holds a circle, the uppermost line goes first."""
    remaining = np.ones(len(boxes), np.bool_)
    waiting = before.sum(axis=0)
    order: list[int] = []
    last: int | None = None
    while remaining.any():
        free = np.flatnonzero(remaining & (waiting == 0))
        if not free.size:
            free = np.flatnonzero(remaining)
            choice = int(free[np.argmin(boxes[free, 2])])
        else:
            choice = int(min(free, key=lambda index: _jump(boxes, last, int(index), beside_share)))
        order.append(choice)
        remaining[choice] = False
        waiting = waiting - before[choice]
        last = choice
    return order


def _jump(boxes: Boxes, last: int | None, index: int, beside_share: float) -> tuple[bool, float, float]:
    """Prefer the line under the last one, then the leftmost column, then the uppermost line."""
    x0, x1, y = boxes[index]
    if last is None:
        return (True, y, x0)
    overlap = min(x1, boxes[last, 1]) - max(x0, boxes[last, 0])
    continues = overlap > beside_share * min(x1 - x0, boxes[last, 1] - boxes[last, 0])
    return (not continues, y if continues else x0, y)


def _blocks(order: list[int], boxes: Boxes, column_gap: float) -> list[list[int]]:
    """Cut the order where the next line is not below the last, or far below it."""
    steps = [
        boxes[b, 2] - boxes[a, 2]
        for a, b in zip(order, order[1:], strict=False)
        if min(boxes[a, 1], boxes[b, 1]) > max(boxes[a, 0], boxes[b, 0]) and boxes[b, 2] > boxes[a, 2]
    ]
    usual = float(np.median(steps)) if steps else np.inf
    blocks = [[order[0]]]
    for a, b in zip(order, order[1:], strict=False):
        overlap = min(boxes[a, 1], boxes[b, 1]) - max(boxes[a, 0], boxes[b, 0])
        step = boxes[b, 2] - boxes[a, 2]
        if overlap > 0 and 0 < step < column_gap * usual:
            blocks[-1].append(b)
        else:
            blocks.append([b])
    return blocks
