"""How dark the ink of each line is, to tell writing from what shows through from the other side.

Usage: ``contrasts = ink_contrasts(grey, page.lines)``
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inkread.document import Line


def ink_contrasts(grey: NDArray[np.uint8], lines: Sequence[Line]) -> NDArray[np.float64]:
    """Grey values between paper and ink of each line: [lines].

    Args:
        grey: uint8 [height, width], the page.
        lines: with baselines and outlines on it.
    """
    return np.array([_contrast(grey, line) for line in lines], np.float64)


def ink_on_lines(grey: NDArray[np.uint8], lines: Sequence[Line]) -> float:
    """How much darker the pixels above the baselines are than those below; small where lines lie beside the writing.

    Args:
        grey: uint8 [height, width], the page.
        lines: with baselines and outlines on it.
    """
    values = [(_band(grey, line, 0, 1), _band(grey, line, -1, 0)) for line in lines]
    kept = [float(below.mean()) - float(above.mean()) for above, below in values if above.size]
    return sum(kept) / len(kept) if kept else 0.0


def _contrast(grey: NDArray[np.uint8], line: Line) -> float:
    """Between the paper and the darkest twentieth of the pixels in a narrow band above the baseline."""
    values = _band(grey, line, 0, 1)
    if values.size < 50:
        return 0.0
    dark, paper = np.percentile(values, (5, 85))
    return float(paper - dark)


def _band(grey: NDArray[np.uint8], line: Line, lower: float, upper: float) -> NDArray[np.uint8]:
    """Pixels between two distances above the baseline, in thirds of the height of the outline: [12, columns]."""
    outline = np.asarray(line.polygon, np.float64)
    base = np.asarray(line.baseline, np.float64)
    base = base[np.argsort(base[:, 0])]
    columns = np.arange(max(int(base[0, 0]), 0), min(int(base[-1, 0]), grey.shape[1] - 1), 2)
    feet = np.interp(columns, base[:, 0], base[:, 1])
    band = max((float(np.ptp(outline[:, 1])) - float(np.ptp(base[:, 1]))) / 3, 4.0)
    heights = np.linspace(lower * band, upper * band, 12)
    rows = np.clip(feet[None] - heights[:, None], 0, grey.shape[0] - 1).astype(np.intp)
    values: NDArray[np.uint8] = grey[rows, np.broadcast_to(columns, rows.shape)]
    return values
