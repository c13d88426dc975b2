"""Does a line go on across a gap or below? The language model compares both for all lines of a page.

Usage: ``continuation(page.lines, gutter, line_reader.log_probability)``;
``continuation_of_cells([table.lines], line_reader.log_probability)``

A page of one column that is read across a wide space makes sense; two facing pages do not. For each line on the left
of a possible gutter, the first characters of what stands right of it in the same row are weighed against those of the
next line on the left. For each line on the right, those of the next line on the left are weighed against those of the
next line on the right. Each is rated by how much likelier the end of the line before makes it (pointwise mutual
information), so that common words do not win. The cells of a table are compared in the same way: prose in columns goes
on below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
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
_Place = tuple[int, int]
"""Row and column of a cell."""


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

    gains = [
        _gain(above.text, ahead, below.text, log_probability)
        for side, other, place in ((left, right, 0), (right, left, 1))
        for above, below in pairwise(side)
        for ahead in [beside(other, (above, below)[place].y)]
        if ahead is not None
    ]
    return (float(np.mean(gains)) if gains else 0.0), len(gains)


def continuation_of_cells(tables: Iterable[Sequence[Line]], log_probability: LogProbability) -> tuple[float, int]:
    """Mean of how much likelier cells go on in the next cell of their row than in the one below, and over how many.

    Args:
        tables: the lines of each table of a page, as read; cells of several lines do not count.
        log_probability: as for `continuation`.
    """
    gains = []
    for lines in tables:
        places = Counter((line.cell.row, line.cell.column) for line in lines if line.cell)
        texts = {
            place: line.text
            for line in lines
            if line.cell and places[place := (line.cell.row, line.cell.column)] == 1 and line.text
        }
        ahead = dict(_neighbours(sorted(texts), shared=0))
        below = dict(_neighbours(sorted(texts, key=lambda place: place[::-1]), shared=1))
        gains += [
            _gain(text, texts[ahead[place]], texts[below[place]], log_probability)
            for place, text in texts.items()
            if place in ahead and place in below
        ]
    return (float(np.mean(gains)) if gains else 0.0), len(gains)


def _neighbours(places: Sequence[_Place], *, shared: int) -> Iterator[tuple[_Place, _Place]]:
    """Each place with the next one of its row, where ``shared`` is 0, or of its column."""
    return ((place, following) for place, following in pairwise(places) if place[shared] == following[shared])


def _gain(text: str, ahead: str, below: str, log_probability: LogProbability) -> float:
    """How much likelier a text goes on with what stands ahead of it than with what stands below."""

    def attraction(start: str) -> float:
        start = start[:CHARACTERS]
        return log_probability(text + " ", start) - log_probability(BOUNDARY, start)

    return float(np.clip(attraction(ahead) - attraction(below), -MOST, MOST))
