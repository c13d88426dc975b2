"""Line images: how far above and below its baseline a line is cut, and the cut itself.

Usage: ``strips = cut_lines(page.grey, page.lines)``; ``(strip,) = cut_lines(grey)`` for an image of one line

Reading, training and evaluation cut with `cut_lines`. A training line is kept with its surroundings (`with_context`),
so that augmentation can move the cut; its middle is the line image that is read (`exact_part`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Line, Polygon, Polyline

HEIGHT = 48
"""Rows of a line image, unless a bundle says otherwise."""
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


Grey = NDArray[np.uint8]
END_MARGIN = 0.25
CUT_COLUMNS, CV_SIDE = 8192, 32_766
WHOLE_MARGIN = 0.06
WHOLE_BASELINE = 0.7
ABOVE, BELOW, BESIDE = 10, 7, 4
"""Rows above and below and columns on each side that `with_context` adds to a line image of 48 rows."""
CONTEXT_ROWS = ABOVE + HEIGHT + BELOW


@dataclass(frozen=True, slots=True)
class Strip:
    """A straightened line and the way back to the page.

    Attributes:
        image: uint8 [height, width], ink dark.
        origin: page coordinates of the baseline frame's origin.
        direction: unit vector of the writing direction on the page.
        offsets: baseline offset (page pixels, along the downward normal) for each strip column.
        start: position of column 0 along ``direction``, in page pixels.
        ascent: page pixels between the top row and the baseline.
        scale: strip pixels for one page pixel.
        baseline: what was cut along, page coordinates.
    """

    image: Grey
    origin: tuple[float, float]
    direction: tuple[float, float]
    offsets: NDArray[np.float32]
    start: float
    ascent: float
    scale: float
    baseline: Polyline

    @property
    def band(self) -> float:
        """Height of what was cut, in page pixels."""
        return float(self.image.shape[0] / self.scale)

    def to_page(self, x: float, y: float) -> tuple[float, float]:
        """The page point under the strip point (x, y)."""
        return self.points([x], y)[0]

    def points(self, columns: Sequence[float], y: float) -> list[tuple[float, float]]:
        """The page points under the strip points of these columns in one row."""
        x = np.asarray(columns, np.float64)
        along = self.start + x / self.scale
        at = x.astype(np.intp).clip(0, len(self.offsets) - 1)
        across = self.offsets[at].astype(np.float64) - self.ascent + y / self.scale
        (left, top), (ux, uy) = self.origin, self.direction
        moved = (left + along * ux - across * uy).tolist(), (top + along * uy + across * ux).tolist()
        return list(zip(*moved, strict=True))


def cut_lines(grey: Grey, lines: Sequence[Line] | None = None, *, height: int = HEIGHT) -> list[Strip]:
    """The line image of each line of a page, or of an image that shows one line or word and nothing else.

    Args:
        grey: uint8 [page height, page width].
        lines: all lines of the page, transcribed or not, because neighbours decide how much belongs to a line; None
            where the image is the line.
        height: rows of a line image.
    """
    if lines is None:
        baseline, ascent, descent = whole_line(grey)
        return [cut_strip(grey, baseline, ascent=ascent, descent=descent, height=height)]
    bands = line_bands([line.baseline for line in lines], [line.polygon for line in lines])
    return [
        cut_strip(grey, line.baseline, ascent=band.ascent, descent=band.descent, height=height)
        for line, band in zip(lines, bands, strict=True)
    ]


def with_context(grey: Grey, strip: Strip) -> Grey:
    """A line image of 48 rows with what surrounds it, uint8 [65, width + 8].

    Args:
        grey: the page or image that the line was cut from.
        strip: what `cut_lines` gave; it stands unchanged in the middle.
    """
    rows, columns = strip.image.shape
    descent = strip.band - strip.ascent
    above, below = strip.ascent + ABOVE / strip.scale, descent + BELOW / strip.scale
    wider = cut_strip(grey, strip.baseline, ascent=above, descent=below, height=CONTEXT_ROWS).image
    context = np.asarray(cv2.resize(wider, (columns + 2 * BESIDE, CONTEXT_ROWS)), np.uint8)
    context[ABOVE : ABOVE + rows, BESIDE : BESIDE + columns] = strip.image
    return context


def exact_part(context: Grey) -> Grey:
    """The line image, uint8 [48, width], in the middle of what `with_context` gave."""
    return context[ABOVE : ABOVE + HEIGHT, BESIDE : max(context.shape[1] - BESIDE, BESIDE + 8)]


def cut_strip(grey: Grey, baseline: Polyline, *, ascent: float, descent: float, height: int) -> Strip:
    """Cut the band ``ascent`` above to ``descent`` below a baseline and straighten it.

    The band is turned so that the chord of the baseline is level, and each column is shifted by what the
    baseline deviates from the chord, so letters keep their shape on slanted and on curved lines alike.

    Args:
        grey: uint8 [page height, page width].
        baseline: two or more points in reading direction, page pixels.
        ascent: extent above the baseline, page pixels, > 0.
        descent: extent below the baseline, page pixels, >= 0.
        height: rows of the strip.

    Returns:
        The strip, ``height`` rows high and as wide as the line at the same scale, with a margin at both ends.
    """
    points = np.asarray(baseline, dtype=np.float32)
    chord = points[-1] - points[0]
    length = float(np.hypot(*chord)) or 1.0
    ux, uy = (float(v) / length for v in chord) if np.any(chord) else (1.0, 0.0)
    relative = points - points[0]
    along = relative @ np.array([ux, uy], np.float32)
    across = relative @ np.array([-uy, ux], np.float32)
    band = ascent + descent
    margin = END_MARGIN * band
    start, end = float(along.min()) - margin, float(along.max()) + margin
    columns = max(round(end - start), 1)
    order = np.argsort(along, kind="stable")
    offsets = np.interp(start + np.arange(columns) + 0.5, along[order], across[order]).astype(np.float32)
    offsets = cv2.GaussianBlur(offsets[None], (0, 0), max(band / 4, 1.0), borderType=cv2.BORDER_REPLICATE)[0]
    rows = max(round(band), 1)
    x = start + np.arange(columns, dtype=np.float32)[None, :] + 0.5
    origin_x, origin_y = (float(v) for v in points[0])
    cut = np.empty((rows, columns), np.uint8)
    for first in range(0, columns, CUT_COLUMNS):
        part = slice(first, first + CUT_COLUMNS)
        along_part = x[:, part]
        y = offsets[None, part] - ascent + np.arange(rows, dtype=np.float32)[:, None] + 0.5
        cut[:, part] = _remap(
            grey,
            (origin_x - 0.5 + ux * along_part - uy * y).astype(np.float32),
            (origin_y - 0.5 + uy * along_part + ux * y).astype(np.float32),
        )
    scale = height / rows
    width = max(round(columns * scale), 1)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = cv2.resize(cut, (width, height), interpolation=shrink)
    resampled = cv2.resize(offsets[None], (width, 1), interpolation=cv2.INTER_LINEAR)[0]
    return Strip(
        image=np.asarray(image, np.uint8),
        origin=(origin_x, origin_y),
        direction=(ux, uy),
        offsets=resampled,
        start=start,
        ascent=ascent,
        scale=scale,
        baseline=baseline,
    )


def _remap(grey: Grey, x: NDArray[np.float32], y: NDArray[np.float32]) -> Grey:
    """The grey values at some places, of the border beyond it; OpenCV takes no side of 32,767 pixels or more."""
    if max(grey.shape) > CV_SIDE:
        (left, right), (top, bottom) = (
            (min(max(int(places.min()) - 1, 0), side - 1), min(max(int(places.max()) + 3, 1), side))
            for places, side in ((x, grey.shape[1]), (y, grey.shape[0]))
        )
        grey, x, y = grey[top:bottom, left:right], x - np.float32(left), y - np.float32(top)
    return np.asarray(cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def whole_line(grey: Grey) -> tuple[Polyline, float, float]:
    """Baseline, ascent and descent of an image that shows one line or word and nothing else, for `cut_strip`.

    Such images are often cut close to the ink, so the band is a little higher than they are.
    """
    height, width = grey.shape
    base, margin = WHOLE_BASELINE * height, WHOLE_MARGIN * height
    return ((0.0, base), (float(width), base)), base + margin, height - base + margin
