"""Whether a picture shows a part of a page, or is another photograph of it.

Usage: ``page_landmarks(photograph).seen_in(page_landmarks(page))``

Local features (Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) of both are matched, and a
homography is sought on which matches agree (MAGSAC, Barath et al., CVPR 2020). A page is recognised where many agree,
in many different places. Pages of one register share their print, so many agree there too. Therefore the picture is
laid onto the page as they say, and compared with it block by block: where only print is the same, blocks with writing
differ. A single line has too few features to be recognised.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.forms.registration import features

SIDE = 1600
"""Pixels of the longer side of the picture in which features are sought."""
MOST = 1500
"""Features of a picture."""
CONTRAST = 0.04
RATIO = 0.8
"""A match counts where the second best one is this much worse."""
RANSAC_PIXELS = 8.0
PLACE = 12
"""Pixels of a cell; matches in one cell count once."""
LEAST_PLACES = 40
"""Cells in which matches agree, before pictures are compared."""
SMALL = 1000
"""Pixels of the longer side of the picture that is compared."""
BLOCK = 32
"""Side of a block in pixels."""
INKED = 0.35
"""Contrast of a block with ink, of the contrast of all."""
ALIKE = 0.4
"""Correlation of two blocks of the same writing."""
LEAST_BLOCKS = 12
"""With ink; fewer say nothing."""
LEAST_ALIKE = 0.85
"""Share of the blocks with ink that must be alike."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Features of a picture.

    Attributes:
        points: float32 [features, 2], pixels.
        descriptors: float16 [features, 128], vectors of length 1.
        picture: uint8 [height, width], the longer side `SMALL` at most.
        scale: pixels of ``points`` for one of ``picture``.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.float16]
    picture: NDArray[np.uint8]
    scale: float

    def seen_in(self, page: Landmarks) -> bool:
        """Whether this shows a part of a page."""
        places, alike = self.agreement(page)
        return places >= LEAST_PLACES and alike >= LEAST_ALIKE

    def agreement(self, page: Landmarks) -> tuple[int, float]:
        """In how many places features agree on how this lies on a page, and how many of its blocks are then alike.

        The second is a share of the blocks with ink; 0 where too few places agree to compare them.
        """
        own, others = self.descriptors.astype(np.float32), page.descriptors.astype(np.float32)
        if min(len(own), len(others)) < LEAST_PLACES:
            return 0, 0.0
        alike = own @ others.T
        rows = np.arange(len(own))
        best = alike.argmax(axis=1)
        nearest = 2 - 2 * alike[rows, best]  # squared distances, because the vectors have length 1
        alike[rows, best] = -1
        (chosen,) = np.nonzero(nearest < RATIO**2 * (2 - 2 * alike.max(axis=1)))
        if len(chosen) < LEAST_PLACES:
            return 0, 0.0
        there = page.points[best[chosen]]
        matrix, agreed = cv2.findHomography(
            self.points[chosen], there, cv2.USAC_MAGSAC, RANSAC_PIXELS, None, 2000, 0.999
        )
        if matrix is None or not np.any(agreed):
            return 0, 0.0
        places = len(np.unique(there[np.asarray(agreed).ravel() > 0] // PLACE, axis=0))
        if places < LEAST_PLACES:
            return places, 0.0
        small = np.diag([1 / page.scale, 1 / page.scale, 1]) @ matrix @ np.diag([self.scale, self.scale, 1])
        return places, _alike(self.picture, page.picture, np.asarray(small, np.float64))


def _alike(picture: NDArray[np.uint8], page: NDArray[np.uint8], matrix: NDArray[np.float64]) -> float:
    """Share of the blocks with ink, where a picture lies on a page, that look the same in both."""
    size = page.shape[1], page.shape[0]
    covered = cv2.erode(cv2.warpPerspective(np.full_like(picture, 255), matrix, size), np.ones((9, 9), np.uint8)) > 0
    laid = np.asarray(cv2.warpPerspective(picture, matrix, size), np.uint8)
    one, other = (_level(grey) * covered for grey in (laid, page))
    products = [_blocks(first * second) for first, second in ((one, other), (one, one), (other, other))]
    full = _blocks(covered.astype(np.float32)) > 0.9
    inked = full & (products[2] > INKED**2)
    if inked.sum() < LEAST_BLOCKS:
        return 0.0
    correlation = products[0] / np.sqrt(np.maximum(products[1] * products[2], 1e-6))
    return float((correlation[inked] > ALIKE).mean())


def _level(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Less the light around each pixel, over the contrast around it, a little unsharp; about -2 to 2."""
    soft = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.2)
    soft = soft - cv2.GaussianBlur(soft, (0, 0), 12)
    contrast = np.sqrt(cv2.GaussianBlur(soft * soft, (0, 0), 60)) + 2
    return np.asarray(np.clip(soft / contrast, -2, 2), np.float32)


def _blocks(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each block."""
    rows, columns = (side // BLOCK for side in values.shape)
    cut = values[: rows * BLOCK, : columns * BLOCK]
    return np.asarray(cut.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3)), np.float32)


def page_landmarks(grey: NDArray[np.uint8]) -> Landmarks:
    """The landmarks of grey values uint8 [height, width]."""
    points, descriptors = features(grey, SIDE, MOST, CONTRAST)
    scale = max(max(grey.shape) / SMALL, 1.0)
    size = max(round(grey.shape[1] / scale), 1), max(round(grey.shape[0] / scale), 1)
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Landmarks(points, descriptors.astype(np.float16), small, scale)
