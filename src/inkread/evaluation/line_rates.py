"""Error rates of a bundle on line images, read as the services read lines: int8, with its language model.

Usage: ``line_rates(Bundle.open(), [(image, "what is written in it")]).cer``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkread.bundle import Bundle
from inkread.document import Line
from inkread.evaluation.text import Errors, character_errors, word_errors
from inkread.recognition.line_images import Grey, Strip
from inkread.recognition.line_reader import LineReader


@dataclass(frozen=True, slots=True)
class LineRates:
    """Micro-averaged error rates over lines."""

    cer: float
    wer: float


def line_rates(bundle: Bundle, lines: Sequence[tuple[Grey, str]]) -> LineRates:
    """Read line images and compare them with their texts.

    Args:
        bundle: what reads.
        lines: images uint8 [48, width] with their texts, at least one.
    """
    places = [Line(str(number), (), ()) for number in range(len(lines))]
    read = LineReader(bundle)(places, [_alone(image) for image, _ in lines])
    pairs = [(text, line.text) for (_, text), line in zip(lines, read, strict=True)]
    characters = sum((character_errors(*pair) for pair in pairs), Errors())
    words = sum((word_errors(*pair) for pair in pairs), Errors())
    return LineRates(characters.rate, words.rate)


def _alone(image: Grey) -> Strip:
    """A line image whose place on a page does not matter."""
    height, width = image.shape
    baseline = ((0.0, float(height)), (float(width), float(height)))
    return Strip(image, (0.0, 0.0), (1.0, 0.0), np.zeros(width, np.float32), 0.0, float(height), 1.0, baseline)
