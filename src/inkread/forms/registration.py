"""Which page of which template a sheet is, and the way from the empty page to the sheet.

Usage: ``found = Register([template]).match(grey)``

Local features (Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) of the sheet are matched
with those of every empty page; RANSAC (MAGSAC, Barath et al., CVPR 2020) finds a homography among the matches. It is
refined with small patches of the print, sought in the sheet after it was warped. How far these are off is the error
that is reported. A sheet belongs to a page only if the print of that page is found on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.forms.frames import ink_of
from inkread.forms.template import Template
from inkread.recognition.line_images import Grey

Matrix = NDArray[np.float64]
Points = NDArray[np.float32]

SIDE = 1000
"""Pixels of the longer side of the picture in which features are sought: about 85 dpi of an A4 page."""
FEATURES = 2500
CONTRAST = 0.02
RATIO = 0.8
"""A match counts where the second best one is this much worse."""
LEAST_MATCHES = 12
TRIED = 3
"""Pages with the most matches, which are compared in full."""
RANSAC_PIXELS = 4.0
PATCHES, PATCH, REACH, SPACING = 160, 24, 10, 36
"""Patches of print: their number, half side, search range and distance in pixels at 200 dpi."""
LEAST_CORRELATION = 0.6
"""Of a patch with its place on the sheet; where somebody has written it is lower."""
PATCH_PIXELS = 3.0
LEAST_PATCHES = 8
NEAR = 3
"""Pixels at 200 dpi around print within which it is found again."""
LEAST_PRINT = 0.75
"""Share of the print of a page that has to be found on a sheet."""
LARGEST_ERROR = 3.0
"""Pixels at 200 dpi."""
CLOSE_CALL = 0.03
"""Difference in the share of print found between two templates from which the better one is chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a page lies on a sheet.

    Attributes:
        template: its number among those that were given.
        page: number of the page.
        matrix: homography from pixels of the empty page (200 dpi) to those of the sheet, float64 [3, 3].
        error: estimated error in pixels at 200 dpi: median distance of the patches from where they should be.
        print_found: share of the page's print that was found on the sheet.
    """

    template: int
    page: int
    matrix: Matrix
    error: float
    print_found: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a sheet belongs to no page: one sentence."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class _Blank:
    template: int
    page: int
    grey: Grey
    ink: NDArray[np.uint8]
    points: Points
    descriptors: NDArray[np.float32]
    patches: Points


class Register:
    """The empty pages of some templates, ready to be matched.

    Raises:
        InputError: a picture of an empty page is missing or damaged.
    """

    def __init__(self, templates: Sequence[Template]) -> None:
        self._blanks = [
            _prepared(number, page, template.blank(page))
            for number, template in enumerate(templates)
            for page in range(len(template.pages))
        ]
        self._names = [f"{templates[blank.template].name}, page {blank.page + 1}" for blank in self._blanks]

    def blank(self, template: int, page: int) -> Grey:
        """An empty page, uint8 [height, width]."""
        return next(each.grey for each in self._blanks if (each.template, each.page) == (template, page))

    def match(self, sheet: Grey) -> Match | Refusal:
        """The page that a sheet is, in any position on it.

        Args:
            sheet: uint8 [height, width], of any resolution.
        """
        points, descriptors = features(sheet)
        if len(points) < LEAST_MATCHES:
            return Refusal("the sheet is nearly empty or too blurred to be compared with a form")
        placed = [_placed(blank, points, _pairs(blank, descriptors), max(sheet.shape) / SIDE) for blank in self._blanks]
        ranked = sorted((each for each in placed if each is not None), key=lambda each: -each[0])
        found = [_compared(sheet, matrix, blank) for _, matrix, blank in ranked[:TRIED]]
        matches = sorted(found, key=lambda each: -each.print_found)
        if not matches or matches[0].print_found < LEAST_PRINT:
            share = f", the nearest one shares {matches[0].print_found:.0%} of its print" if matches else ""
            return Refusal(f"the sheet is none of the forms{share}")
        best, *others = matches
        if best.error > LARGEST_ERROR:
            return Refusal(
                f"the sheet lies too unevenly to be read: it is {best.error:.1f} pixels off at 200 dpi, scan it again"
            )
        rivals = [other for other in others if best.print_found - other.print_found < CLOSE_CALL]
        if rivals:
            names = [f"{self._name(each)}" for each in (best, rivals[0])]
            return Refusal(f"the sheet may be {names[0]} as well as {names[1]}, read it with one of them only")
        return best

    def _name(self, match: Match) -> str:
        return next(
            name
            for name, blank in zip(self._names, self._blanks, strict=True)
            if (blank.template, blank.page) == (match.template, match.page)
        )


def _pairs(blank: _Blank, descriptors: NDArray[np.float32]) -> NDArray[np.intp]:
    """Numbers of the features of the page and of the sheet that look alike, intp [pairs, 2]; each stands once."""
    if len(blank.descriptors) < 2:
        return np.empty((0, 2), np.intp)
    distance = 2 - 2 * descriptors @ blank.descriptors.T  # squared, because the vectors have length 1
    best = np.argmin(distance, axis=1)
    rows = np.arange(len(distance))
    nearest = distance[rows, best].copy()
    distance[rows, best] = np.inf
    kept = np.flatnonzero(nearest < RATIO**2 * distance.min(axis=1))
    kept = kept[np.argsort(nearest[kept], kind="stable")]
    _, first = np.unique(best[kept], return_index=True)
    kept = kept[first]
    return np.stack([best[kept], kept], axis=1)


def _prepared(template: int, page: int, grey: Grey) -> _Blank:
    points, descriptors = features(grey)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    height, width = grey.shape
    corners: Any = cv2.goodFeaturesToTrack(smooth, PATCHES, 0.02, SPACING, blockSize=9)
    patches = np.empty((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)
    edge = PATCH + REACH + 1
    inside = np.all((patches >= edge) & (patches < (width - edge, height - edge)), axis=1)
    return _Blank(template, page, grey, ink_of(grey), points, descriptors, np.round(patches[inside]))


def features(
    grey: Grey, side: int = SIDE, most: int = FEATURES, contrast: float = CONTRAST
) -> tuple[Points, NDArray[np.float32]]:
    """Places of features, float32 [features, 2] in pixels of ``grey``, and unit vectors, float32 [features, 128].

    Args:
        grey: uint8 [height, width].
        side: pixels of the longer side of the picture in which they are sought.
        most: how many, the clearest ones.
        contrast: that a feature has at least.
    """
    scale = min(side / max(grey.shape), 1.0)
    size = max(round(grey.shape[1] * scale), 1), max(round(grey.shape[0] * scale), 1)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    keys, descriptors = cv2.SIFT.create(most, contrastThreshold=contrast).detectAndCompute(small, None)
    if not keys:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    points = np.array([key.pt for key in keys], np.float32) + 0.5
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return points * (grey.shape[1] / size[0], grey.shape[0] / size[1]) - np.float32(0.5), roots.astype(np.float32)


def _placed(blank: _Blank, points: Points, pairs: NDArray[np.intp], scale: float) -> tuple[int, Matrix, _Blank] | None:
    """How many pairs agree, and on which homography; None where too few do."""
    if len(pairs) < LEAST_MATCHES:
        return None
    reach = RANSAC_PIXELS * max(scale, 0.5)
    matrix, agreed = cv2.findHomography(
        blank.points[pairs[:, 0]], points[pairs[:, 1]], cv2.USAC_MAGSAC, reach, None, 5000, 0.999
    )
    if (
        matrix is None
        or agreed.sum() < LEAST_MATCHES
        or not _is_plausible(np.asarray(matrix, np.float64), blank.grey.shape)
    ):
        return None
    return int(agreed.sum()), np.asarray(matrix, np.float64), blank


def _compared(sheet: Grey, matrix: Matrix, blank: _Blank) -> Match:
    refined, error = _refined(sheet, matrix, blank)
    return Match(blank.template, blank.page, refined, error, _print_found(sheet, refined, blank))


def _is_plausible(matrix: Matrix, shape: tuple[int, ...]) -> bool:
    """Whether the page keeps its sides in order and its shape roughly."""
    height, width = shape[:2]
    corners = np.array([[(0, 0), (width, 0), (width, height), (0, height)]], np.float32)
    moved = cv2.perspectiveTransform(corners, matrix)[0]
    sides = np.linalg.norm(moved - np.roll(moved, 1, axis=0), axis=1)
    convex = cv2.isContourConvex(moved.astype(np.float32))
    return bool(
        convex and np.linalg.det(matrix[:2, :2]) > 0 and sides.min() > 0.3 * sides.max() * min(shape) / max(shape)
    )


def warp(sheet: Grey, matrix: Matrix, size: tuple[int, int]) -> Grey:
    """The sheet as the empty page lies: uint8 of ``size``, width and height at 200 dpi; white beyond its edge."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    source = cv2.GaussianBlur(sheet, (0, 0), 0.4 * scale) if scale > 1.5 else sheet
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    border = float(np.median(sheet[::16, ::16]))
    return np.asarray(cv2.warpPerspective(source, matrix, size, flags=flags, borderValue=(border,)), np.uint8)


def _refined(sheet: Grey, matrix: Matrix, blank: _Blank) -> tuple[Matrix, float]:
    """The homography corrected by the patches that are found, twice, and their median distance from their places."""
    height, width = blank.grey.shape
    error = float("inf")
    for _ in range(2):
        warped = warp(sheet, matrix, (width, height))
        placed, shifts = _shifts(blank, warped)
        if len(placed) < LEAST_PATCHES:
            return matrix, error
        correction, kept = cv2.findHomography(placed, placed + shifts, cv2.USAC_MAGSAC, PATCH_PIXELS, None, 2000, 0.999)
        if correction is None or kept.sum() < LEAST_PATCHES:
            return matrix, error
        # least squares over all that agree
        agreed = kept.ravel() > 0
        correction, _ = cv2.findHomography(placed[agreed], (placed + shifts)[agreed], 0)
        rest = cv2.perspectiveTransform(placed[None], correction)[0] - (placed + shifts)
        matrix = matrix @ correction
        error = float(np.median(np.linalg.norm(rest, axis=1)))
    return matrix / matrix[2, 2], error


def _shifts(blank: _Blank, warped: Grey) -> tuple[Points, Points]:
    """Patches that are found on the warped sheet, and how far from their places, float32 [found, 2] each."""
    places, shifts = [], []
    print_smooth, sheet_smooth = (cv2.GaussianBlur(grey, (0, 0), 1.0) for grey in (blank.grey, warped))
    for x, y in blank.patches.astype(int).tolist():
        patch = print_smooth[y - PATCH : y + PATCH + 1, x - PATCH : x + PATCH + 1]
        reach = PATCH + REACH
        around = sheet_smooth[y - reach : y + reach + 1, x - reach : x + reach + 1]
        scores = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)
        _, score, _, (column, row) = cv2.minMaxLoc(scores)
        if score >= LEAST_CORRELATION and 0 < column < 2 * REACH and 0 < row < 2 * REACH:
            places.append((x, y))
            shifts.append(
                (
                    column + _peak(scores[row, column - 1 : column + 2]) - REACH,
                    row + _peak(scores[row - 1 : row + 2, column]) - REACH,
                )
            )
    return np.array(places, np.float32).reshape(-1, 2), np.array(shifts, np.float32).reshape(-1, 2)


def _peak(values: Any) -> float:
    """Where a parabola through three values is highest, relative to the middle one."""
    before, middle, after = map(float, values)
    bend = before - 2 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _print_found(sheet: Grey, matrix: Matrix, blank: _Blank) -> float:
    """Share of the page's print near which the warped sheet has ink."""
    height, width = blank.grey.shape
    ink = ink_of(warp(sheet, matrix, (width, height)))
    near = cv2.dilate(ink, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8))
    print_pixels = blank.ink > 0
    return float((near[print_pixels] > 0).mean()) if print_pixels.any() else 0.0
