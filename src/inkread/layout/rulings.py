"""Vertical rulings of tables and forms, which part the cells of a row.

Usage: ``rulings = find_rulings(text_map.grey)``
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_SHARE = 0.12
CLOSING_SHARE = 0.01
CONTRAST = 10
MAX_WIDTH = 8


def find_rulings(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark long, thin, dark, upright strokes.

    Args:
        grey: uint8 [rows, columns], at the resolution of the text map.

    Returns:
        bool of the same shape.
    """
    rows = grey.shape[0]
    background = cv2.blur(grey, (31, 1))
    dark = (background.astype(np.int16) - grey > CONTRAST).astype(np.uint8)
    closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((max(round(CLOSING_SHARE * rows), 3), 1), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((max(round(MIN_SHARE * rows / 3), 9), 1), np.uint8))
    joined = cv2.dilate(opened, np.ones((5, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    keep = np.zeros(count, np.bool_)
    for label in range(1, count):
        width, height = int(stats[label, cv2.CC_STAT_WIDTH]), int(stats[label, cv2.CC_STAT_HEIGHT])
        area = int(stats[label, cv2.CC_STAT_AREA])
        keep[label] = height > MIN_SHARE * rows and area / height < MAX_WIDTH and width < height / 4
    return np.asarray(keep[labels], np.bool_)
