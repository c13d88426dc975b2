"""Where words and characters stand on the page.

Usage: ``words = place_words(hypothesis, strip, stride, calibration)``
"""

from __future__ import annotations

from inkread.document import Character, Polygon, Word
from inkread.imaging.strip import Strip
from inkread.recognition.confidence import IDENTITY, Calibration
from inkread.recognition.decode import Hypothesis
from inkread.recognition.words import words_of


def place_words(
    hypothesis: Hypothesis, strip: Strip, stride: float, calibration: Calibration = IDENTITY
) -> tuple[Word, ...]:
    """Words of a text with their characters, as quadrilaterals on the page.

    The network marks a character at a peak of one or two frames, so a character's box reaches from half way to
    its left neighbour to half way to its right one.

    Args:
        hypothesis: text with the frames of its characters.
        strip: the straightened line, with the way back to the page.
        stride: strip pixels a frame.
        calibration: of word confidences.
    """
    edges = _edges(hypothesis, stride, strip.image.shape[1])
    words = []
    for word in words_of(hypothesis):
        start, stop = word.start, word.stop
        characters = tuple(
            Character(hypothesis.text[i], _box(strip, *edges[i]), hypothesis.confidences[i]) for i in range(start, stop)
        )
        box = _box(strip, edges[start][0], edges[stop - 1][1])
        words.append(Word(hypothesis.text[start:stop], box, word.confidence(calibration), characters))
    return tuple(words)


def _edges(hypothesis: Hypothesis, stride: float, width: int) -> list[tuple[float, float]]:
    """Left and right edge of each character, in strip pixels."""
    centres = [(start + stop) / 2 * stride for start, stop in hypothesis.spans]
    if not centres:
        return []
    borders = [(a + b) / 2 for a, b in zip(centres, centres[1:], strict=False)]
    reach = _median([b - a for a, b in zip(centres, centres[1:], strict=False)], default=2 * stride) / 2
    first, last = max(centres[0] - reach, 0.0), min(centres[-1] + reach, float(width))
    return list(zip([first, *borders], [*borders, last], strict=True))


def _median(values: list[float], default: float) -> float:
    return sorted(values)[len(values) // 2] if values else default


def _box(strip: Strip, left: float, right: float) -> Polygon:
    height = strip.image.shape[0]
    corners = ((left, 0.0), (right, 0.0), (right, float(height)), (left, float(height)))
    return tuple((round(x, 1), round(y, 1)) for x, y in (strip.to_page(*corner) for corner in corners))
