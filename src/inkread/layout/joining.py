"""Join the pieces of a text line.

Usage: ``lines = join_fragments(fragments)``

A wide gap between two words, a fold or a blot parts a ribbon. Two pieces belong together where the one goes on
where the other ends: close by, on the same height, of like thickness. The closest pairs are joined first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkread.layout.fragments import Fragment

MAX_GAP = 7.0
MAX_OVERLAP = 1.0
MAX_STEP = 1.0
MAX_THICKNESS_RATIO = 2.2
SLOPE_REACH = 12.0
STEP_WEIGHT = 3.0
GUTTER_GAP, COLUMN_LENGTH, ALIGNMENT, OTHER_STARTS = 2.0, 8.0, 2.0, 3

Mask = NDArray[np.bool_]


def join_fragments(fragments: Sequence[Fragment], rulings: Mask | None = None) -> list[Fragment]:
    """Join pieces into lines; distances are in units of the ribbons' thickness.

    Args:
        fragments: pieces that run from left to right.
        rulings: bool [rows, columns]; pieces are not joined across True.
    """
    candidates = []
    starts = np.array([piece.x[0] for piece in fragments])
    for left_index, left in enumerate(fragments):
        for right_index, right in enumerate(fragments):
            if left_index == right_index:
                continue
            cost = _cost(left, right)
            if cost is None or _separated(left, right, rulings) or _across_gutter(left, right, starts):
                continue
            candidates.append((cost, left_index, right_index))
    following: dict[int, int] = {}
    preceded: set[int] = set()
    for _, left_index, right_index in sorted(candidates):
        if left_index not in following and right_index not in preceded:
            following[left_index] = right_index
            preceded.add(right_index)
    chains = (_chain(start, following) for start in range(len(fragments)) if start not in preceded)
    return [_merge([fragments[index] for index in chain]) for chain in chains]


def _cost(left: Fragment, right: Fragment) -> float | None:
    """What joining costs; None where the two do not belong together. Costs grow from left to right, so no loops."""
    thickness = (left.thickness + right.thickness) / 2
    ratio = max(left.thickness, right.thickness) / min(left.thickness, right.thickness)
    gap = float(right.x[0] - left.x[-1]) / thickness
    if not -MAX_OVERLAP <= gap <= MAX_GAP or ratio > MAX_THICKNESS_RATIO:
        return None
    if right.x[0] <= left.x[0] or right.x[-1] <= left.x[-1]:
        return None
    middle = float(left.x[-1] + right.x[0]) / 2
    step = abs(_extrapolate(left, middle, at_end=True) - _extrapolate(right, middle, at_end=False)) / thickness
    level = abs(float(left.y[-1] - right.y[0])) / thickness
    step = min(step, level)
    return gap + STEP_WEIGHT * step if step <= MAX_STEP else None


def _extrapolate(piece: Fragment, x: float, *, at_end: bool) -> float:
    """Height of the piece's centre line where it would reach ``x``."""
    reach = max(round(SLOPE_REACH * piece.thickness), 2)
    xs, ys = (piece.x[-reach:], piece.y[-reach:]) if at_end else (piece.x[:reach], piece.y[:reach])
    if len(xs) < reach // 2 or xs[-1] - xs[0] < 3 * piece.thickness:
        return float(ys[-1] if at_end else ys[0])
    slope, offset = np.polyfit(xs - x, ys, 1)
    del slope
    return float(offset)


def _separated(left: Fragment, right: Fragment, rulings: Mask | None) -> bool:
    if rulings is None:
        return False
    x0, x1 = sorted((int(left.x[-1]), int(right.x[0])))
    y = int((left.y[-1] + right.y[0]) / 2)
    return bool(rulings[min(max(y, 0), rulings.shape[0] - 1), max(x0 - 1, 0) : x1 + 2].any())


def _across_gutter(left: Fragment, right: Fragment, starts: NDArray[np.floating]) -> bool:
    """True where a new column begins: after a gap, at a place where other lines begin too.

    A short piece on the left, such as a verse number, is no column.
    """
    thickness = (left.thickness + right.thickness) / 2
    if right.x[0] - left.x[-1] < GUTTER_GAP * thickness or left.length < COLUMN_LENGTH * thickness:
        return False
    aligned = np.abs(starts - right.x[0]) < ALIGNMENT * thickness
    return bool(np.count_nonzero(aligned) > OTHER_STARTS)


def _chain(start: int, following: dict[int, int]) -> list[int]:
    chain = [start]
    while chain[-1] in following:
        chain.append(following[chain[-1]])
    return chain


def _merge(pieces: list[Fragment]) -> Fragment:
    if len(pieces) == 1:
        return pieces[0]
    x = np.concatenate([piece.x for piece in pieces])
    y = np.concatenate([piece.y for piece in pieces])
    columns, first = np.unique(x, return_index=True)
    lengths = [piece.length for piece in pieces]
    return Fragment(columns, y[first], float(np.average([piece.thickness for piece in pieces], weights=lengths)))
