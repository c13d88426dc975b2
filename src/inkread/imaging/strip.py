"""Cut a text line out of a page, straightened along its baseline.

Usage: ``strip = cut_strip(grey, line.baseline, ascent=60, descent=28, height=48)``
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Polyline

Grey = NDArray[np.uint8]
END_MARGIN = 0.25
WHOLE_MARGIN = 0.06
WHOLE_BASELINE = 0.7


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
    """

    image: Grey
    origin: tuple[float, float]
    direction: tuple[float, float]
    offsets: NDArray[np.float32]
    start: float
    ascent: float
    scale: float

    def to_page(self, x: float, y: float) -> tuple[float, float]:
        """The page point under the strip point (x, y)."""
        column = min(max(int(x), 0), len(self.offsets) - 1)
        along = self.start + x / self.scale
        across = float(self.offsets[column]) - self.ascent + y / self.scale
        ux, uy = self.direction
        return (self.origin[0] + along * ux - across * uy, self.origin[1] + along * uy + across * ux)


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
    y = offsets[None, :] - ascent + np.arange(rows, dtype=np.float32)[:, None] + 0.5
    origin_x, origin_y = (float(v) for v in points[0])
    cut = cv2.remap(
        grey,
        (origin_x - 0.5 + ux * x - uy * y).astype(np.float32),
        (origin_y - 0.5 + uy * x + ux * y).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
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
    )


def whole_line(grey: Grey) -> tuple[Polyline, float, float]:
    """Baseline, ascent and descent of an image that shows one line or word and nothing else, for `cut_strip`.

    Such images are often cut close to the ink, so the band is a little higher than they are.
    """
    height, width = grey.shape
    base, margin = WHOLE_BASELINE * height, WHOLE_MARGIN * height
    return ((0.0, base), (float(width), base)), base + margin, height - base + margin
