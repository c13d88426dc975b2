"""From traced ribbons to lines on the page: baseline and outline.

Usage: ``baseline, outline = line_geometry(fragment, text_map)``

The proportions were measured on the training pages of eleven sources: the baseline runs 0.45 thicknesses below
the centre of the ribbon (quartiles 0.36 and 0.56 on most sources), outlines drawn by people are 2.6 thicknesses
high, and the writing goes on for 0.7 thicknesses beyond both ends.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Polygon, Polyline
from inkread.layout.bands import ASCENT_SHARE
from inkread.layout.detector import TextMap
from inkread.layout.fragments import Fragment

BASELINE_OFFSET = 0.45
OUTLINE_HEIGHT = 2.6
END_EXTENSION = 0.7
TOLERANCE = 0.08


def line_geometry(piece: Fragment, text_map: TextMap, *, upright: bool = False) -> tuple[Polyline, Polygon]:
    """Baseline and outline of a line in page pixels.

    Args:
        piece: centre of the ribbon in map pixels; x and y exchanged where ``upright``.
        text_map: gives the scale of the page.
        upright: the line runs up the page; its baseline then goes from the bottom to the top.
    """
    thickness = piece.thickness
    reach = END_EXTENSION * thickness
    x = np.concatenate([[piece.x[0] - reach], piece.x, [piece.x[-1] + reach]])
    y = np.concatenate([[piece.y[0]], piece.y, [piece.y[-1]]])
    curve = _simplify(np.stack([x, y + BASELINE_OFFSET * thickness], axis=1), TOLERANCE * thickness)
    up = np.array([0.0, OUTLINE_HEIGHT * ASCENT_SHARE * thickness])
    down = np.array([0.0, OUTLINE_HEIGHT * (1 - ASCENT_SHARE) * thickness])
    outline = np.concatenate([curve - up, (curve + down)[::-1]])
    rows, columns = text_map.probability.shape
    return (
        _to_page(curve, (columns, rows), text_map, upright),
        _to_page(outline, (columns, rows), text_map, upright),
    )


def _simplify(curve: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    kept = cv2.approxPolyDP(curve.astype(np.float32)[:, None], tolerance, closed=False)
    return np.asarray(kept[:, 0], np.float64)


def _to_page(
    points: NDArray[np.float64], size: tuple[int, int], text_map: TextMap, upright: bool
) -> tuple[tuple[float, float], ...]:
    """Scale to page pixels, within the page; an upright line is turned so that it runs up the page."""
    columns, rows = size
    if upright:
        # x ran down the page; the mirror image in y makes "below the line" point to the right of the page
        points = points[:, ::-1][::-1]
    scaled = np.clip(points, 0, [columns, rows]) / [text_map.scale_x, text_map.scale_y]
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in scaled)
