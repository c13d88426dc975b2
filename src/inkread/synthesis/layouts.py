"""Where text goes on a page: columns, margins, line breaks.

Usage: ``blocks = sample_blocks(texts, hand, (1240, 1754), rng)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkread.synthesis.ink import Hand

GUTTER = 0.14


@dataclass(frozen=True, slots=True)
class Block:
    """Text to write: lines are broken to ``width``, and where ``text`` has a line break.

    Attributes:
        text: what to write; an empty line leaves a line free.
        x, y: left end of the first line's baseline, pixels of the page.
        width: longest line, pixels.
        kind: kind of the region, "text" or "marginalia".
        scale: size of the writing relative to the hand's.
    """

    text: str
    x: float
    y: float
    width: float
    kind: str = "text"
    scale: float = 1.0


def wrap(text: str, hand: Hand, width: float) -> list[str]:
    """Lines of whole words not wider than ``width`` pixels; a word that is wider stands alone."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and hand.width(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def sample_blocks(texts: Sequence[str], hand: Hand, size: tuple[int, int], rng: np.random.Generator) -> list[Block]:
    """A random layout filled with random texts: one column, two columns, or one column with a note in the margin."""
    width, height = size
    layout = ("one", "two", "note")[int(rng.integers(3))]
    top, edge = height * rng.uniform(0.06, 0.14), width * rng.uniform(0.06, 0.12)
    columns = 2 if layout == "two" else 1
    left = edge + (0.22 * width if layout == "note" else 0.0)
    room = (width - left - edge) / columns
    line = room * (1 - GUTTER)
    filled = [
        Block(_fill(texts, hand, line, height * 0.88 - top, rng), left + index * room, top, line)
        for index in range(columns)
    ]
    if layout == "note":
        note = " ".join(texts[int(rng.integers(len(texts)))].split()[:8])
        filled.append(Block(note, edge / 2, height * rng.uniform(0.2, 0.6), left - edge, "marginalia", 0.8))
    return filled


def _fill(texts: Sequence[str], hand: Hand, width: float, height: float, rng: np.random.Generator) -> str:
    lines: list[str] = []
    while len(lines) < height / hand.pitch:
        lines.extend(wrap(texts[int(rng.integers(len(texts)))], hand, width))
    return "\n".join(lines[: max(int(height / hand.pitch), 1)])
