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

from inkread.forms.frames import ink_of, lines_of
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
FAR_FEWER = 0.5
"""Share of the matches of a page that was found, below which no other page is compared."""
RANSAC_PIXELS = 4.0
PATCHES, PATCH, SPACING = 160, 24, 36
"""Patches of print: their number, half side and distance in pixels at 200 dpi."""
REACH = 10
"""Pixels at 200 dpi in which a patch is sought."""
BLURRED = 3
"""Pixels at the edge of a patch that the smoothing makes useless."""
LEAST_CORRELATION = 0.6
"""Of a patch with its place on the sheet; where somebody has written it is lower."""
PATCH_PIXELS = 3.0
LEAST_PATCHES = 8
NEAR = 3
"""Pixels at 200 dpi around print within which it is found again."""
WORDS, WORD_REACH, WORD_SIDES, WORD_GAP = 80, 4, (8, 160), 9
"""Printed words: how many are sought, how far in pixels at 200 dpi, their smallest and largest height, and the gap
between letters."""
LEAST_WORDS = 5
"""Printed words from which they have a say."""
LEAST_PRINT = 0.75
"""Share of the print of a page, and of its words, that has to be found on a sheet."""
MOST = 0.9
"""Share of the patches that are nearer to their places than the error that is reported. On bent sheets the median
stays below 2 pixels where the page is off by 15 (decision 0078)."""
LARGEST_ERROR = 3.0
"""Pixels at 200 dpi."""
CLOSE_CALL = 0.03
"""Difference in the share of print found between two templates from which the better one is chosen."""
LEAST_OWN, OWN_MARGIN = 100, 0.4
"""Of two templates that differ less: pixels of print that only one of them has, from which it can tell them apart, and
by how much more of it has to be found."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a page lies on a sheet.

    Attributes:
        template: its number among those that were given.
        page: number of the page.
        matrix: homography from pixels of the empty page (200 dpi) to those of the sheet, float64 [3, 3].
        error: estimated error in pixels at 200 dpi: nine tenths of the patches are nearer to their places.
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
class _Patch:
    """A piece of the smoothed print, and its upper left corner."""

    x: int
    y: int
    grey: Grey


@dataclass(frozen=True, slots=True, eq=False)
class _Blank:
    template: int
    page: int
    grey: Grey
    ink: NDArray[np.uint8]
    points: Points
    descriptors: NDArray[np.float32]
    patches: list[_Patch]
    words: list[_Patch]


_Placed = tuple[int, Matrix, _Blank]


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
        names = [template.name for template in templates]
        self._names = [
            f"{each.name} version {each.version}" if names.count(each.name) > 1 else each.name for each in templates
        ]

    def blank(self, template: int, page: int) -> Grey:
        """An empty page, uint8 [height, width]."""
        return self._blank(template, page).grey

    def _blank(self, template: int, page: int) -> _Blank:
        return next(each for each in self._blanks if (each.template, each.page) == (template, page))

    def match(self, sheet: Grey) -> Match | Refusal:
        """The page that a sheet is, in any position on it.

        Args:
            sheet: uint8 [height, width], of any resolution.
        """
        points, descriptors = features(sheet)
        if len(points) < LEAST_MATCHES:
            return Refusal("the sheet is nearly empty or too blurred to be compared with a form")
        placed = [_placed(blank, points, _pairs(blank, descriptors), max(sheet.shape) / SIDE) for blank in self._blanks]
        return self._choose(sheet, sorted((each for each in placed if each is not None), key=lambda each: -each[0]))

    def _choose(self, sheet: Grey, ranked: Sequence[_Placed]) -> Match | Refusal:
        matches = sorted(_compared(sheet, ranked), key=lambda each: -each.print_found)
        if not matches or matches[0].print_found < LEAST_PRINT:
            share = f", the nearest one shares {matches[0].print_found:.0%} of its print" if matches else ""
            return Refusal(f"the sheet is none of the forms{share}")
        close = [each for each in matches if matches[0].print_found - each.print_found < CLOSE_CALL]
        best = next((each for each in close if self._stands_out(sheet, each, close)), None)
        if best is None:
            first, second, *_ = (f"{self._names[each.template]}, page {each.page + 1}" for each in close)
            return Refusal(f"the sheet may be {first} as well as {second}, read it with one of them only")
        if best.error > LARGEST_ERROR:
            return Refusal(
                f"the sheet lies too unevenly to be read: it is {best.error:.1f} pixels off at 200 dpi, scan it again"
            )
        return best

    def _stands_out(self, sheet: Grey, match: Match, others: Sequence[Match]) -> bool:
        """Whether the print that tells a page from each of the others, such as its other versions, is on the sheet."""
        return all(self._lead(sheet, match, other) >= OWN_MARGIN for other in others if other is not match)

    def _lead(self, sheet: Grey, match: Match, other: Match) -> float:
        """How much more is found of what only ``match`` has in print than of what only ``other`` has, -1 to 1."""
        mine, theirs = self._own_print_found(sheet, match, other), self._own_print_found(sheet, other, match)
        if mine is None and theirs is None:
            return 0.0
        if mine is None or theirs is None:  # one page has all that the other one has
            return 2 * mine - 1 if mine is not None else 1 - 2 * (theirs or 0.0)
        return mine - theirs

    def _own_print_found(self, sheet: Grey, match: Match, other: Match) -> float | None:
        """Share of the print that only ``match`` has that is found on the sheet; None if it has hardly any."""
        blank, rival = self._blank(match.template, match.page), self._blank(other.template, other.page)
        height, width = blank.grey.shape
        way = np.linalg.inv(other.matrix) @ match.matrix
        shared = cv2.warpPerspective(rival.ink, way, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        own = (blank.ink > 0) & (_widened(np.asarray(shared, np.uint8)) == 0)
        return _print_found(sheet, match.matrix, own) if own.sum() >= LEAST_OWN else None


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
    places = np.empty((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)
    edge = PATCH + REACH + 1
    inside = np.all((places >= edge) & (places < (width - edge, height - edge)), axis=1)
    boxes = [(x - PATCH, y - PATCH, 2 * PATCH + 1, 2 * PATCH + 1) for x, y in np.round(places[inside]).astype(int)]
    ink = ink_of(grey)
    patches, words = (
        [_Patch(x, y, np.ascontiguousarray(smooth[y : y + height, x : x + width])) for x, y, width, height in each]
        for each in (boxes, _words(ink))
    )
    return _Blank(template, page, grey, ink, points, descriptors, patches, words)


def _words(ink: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Boxes around printed words, numbers and pictures, x, y, width, height: what is neither a line nor a frame."""
    without = cv2.subtract(ink, cv2.dilate(lines_of(ink), np.ones((3, 3), np.uint8)))
    _, _, found, _ = cv2.connectedComponentsWithStats(cv2.dilate(without, np.ones((3, WORD_GAP), np.uint8)))
    smallest, largest = WORD_SIDES
    boxes = [(int(x), int(y), int(width), int(height)) for x, y, width, height, _ in found[1:]]
    kept = [box for box in boxes if smallest <= box[3] <= largest and box[2] >= smallest]
    every = max(len(kept) / WORDS, 1.0)  # all over the page
    return [kept[int(number * every)] for number in range(min(len(kept), WORDS))]


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


def _placed(blank: _Blank, points: Points, pairs: NDArray[np.intp], scale: float) -> _Placed | None:
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


def _compared(sheet: Grey, ranked: Sequence[_Placed]) -> list[Match]:
    """The most probable pages, compared in full: refined, and their print sought."""
    found: list[Match] = []
    most = 0
    for agreed, matrix, blank in ranked[:TRIED]:
        if agreed < FAR_FEWER * most:
            break
        smooth = _without_fine_detail(sheet, matrix)
        refined, error = _refined(smooth, matrix, blank)
        share = _words_found(smooth, refined, blank)
        if share >= LEAST_PRINT:
            share = min(share, _print_found(smooth, refined, blank.ink > 0))
        found.append(Match(blank.template, blank.page, refined, error, share))
        if found[-1].print_found >= LEAST_PRINT:
            most = max(most, agreed)
    return found


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
    return _warped(_without_fine_detail(sheet, matrix), matrix, size, _paper(sheet))


def _without_fine_detail(sheet: Grey, matrix: Matrix) -> Grey:
    """Smoothed where its resolution is well above 200 dpi."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    return np.asarray(cv2.GaussianBlur(sheet, (0, 0), 0.4 * scale), np.uint8) if scale > 1.5 else sheet


def _paper(sheet: Grey) -> float:
    return float(np.median(sheet[::16, ::16]))


def _warped(sheet: Grey, matrix: Matrix, size: tuple[int, int], paper: float) -> Grey:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(sheet, matrix, size, flags=flags, borderValue=(paper,)), np.uint8)


def _refined(sheet: Grey, matrix: Matrix, blank: _Blank) -> tuple[Matrix, float]:
    """The homography corrected by the patches that are found, twice, and the error, see `Match`."""
    error = float("inf")
    for _ in range(2):
        placed, shifts = _shifts(sheet, matrix, blank)
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
        error = float(np.quantile(np.linalg.norm(rest, axis=1), MOST))
    return matrix / matrix[2, 2], error


def _shifts(sheet: Grey, matrix: Matrix, blank: _Blank) -> tuple[Points, Points]:
    """Patches that are found on the sheet, and how far from their places, float32 [found, 2] each."""
    places, shifts, paper = [], [], _paper(sheet)
    for patch in blank.patches:
        scores = _sought(sheet, matrix, patch, REACH, paper)
        _, score, _, (column, row) = cv2.minMaxLoc(scores)
        if score >= LEAST_CORRELATION and 0 < column < 2 * REACH and 0 < row < 2 * REACH:
            places.append((patch.x + PATCH, patch.y + PATCH))
            shifts.append(
                (
                    column + _peak(scores[row, column - 1 : column + 2]) - REACH,
                    row + _peak(scores[row - 1 : row + 2, column]) - REACH,
                )
            )
    return np.array(places, np.float32).reshape(-1, 2), np.array(shifts, np.float32).reshape(-1, 2)


def _sought(sheet: Grey, matrix: Matrix, patch: _Patch, reach: int, paper: float) -> NDArray[np.float32]:
    """How well a patch correlates with the sheet around its place, float32 [2 reach + 1, 2 reach + 1]."""
    edge = reach + BLURRED
    height, width = patch.grey.shape
    corner = np.array([[1, 0, patch.x - edge], [0, 1, patch.y - edge], [0, 0, 1]], np.float64)
    around = _warped(sheet, matrix @ corner, (width + 2 * edge, height + 2 * edge), paper)
    smooth = cv2.GaussianBlur(around, (0, 0), 1.0)[BLURRED:-BLURRED, BLURRED:-BLURRED]
    return np.asarray(cv2.matchTemplate(smooth, patch.grey, cv2.TM_CCOEFF_NORMED), np.float32)


def _words_found(sheet: Grey, matrix: Matrix, blank: _Blank) -> float:
    """Share of the printed words that stand at their places; 1 where there are hardly any.

    Forms of one house have frames at the same places. Their words tell them apart, and hardly anybody writes on these.
    """
    if len(blank.words) < LEAST_WORDS:
        return 1.0
    paper = _paper(sheet)
    scores = [float(_sought(sheet, matrix, word, WORD_REACH, paper).max()) for word in blank.words]
    return sum(score >= LEAST_CORRELATION for score in scores) / len(scores)


def _peak(values: Any) -> float:
    """Where a parabola through three values is highest, relative to the middle one."""
    before, middle, after = map(float, values)
    bend = before - 2 * middle + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def _print_found(sheet: Grey, matrix: Matrix, sought: NDArray[np.bool_]) -> float:
    """Share of some print of a page, bool [height, width], near which the warped sheet has ink."""
    height, width = sought.shape
    near = _widened(ink_of(_warped(sheet, matrix, (width, height), _paper(sheet))))
    return float((near[sought] > 0).mean()) if sought.any() else 0.0


def _widened(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.dilate(ink, np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)), np.uint8)
