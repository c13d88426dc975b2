"""Where there is text: the probability map of PP-OCRv6's small text detector.

Usage: ``text_map = Detector(bundle.detector, threads=2)(grey)``

The detector (differentiable binarisation, Liao et al., AAAI 2020) marks the core of every text line, about the
zone between baseline and mean line, as one ribbon. What Inkread makes of the ribbons is in `inkread.layout.lines`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import BundleError
from inkread.layout.settings import DEFAULT_LAYOUT
from inkread.runtime import open_session

STEP = 32
"""Map pixels that the network's side lengths are multiples of."""


@dataclass(frozen=True, slots=True)
class TextMap:
    """Probability of text for each pixel of a scaled page.

    Attributes:
        probability: float32 [rows, columns] in [0, 1].
        grey: uint8 [rows, columns], the page as the detector saw it.
        scale_x, scale_y: map pixels for one page pixel.
    """

    probability: NDArray[np.float32]
    grey: NDArray[np.uint8]
    scale_x: float
    scale_y: float


class Detector:
    """The text detection network.

    Raises:
        BundleError: the file is no network that onnxruntime can run.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        self._session = open_session(path, threads)
        session = self._session.get()
        entrance, exit_ = session.get_inputs()[0], session.get_outputs()[0]
        if len(entrance.shape) != 4 or len(exit_.shape) != 4 or entrance.shape[1] != 1:
            raise BundleError(f"{path}: not a text detector for grey pages; use the bundle's own detector.onnx")
        self._name = entrance.name

    def __call__(self, grey: NDArray[np.uint8], side: int = DEFAULT_LAYOUT.side) -> TextMap:
        """Map a page, scaled so that its longer side has at most ``side`` pixels.

        Args:
            grey: uint8 [height, width].
            side: resolution of the map; larger finds smaller writing and takes longer by the square.
        """
        height, width = grey.shape
        scale = min(side / max(height, width), 1.0)
        rows, columns = (max(round(length * scale / STEP), 1) * STEP for length in (height, width))
        small = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
        tensor = (small.astype(np.float32) / 127.5 - 1.0)[None, None]
        (output,) = self._session.get().run(None, {self._name: tensor})
        probability = np.asarray(output, np.float32).reshape(rows, columns)
        return TextMap(probability, np.asarray(small, np.uint8), columns / width, rows / height)
