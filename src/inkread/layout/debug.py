"""Draw what was found on a page: outlines, baselines, reading order, confidence.

Usage: ``cv2.imwrite("debug.png", draw(page_image, page)[..., ::-1])``
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Line, Page, Polyline
from inkread.io.images import PageImage

SURE, DOUBTFUL, UNKNOWN, ORDER = (30, 140, 60), (200, 40, 30), (40, 90, 200), (150, 60, 170)


def draw(image: PageImage, page: Page) -> NDArray[np.uint8]:
    """The page with its lines: green where the reader is sure, red where it doubts, numbered in reading order.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    grey = image.grey
    canvas = np.repeat((grey.astype(np.uint16) // 2 + 127).astype(np.uint8)[..., None], 3, axis=2)
    width = max(round(min(grey.shape) / 700), 1)
    ends: list[tuple[int, int]] = []
    for number, line in enumerate(page.lines, start=1):
        colour = _colour(line)
        cv2.polylines(canvas, [_pixels(line.polygon)], True, colour, width, cv2.LINE_AA)
        cv2.polylines(canvas, [_pixels(line.baseline)], False, colour, 2 * width, cv2.LINE_AA)
        label = str(number) if line.confidence is None else f"{number}: {line.confidence:.2f}"
        x, y = (int(value) for value in line.baseline[0])
        size = 0.3 * width + 0.2
        (label_width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, size, width)
        beside = (max(x - label_width - 4 * width, 0), y)
        cv2.putText(canvas, label, beside, cv2.FONT_HERSHEY_SIMPLEX, size, ORDER, width, cv2.LINE_AA)
        ends.append((x, y))
    for here, there in zip(ends, ends[1:], strict=False):
        cv2.arrowedLine(canvas, here, there, ORDER, width, cv2.LINE_AA, tipLength=0.05)
    return canvas


def _pixels(points: Polyline) -> NDArray[np.int32]:
    return np.round(np.asarray(points, np.float64)).astype(np.int32)


def _colour(line: Line) -> tuple[int, int, int]:
    if line.confidence is None:
        return UNKNOWN
    share = line.confidence
    red, green, blue = (round(share * sure + (1 - share) * doubt) for sure, doubt in zip(SURE, DOUBTFUL, strict=True))
    return red, green, blue
