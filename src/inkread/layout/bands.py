"""How far above and below its baseline a line is cut.

Usage: ``bands = line_bands(baselines, polygons); cut_strip(grey, baselines[0], ascent=bands[0].ascent, ...)``

Outlines clip tall letters on one page and swallow the neighbours on the next; the distance to the nearest
line is steadier. Cutting ``REACH`` of it, two thirds above the baseline, and letting the outline only bound
the result, lowered the CER of the untrained recogniser on lines of eight sources from 0.298 (outline alone)
to 0.263. A word squeezed in between two lines, or a gap after a paragraph, says nothing about the size of the
writing, so a line keeps near the lines around it. Training and reading cut alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.document import Polygon, Polyline

REACH = 1.08
ASCENT_SHARE = 2 / 3
OUTLINE_BOUNDS = (0.7, 1.5)
AROUND = 15
AROUND_BOUNDS = (0.9, 1.2)
"""A band's share of the median band of the ``AROUND`` lines nearest to it, itself among them."""
MIN_OVERLAP = 0.2
MIN_DISTANCE = 0.15
MIN_BAND = 6.0


@dataclass(frozen=True, slots=True)
class Band:
    """Extent of a line above and below its baseline, in page pixels."""

    ascent: float
    descent: float


def line_bands(baselines: Sequence[Polyline], polygons: Sequence[Polygon]) -> list[Band]:
    """The band of each line of a page, from the distance to its neighbours and its outline.

    Args:
        baselines: one polyline a line, at least two points each.
        polygons: the outlines, same order; an empty one leaves the distance alone to decide.
    """
    chords = np.array([(line[0], line[-1]) for line in baselines], dtype=np.float64).reshape(-1, 2, 2)
    heights = [_outline_height(baseline, polygon) for baseline, polygon in zip(baselines, polygons, strict=True)]
    known = [height for height in heights if height]
    typical = float(np.median(known)) if known else 40.0
    totals = np.zeros(len(chords))
    for index, height in enumerate(heights):
        spacing = _nearest_distance(chords, index, MIN_DISTANCE * (height or typical))
        totals[index] = REACH * spacing if spacing else height or typical
        if height:
            totals[index] = np.clip(totals[index], OUTLINE_BOUNDS[0] * height, OUTLINE_BOUNDS[1] * height)
    bands = []
    rows = chords[:, :, 1].mean(axis=1)
    for own, row in zip(totals, rows, strict=True):
        usual = float(np.median(totals[np.argsort(np.abs(rows - row), kind="stable")[:AROUND]]))
        total = max(float(np.clip(own, AROUND_BOUNDS[0] * usual, AROUND_BOUNDS[1] * usual)), MIN_BAND)
        bands.append(Band(ASCENT_SHARE * total, (1 - ASCENT_SHARE) * total))
    return bands


def _outline_height(baseline: Polyline, polygon: Polygon) -> float:
    """Extent of an outline across its baseline, without its outermost tenths; 0 without an outline around it."""
    if len(polygon) < 3:
        return 0.0
    points, chord = np.asarray(polygon), np.asarray(baseline)
    along, across = _project(points, chord[0], chord[-1])
    base_along, base_across = _project(chord, chord[0], chord[-1])
    order = np.argsort(base_along, kind="stable")
    rise = np.interp(along, base_along[order], base_across[order]) - across
    if rise.max() < 0 or rise.min() > rise.max() / 2:
        return 0.0  # beside its baseline: some files give the two at different scales
    return float(max(np.percentile(rise, 90), 5.0) + max(-np.percentile(rise, 10), 3.0))


def _nearest_distance(chords: NDArray[np.float64], index: int, minimum: float) -> float:
    """Distance from a line to the nearest one beside it, 0 where there is none."""
    start, end = chords[index]
    along, across = _project(chords.reshape(-1, 2), start, end)
    along, across = along.reshape(-1, 2), across.reshape(-1, 2)
    length = float(np.hypot(*(end - start)))
    low, high = along.min(axis=1), along.max(axis=1)
    overlap = np.minimum(high, length) - np.maximum(low, 0.0)
    middle = np.clip((np.maximum(low, 0.0) + np.minimum(high, length)) / 2, low, high)
    run = np.where(np.ptp(along, axis=1) > 0, along[:, 1] - along[:, 0], 1.0)
    share = np.clip((middle - along[:, 0]) / run, 0.0, 1.0)
    distance = np.abs(across[:, 0] + share * (across[:, 1] - across[:, 0]))
    beside = (overlap > MIN_OVERLAP * np.minimum(high - low, length)) & (distance > max(minimum, 1.0))
    beside[index] = False
    return float(distance[beside].min()) if beside.any() else 0.0


def _project(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of points along the line from start to end, and across it (downward positive)."""
    chord = end - start
    length = float(np.hypot(*chord))
    direction = chord / length if length else np.array([1.0, 0.0])
    relative = points - start
    return relative @ direction, relative @ np.array([-direction[1], direction[0]])
