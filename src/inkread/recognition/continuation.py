"""Does a line go on across a gap or below? The language model compares both for all lines of a page.

Usage: ``continuation(page.lines, gutter, line_reader.log_probability)``

A page of one column that is read across a wide space makes sense; two facing pages do not. For each line on the left
of a possible gutter, the first characters of what stands right of it in the same row are weighed against those of the
next line on the left, both after the end of the line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from inkread.document import Line, Polyline

CHARACTERS = 10
"""Characters that are weighed; later ones depend on those before more than on the line."""

LogProbability = Callable[[str, str], float]
"""Natural logarithm of the probability of a text after a context."""


@dataclass(frozen=True, slots=True)
class _Row:
    y: float
    text: str


def continuation(lines: Sequence[Line], gutter: Polyline, log_probability: LogProbability) -> tuple[float, int]:
    """Mean of how much likelier lines go on across a gutter than below, and over how many lines.

    Args:
        lines: as read, with words that have outlines.
        gutter: from its upper end to its lower one.
        log_probability: of a text after a context.
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
            parts[float(np.mean([corner for corner, _ in word.polygon])) > x].append(word.text)
        for side, texts in zip(sides, parts, strict=True):
            if texts:
                side.append(_Row(y, " ".join(texts)))
    left, right = (sorted(side, key=lambda row: row.y) for side in sides)
    steps = [below.y - above.y for above, below in pairwise(left)]
    reach = float(np.median(steps)) / 2 if steps else 0.0
    gains = []
    for above, below in pairwise(left):
        across = min(right, key=lambda row: abs(row.y - above.y), default=None)
        if across is None or abs(across.y - above.y) > reach:
            continue
        context = above.text + " "
        ahead, under = (
            log_probability(context, row.text[:CHARACTERS]) / len(row.text[:CHARACTERS]) for row in (across, below)
        )
        gains.append(CHARACTERS * (ahead - under))
    return (float(np.mean(gains)) if gains else 0.0), len(gains)
