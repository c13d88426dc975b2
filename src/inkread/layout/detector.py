"""Where there is text: the probability map of PP-OCRv6's small text detector.

Usage: ``text_map = Detector(bundle.detector, threads=2)(grey)``

The detector (differentiable binarisation, Liao et al., AAAI 2020) marks the core of every text line, about the
zone between baseline and mean line, as one ribbon. What Inkread makes of the ribbons is in `inkread.layout.lines`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import BundleError
from inkread.layout.settings import DEFAULT_LAYOUT
from inkread.runtime import PerProcess, open_session, run_and_release

STEP = 32
"""Map pixels that the network's side lengths are multiples of."""
TILE, MARGIN = 1024, 96
"""Map pixels: side of the largest map that is made at once, because a map takes about 165 bytes a pixel, and how far a
tile of a larger one reaches beyond what is kept of it, so that the network sees what surrounds each pixel."""


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
        self._session = open_session(path, threads, arena=True)
        self._one_at_a_time = PerProcess(Lock)  # a run uses all threads, and two need twice the memory
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
        probability = np.empty((rows, columns), np.float32)
        for top, bottom, row in _parts(rows):
            for left, right, column in _parts(columns):
                part = self._run(small[row : row + TILE, column : column + TILE])
                probability[top:bottom, left:right] = part[top - row : bottom - row, left - column : right - column]
        return TextMap(probability, np.asarray(small, np.uint8), columns / width, rows / height)

    def _run(self, part: NDArray[np.generic]) -> NDArray[np.float32]:
        tensor = (part.astype(np.float32) / 127.5 - 1.0)[None, None]
        with self._one_at_a_time.get():
            output = run_and_release(self._session.get(), {self._name: tensor})
        return np.asarray(output, np.float32).reshape(part.shape)


def _parts(length: int) -> Iterator[tuple[int, int, int]]:
    """Begin and end of each part of a side that is kept, and where the tile around it begins."""
    count = 1 if length <= TILE else -(-(length - 2 * MARGIN) // (TILE - 2 * MARGIN))
    edges = [round(number * length / count) for number in range(count + 1)]
    for begin, end in pairwise(edges):
        tile = max(min((begin + end - TILE) // 2, length - TILE), 0)
        yield begin, end, tile - tile % STEP
