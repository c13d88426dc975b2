"""Whether a picture shows a part of a page, or is another photograph of it.

Usage: ``page_landmarks(photograph).seen_in(page_landmarks(page))``

Local features (Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) of both are matched, and a
homography is sought on which matches agree (MAGSAC, Barath et al., CVPR 2020). A page is recognised where many agree,
in many different places. Pages of one register share printed headings and lines, so some agree there too; the limits
are above those. A single line has too few features to be recognised.
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
LEAST_PLACES = 60
"""Cells in which matches agree, above which it is the same page. Of other pages of the same register, with the same
print, 53 is the most in ``benchmarks/gold.py --parts``."""
LEAST_SHARE = 0.035
"""The same as a share of the features of the picture."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Features of a picture.

    Attributes:
        points: float32 [features, 2], pixels.
        descriptors: float16 [features, 128], vectors of length 1.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.float16]

    def seen_in(self, page: Landmarks) -> bool:
        """Whether this shows a part of a page."""
        places, share = self.agreement(page)
        return places >= LEAST_PLACES and share >= LEAST_SHARE

    def agreement(self, page: Landmarks) -> tuple[int, float]:
        """In how many places of a page features agree on how this lies on it; the same as a share of the features."""
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
        if matrix is None:
            return 0, 0.0
        cells = there[np.asarray(agreed).ravel() > 0] // PLACE
        places = len(np.unique(cells, axis=0))
        return places, places / len(own)


def page_landmarks(grey: NDArray[np.uint8]) -> Landmarks:
    """The landmarks of grey values uint8 [height, width]."""
    points, descriptors = features(grey, SIDE, MOST, CONTRAST)
    return Landmarks(points, descriptors.astype(np.float16))
