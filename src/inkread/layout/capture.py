"""How a page was captured and what its writing looks like, in a few cheap figures.

Usage: ``features = page_features(grey, lines); words = capture_flags(features)``

The figures are those of the area that the lines cover. They serve two ends: a page that was captured badly is told so,
and the services compare the pages of today with those the model is used to (`inkread.evaluation.drift`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import BLURRED, CUT_OFF, DARK, FAINT, TWO_PAGES, Line

SIDE = 1600
"""Pixels of the longer side of what is measured; a larger area is made smaller."""
STEEP = 1.5
"""How many times an edge must be steeper than it is flat to be one of an upright stroke."""
BLUR_LIMIT = 0.042
"""Width of edges over line height above which a page is blurred. Of 364 transcribed pages of 15 sources it flags one,
and 89 % of the same pages blurred with a standard deviation of 4 pixels."""
LEAST_HEIGHT = 40.0
"""Pixels of a line below which its edges are wide because there are few pixels, not because it is blurred."""
DARK_LIMIT = 0.35
"""Grey of the paper, of 1, below which a page is dark."""
FAINT_LIMIT = 0.12
"""Difference of paper and ink, of 1, below which writing is faint."""
CUT_SHARE = 0.25
"""Share of the lines that end at the edge of the picture above which the page is cut off."""
EDGE = 0.004
"""Distance to the edge of the picture, of its width, at which a line ends there."""
LEAST_LINES = 4
SPREAD = 1.15
"""Width over height above which a picture may show two pages."""
CROSSING, EACH_SIDE, LONG = 0.03, 0.25, 0.18
"""Of two pages side by side: at most this share of the lines crosses the fold, each page has at least that share, and
its lines are that share of the picture long, as a median. Of 1,397 transcribed pages six are flagged, all of them two
pages; a seventh is missed."""


def page_features(grey: NDArray[np.uint8], lines: Sequence[Line], *, style: bool = True) -> dict[str, float]:
    """Figures of a page by name; empty where no line has a place.

    Args:
        grey: uint8 [height, width], ink dark.
        lines: with baselines and polygons, in the pixels of ``grey``.
        style: also ink, stroke, slant and noise, which `capture_flags` does not ask for.

    Returns:
        paper: grey of the paper, 0 black to 1 white. contrast: paper less ink, 0 to 1. ink: share of the area. stroke:
        width of strokes over line height. edge: width of edges over line height. slant: of upright strokes, as
        the tangent, positive to the right. height: of lines in pixels. noise: of the paper, over contrast. width: of
        the picture in pixels. cut: share of the lines that end at its left or right edge.
    """
    points = [point for line in lines for point in (*line.polygon, *line.baseline)]
    if not points:
        return {}
    height, width = grey.shape
    x, y = zip(*points, strict=True)
    left, right = (int(np.clip(value, 0, width)) for value in (min(x), max(x) + 1))
    top, bottom = (int(np.clip(value, 0, height)) for value in (min(y), max(y) + 1))
    if right - left < 8 or bottom - top < 8:
        return {}
    scale = min(SIDE / max(right - left, bottom - top), 1.0)
    area = grey[top:bottom, left:right]
    if scale < 1:
        area = np.asarray(cv2.resize(area, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    tall = float(np.median([_height(line) for line in lines]))
    ends = [_ends_at_edge(line, width) for line in lines]
    return {
        **_strokes(np.ascontiguousarray(area), max(tall * scale, 1.0), style),
        "height": tall,
        "width": float(width),
        "cut": sum(ends) / len(ends),
    }


def _strokes(area: NDArray[np.uint8], tall: float, style: bool) -> dict[str, float]:
    paper, dark = _percentiles(area, (80, 2))
    contrast = max(paper - dark, 1.0)
    ink = (area < (paper + dark) / 2).astype(np.uint8)
    across = cv2.Sobel(area, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(area, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    steepness = cv2.magnitude(across, down)
    on_ink = steepness[ink > 0]
    steep = float(np.percentile(on_ink, 90)) if on_ink.size else 1.0
    found = {"paper": paper / 255, "contrast": contrast / 255, "edge": contrast / max(steep, 0.5) / 2 / tall}
    if not style:
        return found
    inside = int(np.count_nonzero(cv2.erode(ink, np.ones((3, 3), np.uint8))))
    stroke = max(2.0 * on_ink.size / max(on_ink.size - inside, 1), 1.0)
    edges = steepness > contrast / 8
    across, down = across[edges], down[edges]
    upright = np.abs(across) > STEEP * np.abs(down)
    across, down = across[upright], down[upright]
    slant = float(across @ down) / max(float(across @ across), 1.0)
    empty = cv2.dilate(ink, np.ones((7, 7), np.uint8)) == 0
    off = cv2.absdiff(area, cv2.GaussianBlur(area, (5, 5), 0))
    noise = float(off[empty].mean()) if empty.any() else 0.0
    return {
        **found,
        "ink": on_ink.size / ink.size,
        "stroke": stroke / tall,
        "slant": slant,
        "noise": noise / contrast,
    }


def _percentiles(area: NDArray[np.uint8], percents: Sequence[float]) -> list[float]:
    """As `numpy.percentile` of grey values, from how often there is each."""
    ranked = np.cumsum(cv2.calcHist([area], [0], None, [256], [0, 256]).ravel().astype(np.int64))
    places = np.array(percents) / 100 * (area.size - 1)
    lower, upper = (np.searchsorted(ranked, np.floor(places) + step, side="right") for step in (0, 1))
    return [float(grey) for grey in lower + (places % 1) * (np.minimum(upper, 255) - lower)]


def _height(line: Line) -> float:
    rows = [y for _, y in line.polygon] or [y for _, y in line.baseline]
    return max(rows) - min(rows) if rows else 0.0


def _ends_at_edge(line: Line, width: int) -> bool:
    columns = [x for x, _ in (line.polygon or line.baseline)]
    return bool(columns) and (min(columns) <= EDGE * width or max(columns) >= (1 - EDGE) * width - 1)


def spread_flags(lines: Sequence[Line], width: int, height: int) -> tuple[str, ...]:
    """`TWO_PAGES` where a picture of this size shows two pages side by side, for `inkread.document.Page.flags`.

    Tables are wide too, so lines in cells do not count.
    """
    if width < SPREAD * height:
        return ()
    points = [[x for x, _ in (line.polygon or line.baseline)] for line in lines if line.cell is None]
    spans = np.array([(min(x), max(x)) for x in points if x], np.float64).reshape(-1, 2)
    if len(spans) < 2 * LEAST_LINES:
        return ()
    for fold in np.linspace(0.4, 0.6, 21) * width:
        left, right = spans[spans[:, 1] <= fold], spans[spans[:, 0] >= fold]
        sides = min(len(left), len(right)) >= max(LEAST_LINES, EACH_SIDE * len(spans))
        if not sides or len(spans) - len(left) - len(right) > CROSSING * len(spans):
            continue
        if min(np.median(left[:, 1] - left[:, 0]), np.median(right[:, 1] - right[:, 0])) >= LONG * width:
            return (TWO_PAGES,)
    return ()


def capture_flags(features: dict[str, float], lines: int) -> tuple[str, ...]:
    """What is wrong with the capture of a page of so many lines, for `inkread.document.Page.flags`."""
    if not features or lines < LEAST_LINES:
        return ()
    found = {
        BLURRED: features["edge"] > BLUR_LIMIT and features["height"] >= LEAST_HEIGHT,
        DARK: features["paper"] < DARK_LIMIT,
        FAINT: features["contrast"] < FAINT_LIMIT,
        CUT_OFF: features["cut"] > CUT_SHARE,
    }
    return tuple(flag for flag, wrong in found.items() if wrong)
