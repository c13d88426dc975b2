"""Whether two pictures are the same page, encoded or scaled anew.

Usage: ``likeness(fingerprint_of(grey), fingerprint_of(other)) > SAME``

A fingerprint is the page in `SIDE` by `SIDE` cells, each less the light around it and over the contrast around
it, so that margins and borders, which pages of one letter have in common, count no more than writing; its mean is 0 and
its length 1. The likeness of two is their correlation, the highest of the four ways to turn one of them. A page that
was cropped, or photographed again, is another picture: `inkread.data.landmarks` recognises it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
"""Cells across and down: some four for each line of a page."""
SAME = 0.85
"""Likeness above which two pictures are the same page. Of 33 pages of 7 sources, copies had at least 0.975, and other
pages of the same source, some of them in the same black frame, at most 0.686; see also ``benchmarks/gold.py``."""
LIGHT, CONTRAST = 3.0, 6.0
"""Standard deviations in cells of what is around a cell."""
LEAST_CONTRAST = 2.0
"""Grey values added to the contrast, so that empty paper does not become noise."""
MOST = 2.0
"""Times the contrast around it that a cell may stand out."""

Fingerprint = NDArray[np.float32]
"""[SIDE, SIDE], of length 1; all 0 for a picture without any contrast."""


def fingerprint_of(grey: NDArray[np.uint8]) -> Fingerprint:
    """The fingerprint of grey values uint8 [height, width]."""
    cells = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    cells -= cv2.GaussianBlur(cells, (0, 0), LIGHT)
    contrast = np.sqrt(cv2.GaussianBlur(cells * cells, (0, 0), CONTRAST)) + LEAST_CONTRAST
    cells = np.clip(cells / contrast, -MOST, MOST)
    cells -= cells.mean()
    length = float(np.linalg.norm(cells))
    return np.asarray(cells / length if length > 1 else np.zeros_like(cells), np.float32)


def likeness(one: Fingerprint, others: Fingerprint) -> NDArray[np.float32]:
    """Correlation of a fingerprint with others [..., SIDE, SIDE], the highest of its four turns; -1 to 1."""
    turned = np.stack([np.rot90(one, turns) for turns in range(4)])
    found = np.tensordot(others, turned, axes=([-2, -1], [-2, -1]))
    return np.asarray(found.max(axis=-1), np.float32)
