"""Handwriting-like lines rendered from texts and fonts.

Usage: ``for line in sample_lines(read_texts(), find_fonts(), seed=1, count=10): line.image, line.text``
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkread.errors import DamagedInputError, InputNotFoundError
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Font, Hand, Paper, write

BUNDLED = Path(__file__).parent.parent / "assets" / "texts.txt"


def read_texts(path: Path | None = None) -> tuple[str, ...]:
    """The NFC texts of a file, empty lines left out; a few English and French sentences where no file is given.

    Raises:
        InputNotFoundError: the file is missing or holds no text.
        DamagedInputError: the file is not UTF-8.
    """
    path = path or BUNDLED
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DamagedInputError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputNotFoundError(f"{path} cannot be read: {error.strerror}") from error
    texts = tuple(" ".join(unicodedata.normalize("NFC", line).split()) for line in content.splitlines())
    texts = tuple(text for text in texts if text)
    if not texts:
        raise InputNotFoundError(f"{path} holds no text; write one text a line")
    return texts


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
