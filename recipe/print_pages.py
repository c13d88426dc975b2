"""Printed pages and forms, on which a text detector for handwriting must not become worse.

Usage: ``grey = printed_page(find_fonts([folder]), read_texts(), np.random.default_rng(1))``
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkread.synthesis.ink import Font

WIDTH, HEIGHT, EDGE = 1240, 1754, 80
"""Pixels of A4 at 150 dpi, and of its margins."""
SIZES = (13, 34)
"""Pixels of the least and the largest type: 6 to 16 points."""
HEADING = 1.6
"""Size of a heading, relative to the type of its page."""


def printed_page(fonts: Sequence[Font], texts: Sequence[str], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paragraphs, or a form with labels beside and above boxes and lines; uint8 [1754, 1240]."""
    image = Image.new("L", (WIDTH, HEIGHT), int(rng.integers(225, 256)))
    draw = ImageDraw.Draw(image)
    font = fonts[int(rng.integers(len(fonts)))].path
    size = int(rng.integers(*SIZES))
    ink = int(rng.integers(0, 110))
    words = [word for index in rng.permutation(len(texts))[:40] for word in texts[int(index)].split()]
    draw.text((EDGE, EDGE // 2), " ".join(words[:3]), ink, ImageFont.truetype(font, round(HEADING * size)))
    page = _Page(draw, ImageFont.truetype(font, size), size, ink, words, rng)
    y = 2.0 * EDGE
    while y < HEIGHT - EDGE:
        y = page.paragraph(y) if rng.random() < 0.3 else page.fields(y)
    return np.asarray(image, np.uint8)


class _Page:
    def __init__(  # noqa: PLR0913, PLR0917
        self,
        draw: ImageDraw.ImageDraw,
        font: ImageFont.FreeTypeFont,
        size: int,
        ink: int,
        words: Sequence[str],
        rng: np.random.Generator,
    ) -> None:
        self._draw, self._font, self._size, self._ink = draw, font, size, ink
        self._words, self._rng = words, rng

    def _text(self, most: int) -> str:
        count, start = int(self._rng.integers(1, most + 1)), int(self._rng.integers(len(self._words)))
        return " ".join(self._words[start : start + count])

    def paragraph(self, y: float) -> float:
        """A few lines; where the next part begins."""
        for _ in range(int(self._rng.integers(1, 5))):
            line = self._text(14)
            while self._draw.textlength(line, self._font) > WIDTH - 2 * EDGE and " " in line:
                line = line.rpartition(" ")[0]
            self._draw.text((EDGE, y), line, self._ink, self._font)
            y += 1.4 * self._size
        return y + self._size

    def fields(self, y: float) -> float:
        """Up to three fields beside one another; where the next part begins."""
        count = int(self._rng.integers(1, 4))
        width, height = (WIDTH - 2 * EDGE) / count, int(self._rng.integers(24, 70))
        above = self._rng.random() < 0.5
        for place in range(count):
            x, label = EDGE + place * width, self._text(3)
            self._draw.text((x, y), label, self._ink, self._font)
            left = x if above else x + min(self._draw.textlength(label, self._font) + 10, width - 40)
            top = y + 1.3 * self._size if above else y
            kind = self._rng.random()
            if kind < 0.5:
                self._draw.rectangle((left, top, x + width - 20, top + height), outline=self._ink, width=2)
            elif kind < 0.8:
                self._draw.line((left, top + height, x + width - 20, top + height), self._ink, 2)
            else:
                self._draw.rectangle((left, top, left + self._size, top + self._size), outline=self._ink, width=2)
        return y + (1.3 * self._size if above else 0) + height + self._size
