"""Small changes of a cut line that leave its text as it is.

Usage: ``strip = augment(context_strip, rng)``; ``one, other = augmented_views(context_strip, rng, 2)``

Geometry goes through one resampling: where the band is cut, its height, the margins at both ends, skew, slant,
stretch, letters closer or wider, and a slow wander. Then tone, blur, noise, pen width and masked spans. The views of
one line share the geometry, so that their frames can be compared one by one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.synthesis.noise import smooth_noise
from inkread.training.lines import CONTEXT_ABOVE, CONTEXT_SIDE
from inkread.training.network import HEIGHT

Grey = NDArray[np.uint8]
TOP = CONTEXT_ABOVE * HEIGHT
MASKED_EVERY = 80
"""Columns of a view for each span that is masked in it, on average."""


def augment(context: Grey, rng: np.random.Generator) -> Grey:
    """A varied strip, uint8 [48, width], out of a context strip, uint8 [65, width]."""
    strip = _vary(_warp(context, rng), rng)
    return _mask(strip, rng, 1 + strip.shape[1] // 250) if rng.random() < 0.3 else strip


def augmented_views(context: Grey, rng: np.random.Generator, views: int) -> list[Grey]:
    """Strips of one shape that show the same line in other ink and masked elsewhere, a tenth of it in each."""
    warped = _warp(context, rng)
    return [_mask(_vary(warped, rng), rng, int(rng.poisson(warped.shape[1] / MASKED_EVERY))) for _ in range(views)]


def _vary(strip: Grey, rng: np.random.Generator) -> Grey:
    if rng.random() < 0.3:
        kernel = np.ones((2, 2) if rng.random() < 0.5 else (1, 2), np.uint8)
        change = cv2.erode if rng.random() < 0.6 else cv2.dilate
        strip = np.asarray(change(strip, kernel), np.uint8)
    if rng.random() < 0.25:
        strip = np.asarray(cv2.GaussianBlur(strip, (0, 0), rng.uniform(0.4, 1.1)), np.uint8)
    return _tone(strip, rng)


def _warp(context: Grey, rng: np.random.Generator) -> Grey:
    rows, columns = context.shape
    zoom = float(np.clip(rng.normal(1, 0.07), 0.85, 1.15))
    stretch = float(np.exp(np.clip(rng.normal(0, 0.12), -0.3, 0.3))) * zoom
    left, right = CONTEXT_SIDE + rng.uniform(-1.0, 0.7, 2) * CONTEXT_SIDE
    width = max(round((columns - left - right) / stretch), 16)
    y, x = np.mgrid[:HEIGHT, :width].astype(np.float32)
    middle = HEIGHT / 2
    slope = np.tan(np.radians(rng.normal(0, 0.5))) * min(1.0, 400 / width)
    slant = rng.normal(0, 0.17)
    source_y = (y - middle) * zoom + TOP + middle + HEIGHT * np.clip(rng.normal(0, 0.03), -0.07, 0.07)
    source_y += slope * (x - width / 2) + rng.uniform(0, 1.2) * smooth_noise(rng, (1, width), 90.0)
    source_x = x * stretch + left + slant * (y - middle)
    source_x += rng.uniform(0, 3) * smooth_noise(rng, (1, width), 30.0)
    if rng.random() < 0.6:
        source_x += rng.uniform(0.3, 1.8) * smooth_noise(rng, (HEIGHT, width), 16.0)
        source_y += rng.uniform(0.3, 1.8) * smooth_noise(rng, (HEIGHT, width), 16.0)
    warped = cv2.remap(
        context,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR if rows < 2 * HEIGHT else cv2.INTER_AREA,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def _tone(strip: Grey, rng: np.random.Generator) -> Grey:
    grey = strip.astype(np.float32)
    if rng.random() < 0.7:
        grey = np.float32(255) * (grey / np.float32(255)) ** np.float32(np.exp(rng.normal(0, 0.25)))
        grey = (grey - 128) * rng.uniform(0.6, 1.25) + 128 + rng.normal(0, 20)
    if rng.random() < 0.3:
        grey += rng.uniform(3, 25) * smooth_noise(rng, (strip.shape[0], strip.shape[1]), 120.0)
    if rng.random() < 0.4:
        grey += rng.uniform(1, 10) * rng.standard_normal(grey.shape, np.float32)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _mask(strip: Grey, rng: np.random.Generator, spans: int) -> Grey:
    """Cover narrow spans, so that context has to help."""
    masked = strip.copy()
    for start in rng.integers(strip.shape[1], size=spans):
        masked[:, start : start + int(rng.integers(3, 14))] = int(np.median(strip))
    return masked
