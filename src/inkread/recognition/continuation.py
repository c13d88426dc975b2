"""Does a line go on across a gap or below? The language model compares both for all lines of a page.

Usage: ``continuation(page.lines, gutter, line_reader.log_probability)``

A page of one column that is read across a wide space makes sense; two facing pages do not. For each line on the left
of a possible gutter, the first characters of what stands right of it in the same row are weighed against those of the
next line on the left. For each line on the right, those of the next line on the left are weighed against those of the
next line on the right. Each is rated by how much likelier the end of the line before makes it (pointwise mutual
information), so that common words do not win.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inkread.document import Line, Polyline
from inkread.recognition.language_model import BOUNDARY

CHARACTERS = 10
"""Characters that are weighed; later ones depend on those before more than on the line."""
MOST = 6.0
"""Largest weight of one line in natural logarithms, so that a misread one does not decide alone."""

LogProbability = Callable[[str, str], float]
"""Natural logarithm of the probability of a text after a context."""


@dataclass(frozen=True, slots=True)
class _Row:
    y: float
    text: str


def continuation(lines: Sequence[Line], gutter: Polyline, log_probability: LogProbability) -> tuple[float, int]:
    """Mean of how much likelier lines go on across a gutter than below, and over how many pairs of lines.

    Args:
        lines: as read, with words that have outlines.
        gutter: from its upper end to its lower one.
        log_probability: of a text after a context, or at the start of a line after the context ``BOUNDARY``.
    """
    (top_x, top), (bottom_x, bottom) = gutter
    sides: tuple[list[_Row], list[_Row]] = ([], [])
    for line in lines:
        parts: tuple[list[str], list[str]] = ([], [])
        y = float(np.mean([y for _, y in line.baseline]))
        if not top <= y <= bottom:
            continue
        x = top_x + (bottom_x - top_x) * (y - top) / max(bottom - top, 1.0)
        for word in line.words:
            parts[int(np.mean([corner for corner, _ in word.polygon]) > x)].append(word.text)
        for side, texts in zip(sides, parts, strict=True):
            if texts:
                side.append(_Row(y, " ".join(texts)))
    left, right = (sorted(side, key=lambda row: row.y) for side in sides)
    steps = [below.y - above.y for above, below in pairwise(left)]
    reach = float(np.median(steps)) / 2 if steps else 0.0

    def beside(side: list[_Row], y: float) -> str | None:
        nearest = min(side, key=lambda row: abs(row.y - y), default=None)
        return nearest.text if nearest and abs(nearest.y - y) <= reach else None

    def attraction(end: str, start: str) -> float:
        start = start[:CHARACTERS]
        return log_probability(end + " ", start) - log_probability(BOUNDARY, start)

    gains = [
        float(np.clip(attraction(above.text, ahead) - attraction(above.text, below.text), -MOST, MOST))
        for side, other, place in ((left, right, 0), (right, left, 1))
        for above, below in pairwise(side)
        for ahead in [beside(other, (above, below)[place].y)]
        if ahead is not None
    ]
    return (float(np.mean(gains)) if gains else 0.0), len(gains)
