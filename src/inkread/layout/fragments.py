"""From the detector's ribbons to pieces of text lines.

Usage: ``fragments = find_fragments(text_map)``
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.layout.detector import TextMap

THRESHOLD = 0.3
SPLIT_THRESHOLDS = (0.5, 0.7, 0.85)
MIN_PEAK = 0.5
MIN_PIXELS = 12
DOUBLE_SHARE = 0.15
VERTICAL_RATIO = 2.5

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a line: the centre of one ribbon, in map pixels.

    Attributes:
        x: float32 [n], ascending, one a column.
        y: float32 [n], centre of the ribbon there.
        thickness: typical extent across the line.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    thickness: float

    @property
    def length(self) -> float:
        """Extent along the line."""
        return float(self.x[-1] - self.x[0]) + 1.0


@dataclass(frozen=True, slots=True)
class Fragments:
    """Level pieces, and upright ones: the latter with x and y exchanged."""

    level: list[Fragment]
    upright: list[Fragment]


def find_fragments(text_map: TextMap) -> Fragments:
    """Trace every ribbon of a text map.

    Ribbons of neighbouring lines that touch are told apart at a higher threshold.
    """
    level: list[Fragment] = []
    upright: list[Fragment] = []
    for ribbon, x0, y0 in _ribbons(text_map.probability, THRESHOLD, SPLIT_THRESHOLDS):
        height, width = ribbon.shape
        if height > VERTICAL_RATIO * width:
            upright.append(_trace(ribbon.T, y0, x0))
        else:
            level.append(_trace(ribbon, x0, y0))
    return Fragments(level, upright)


def _ribbons(
    probability: NDArray[np.float32], threshold: float, finer: tuple[float, ...], origin: tuple[int, int] = (0, 0)
) -> list[tuple[Mask, int, int]]:
    """Masks of single ribbons with the position of their upper left corner."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((probability > threshold).astype(np.uint8))
    found: list[tuple[Mask, int, int]] = []
    for label in range(1, count):
        x, y, width, height, pixels = (int(value) for value in stats[label])
        if pixels < MIN_PIXELS:
            continue
        ribbon = labels[y : y + height, x : x + width] == label
        values = np.where(ribbon, probability[y : y + height, x : x + width], np.float32(0))
        if values.max() < MIN_PEAK:
            continue
        here = (origin[0] + x, origin[1] + y)
        if finer and _holds_two_lines(ribbon):
            found.extend(_ribbons(values, finer[0], finer[1:], here))
        else:
            found.append((ribbon, *here))
    return found


def _holds_two_lines(ribbon: Mask) -> bool:
    """True where many columns cross more than one stretch of the ribbon, or it is far thicker in places."""
    edges = np.diff(ribbon.astype(np.int8), axis=0, prepend=0)
    stretches = (edges == 1).sum(axis=0)
    return bool((stretches > 1).mean() > DOUBLE_SHARE) and ribbon.shape[1] > ribbon.shape[0]


def _trace(ribbon: Mask, x0: int, y0: int) -> Fragment:
    """Centre line and thickness of a ribbon that runs from left to right."""
    rows = np.arange(ribbon.shape[0], dtype=np.float32)[:, None]
    counts = ribbon.sum(axis=0)
    filled = counts > 0
    centre = (ribbon * rows).sum(axis=0)[filled] / counts[filled]
    columns = np.flatnonzero(filled)
    thickness = float(np.median(counts[filled]))
    smooth = cv2.GaussianBlur(
        centre[None].astype(np.float32), (0, 0), max(2 * thickness, 1.0), borderType=cv2.BORDER_REFLECT
    )[0]
    return Fragment((x0 + columns + 0.5).astype(np.float32), smooth + np.float32(y0 + 0.5), thickness)
