"""Lines of text as images, each with what it says.

Usage: ``for line in sample_lines(texts, find_fonts(), count=1000, seed=1): save(line.image, line.text)``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inkread.imaging.strip import Grey
from inkread.synthesis.fonts import Font
from inkread.synthesis.ink import Hand, write
from inkread.synthesis.paper import Paper

X_HEIGHT = (12.0, 28.0)
WORDS = (1, 12)
RULED = 0.25


@dataclass(frozen=True, slots=True)
class SyntheticLine:
    """A rendered line: uint8 [height, width], its text and the name of the font."""

    image: Grey
    text: str
    font: str


def sample_lines(texts: Sequence[str], fonts: Sequence[Font], count: int, seed: int) -> Iterator[SyntheticLine]:
    """``count`` lines of some words of ``texts`` each; line i depends on the seed and i alone.

    Raises:
        DatasetError: no font has all characters of a text.
    """
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        yield render_line(some_words(texts, rng), fonts, rng)


def some_words(texts: Sequence[str], rng: np.random.Generator) -> str:
    """One to twelve neighbouring words of a random text."""
    words = texts[int(rng.integers(len(texts)))].split()
    length = min(int(rng.integers(*WORDS, endpoint=True)), len(words))
    start = int(rng.integers(len(words) - length + 1))
    return " ".join(words[start : start + length])


def render_line(text: str, fonts: Sequence[Font], rng: np.random.Generator) -> SyntheticLine:
    """One line in a random hand on random paper, cut with a small margin around the ink."""
    hand = Hand.sample(fonts, text, rng, float(rng.uniform(*X_HEIGHT)))
    ink = write(text, hand, rng)
    points = np.array(ink.outline or ink.baseline)
    margin = hand.x_height * rng.uniform(0.1, 0.6)
    left, top = np.floor(np.maximum(points.min(axis=0) - margin, 0)).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + margin).astype(int)
    rows = [ink.baseline[0][1] - top] if rng.random() < RULED else []
    image = Paper.sample(rng).scan(ink.coverage[top:bottom, left:right], rng, rows=rows)
    return SyntheticLine(image, text, hand.font.name)
