"""Hands that fill in forms: recorded pen strokes of one writer, or a font.

Usage: ``StrokeWriter.all(Path("unipen-en/val.parquet"))[0].write("L 4711", 30, rng)``
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.synthesis.ink import Coverage, Hand, find_fonts, write
from inkread.synthesis.strokes import Stroke, StrokeHands, Written, draw


@dataclass(frozen=True)
class Values:
    """What people write: lists by the name of their file, texts, and numbers where not any can be written."""

    lists: Mapping[str, Sequence[str]]
    texts: Sequence[str]
    empty: float = 0.1
    numbers: Sequence[str] = ()


class Writer(Protocol):
    """Somebody who fills in forms; ``name`` tells one from another."""

    @property
    def name(self) -> str:
        """Who writes."""
        ...

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text, 255 where it is full, whose capitals are ``height`` pixels high; None where letters miss."""


@dataclass(frozen=True)
class FontWriter:
    """Writes with a font."""

    name: str
    hand: Hand

    @classmethod
    def sample(cls, rng: np.random.Generator, folders: Sequence[Path] = ()) -> FontWriter:
        """A random hand in one of the fonts."""
        hand = Hand.sample(find_fonts(folders), "ABC abc 0123456789 .,-@/:", rng, 20.0)
        return cls(hand.font.name, hand)

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text."""
        hand = replace(self.hand, x_height=height * 0.62)
        return _trimmed(write(text, hand, rng).coverage) if hand.font.covers(text) else None


LARGEST_CHARACTER = 1.7
"""Side of a recorded character in median heights of a digit."""
DRAWN: Mapping[str, Sequence[Sequence[tuple[float, float]]]] = {
    "-": [[(0, -0.4), (0.35, -0.42)]],
    "/": [[(0, 0.1), (0.4, -1.05)]],
    ".": [[(0, 0), (0.03, 0)]],
    ",": [[(0.05, 0), (0, 0.2)]],
    ":": [[(0, 0), (0.03, 0)], [(0, -0.5), (0.03, -0.5)]],
}
"""Marks that hardly anybody recorded, in heights of a capital."""


class StrokeWriter:
    """Writes with the recorded pen strokes of one writer: whole words where they are recorded, else characters."""

    def __init__(self, hands: StrokeHands, name: str, items: Mapping[str, Sequence[int]]) -> None:
        self.name = name
        self._hands = hands
        digits = [hands.item(index).box for digit in "0123456789" for index in items[digit]]
        self._capital = float(np.median([bottom - top for _, top, _, bottom in digits]))
        kept = {text: [index for index in indices if self._is_one(text, index)] for text, indices in items.items()}
        self._items = {text: indices for text, indices in kept.items() if indices and text not in DRAWN}

    @classmethod
    def all(cls, path: Path) -> list[StrokeWriter]:
        """The writers of a file of strokes who have recorded all digits."""
        hands = StrokeHands.open(path, Alphabet(LATIN))
        recorded: dict[str, dict[str, list[int]]] = {}
        for index in hands.items:
            mine = recorded.setdefault(hands.writer(index), {})
            mine.setdefault(hands.item(index).text, []).append(index)
        wanted = set("0123456789")
        return [cls(hands, name, items) for name, items in sorted(recorded.items()) if wanted <= set(items)]

    def _is_one(self, text: str, index: int) -> bool:
        """Whether a character is as large as one: some records hold a word instead of the character they name."""
        left, top, right, bottom = self._hands.item(index).box
        return len(text) > 1 or max(right - left, bottom - top) <= LARGEST_CHARACTER * self._capital

    def values(self, lists: Mapping[str, Sequence[str]], rng: np.random.Generator) -> Values:
        """Anything of the lists, and texts of recorded words."""
        return Values(lists, [self.words(int(rng.integers(2, 8)), rng) for _ in range(4)])

    def words(self, count: int, rng: np.random.Generator) -> str:
        """Random words that are recorded."""
        words = [word for word in self._items if len(word) > 1 and word.isalpha()]
        return " ".join(str(word) for word in rng.choice(words, count)) if words else ""

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text, in capitals where small letters are not recorded."""
        strokes = self._strokes(text, rng) or self._strokes(text.upper(), rng)
        if not strokes:
            return None
        scale = height / self._capital
        return _trimmed(draw(Written(text, tuple(strokes)), scale, float(rng.uniform(2.2, 4.0))).coverage)

    def _strokes(self, text: str, rng: np.random.Generator) -> list[Stroke] | None:
        strokes: list[Stroke] = []
        position, unit = 0.0, self._capital
        for word in text.split(" "):
            for part in [word] if word in self._items else list(word):
                if part in self._items:
                    mine = self._hands.item(int(rng.choice(self._items[part]))).strokes
                elif part in DRAWN:
                    mine = tuple(np.array(line, np.float32) * np.float32(unit) for line in DRAWN[part])
                else:
                    return None
                shift = np.array([position, rng.normal(0, 0.03) * unit], np.float32)
                strokes += [stroke + shift for stroke in mine]
                right = max(float(stroke[:, 0].max()) for stroke in strokes)
                position = right + unit * float(rng.uniform(0.1, 0.28))
            position += unit * float(rng.uniform(0.3, 0.6))
        return strokes


def _trimmed(coverage: Coverage) -> Coverage:
    rows, columns = np.nonzero(coverage > 40)
    if not len(rows):
        return coverage[:1, :1]
    return coverage[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
