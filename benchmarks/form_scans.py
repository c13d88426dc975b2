"""What a scanner, fax machine or camera makes of a page.

Usage: ``picture, matrix = scan(page, rng, "photo")``
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.recognition.line_images import Grey

Matrix = NDArray[np.float64]


def scan(page: Grey, rng: np.random.Generator, kind: str = "scan") -> tuple[Grey, Matrix]:
    """What a scanner, fax machine or camera makes of a page.

    Args:
        page: at 200 dpi.
        rng: source of all randomness.
        kind: scan, fax or photo.

    Returns:
        The picture, and the 3 x 3 homography from the page to it.
    """
    height, width = page.shape
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    turned = (corners - (width / 2, height / 2)) @ _rotation(rng.normal(0, 1.2) + 180 * (rng.random() < 0.1)).T
    if kind == "photo":
        scale = rng.uniform(0.8, 1.6)
        target = turned * scale + rng.uniform(-0.05, 0.05, (4, 2)) * (width * scale)
        margin = rng.uniform(0.03, 0.12, 2) * width * scale
    else:
        scale = 1.02 if kind == "fax" else float(rng.choice([0.75, 1.0, 1.0, 1.5]))
        target = turned * scale * (1 + rng.normal(0, 0.003, 2))
        margin = rng.uniform(-20, 30, 2) * scale
    target = target - target.min(axis=0) + margin
    size = np.ceil(target.max(axis=0) + margin).astype(int)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target.astype(np.float32)).astype(np.float64)
    table = float(rng.uniform(40, 130)) if kind == "photo" else 245.0
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    source = cv2.GaussianBlur(page, (0, 0), 0.45 / scale) if scale < 1 else page
    picture = cv2.warpPerspective(
        source, matrix, (int(size[0]), int(size[1])), flags=flags, borderValue=(table,)
    ).astype(np.float32)
    if kind == "photo":
        y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
        picture *= 1 - rng.uniform(0, 0.35) * (x / size[0]) - rng.uniform(0, 0.25) * (y / size[1])
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.3))), np.float32)
    noise = rng.normal(0, float(rng.uniform(1, 6)), picture.shape)
    picture += np.asarray(noise, np.float32)
    seen = np.asarray(np.clip(picture, 0, 255), np.uint8)
    if kind == "fax":
        return np.where(seen > int(rng.integers(130, 180)), np.uint8(255), np.uint8(0)), matrix
    quality = int(rng.integers(60, 92))
    encoded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8), matrix


def _rotation(degrees: float) -> Matrix:
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
