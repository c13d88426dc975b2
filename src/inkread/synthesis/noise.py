"""Smooth random fields: how lines wander and paper shades.

Usage: ``field = smooth_noise(rng, (1, width), period=80)[0]``
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], period: float) -> NDArray[np.float32]:
    """Normal noise of about unit variance that changes over ``period`` pixels, float32 of ``shape`` [rows, columns]."""
    rows, columns = shape
    coarse = rng.normal(size=(int(rows / period) + 2, int(columns / period) + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)
