"""One page as pixels.

Usage: ``page.grey.shape == page.pixels.shape[:2]``
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """One page, upright as a viewer shows it.

    Attributes:
        pixels: uint8, [height, width] grey or [height, width, 3] RGB.
        source: file the page came from, "" where there is no file.
        index: position in that file, from 0.
        dpi: resolution, None where unknown.
    """

    pixels: Pixels
    source: str = ""
    index: int = 0
    dpi: float | None = None

    @property
    def width(self) -> int:
        """Columns of the page."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows of the page."""
        return int(self.pixels.shape[0])

    @property
    def grey(self) -> Pixels:
        """The page as uint8 [height, width]; a new array for a colour page, so keep it rather than ask twice."""
        if self.pixels.ndim == 2:
            return self.pixels
        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY), np.uint8)
