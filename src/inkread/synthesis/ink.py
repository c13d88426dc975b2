"""A hand writes a text: the ink alone, without paper.

Usage: ``ink = write("Dear Sir,", Hand(font, x_height=20), rng)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from inkread.document import Polygon, Polyline
from inkread.errors import DatasetError
from inkread.synthesis.fonts import Font
from inkread.synthesis.noise import smooth_noise

Coverage = NDArray[np.uint8]
PITCH = 3.4


@dataclass(frozen=True, slots=True)
class Hand:
    """A writer. Lengths are in x-heights of the letters.

    Attributes:
        font: what the letters look like.
        x_height: height of the letter x in pixels.
        slant: shift to the right for each unit of height, 0 as the font is.
        wander: deviation of the baseline from a straight line.
        tremor: local distortion of the letters.
        gap: mean space between words.
        pen: added on each side of a stroke.
    """

    font: Font
    x_height: float
    slant: float = 0.0
    wander: float = 0.1
    tremor: float = 0.04
    gap: float = 0.8
    pen: float = 0.0

    @classmethod
    def sample(cls, fonts: Sequence[Font], text: str, rng: np.random.Generator, x_height: float) -> Hand:
        """A random hand in one of the fonts that have all of ``text``; DatasetError where none has."""
        shuffled = (fonts[index] for index in rng.permutation(len(fonts)))
        font = next((font for font in shuffled if font.covers(text)), None)
        if font is None:
            raise DatasetError(f"None of {len(fonts)} fonts can write all of {text[:40]!r}; change it or add a font")
        return cls(
            font=font,
            x_height=x_height,
            slant=float(rng.normal(0, 0.12)),
            wander=float(rng.uniform(0.02, 0.25)),
            tremor=float(rng.uniform(0.0, 0.08)),
            gap=float(rng.uniform(0.5, 1.2)),
            pen=float(rng.choice([0.0, 0.0, 0.02, 0.04])),
        )

    @property
    def pitch(self) -> float:
        """Distance between the baselines of two lines in pixels."""
        return PITCH * self.x_height

    def width(self, text: str) -> float:
        """Mean width of ``text`` in pixels."""
        font = self.font.at_x_height(self.x_height)
        words = text.split(" ")
        return sum(font.getlength(word) for word in words) + self.gap * self.x_height * (len(words) - 1)


@dataclass(frozen=True, slots=True)
class Ink:
    """Written text: ``coverage`` uint8 [height, width], 255 where ink is full, and the baseline in its pixels."""

    coverage: Coverage
    baseline: Polyline

    @property
    def outline(self) -> Polygon:
        """The band along the baseline that holds all the ink; empty where there is none."""
        rows, columns = np.nonzero(self.coverage)
        if not len(rows):
            return ()
        (first_x, first_y), *_, (last_x, last_y) = self.baseline
        start = (min(first_x, float(columns.min())), first_y)
        end = (max(last_x, float(columns.max()) + 1), last_y)
        points = (start, *self.baseline[1:-1], end)
        x, y = np.array(points).T
        offset = rows - np.interp(columns, x, y)
        above, below = min(float(offset.min()), 0.0), max(float(offset.max()) + 1, 0.0)
        upper = tuple((px, py + above) for px, py in points)
        lower = tuple((px, py + below) for px, py in reversed(points))
        return upper + lower


def write(text: str, hand: Hand, rng: np.random.Generator) -> Ink:
    """Write one line: word by word with uneven gaps, then slanted, wandering and trembling."""
    unit = hand.x_height
    font = hand.font.at_x_height(unit)
    stroke = hand.pen * unit
    box = font.getbbox(text or " ", anchor="ls", stroke_width=stroke)
    lean = abs(hand.slant) * (box[3] - box[1])
    margin = int(2 * unit + lean - min(box[0], 0))
    words = text.split(" ")
    gaps = unit * hand.gap * rng.uniform(0.7, 1.4, len(words))
    width = int(sum(font.getlength(word) for word in words) + gaps.sum()) + 2 * margin
    base = int(unit - box[1])
    height = int(base + box[3] + unit)
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    x = float(margin)
    for word, gap in zip(words, gaps, strict=True):
        place = (x, base + unit * hand.wander * rng.normal(0, 0.2))
        draw.text(place, word, fill=255, font=font, anchor="ls", stroke_width=stroke)
        x += font.getlength(word) + float(gap)
    end = x - float(gaps[-1])
    wander = unit * hand.wander * smooth_noise(rng, (1, width), 12 * unit)[0]
    wander = np.clip(wander, -0.9 * unit, 0.9 * unit)
    coverage = _bend(np.asarray(image), hand, base, wander, rng)
    columns = np.linspace(margin, max(end, margin + 1.0), max(int((end - margin) / (3 * unit)), 1) + 1)
    rows = base + np.interp(columns, np.arange(width), wander)
    return Ink(coverage, tuple((float(cx), float(cy)) for cx, cy in zip(columns, rows, strict=True)))


def _bend(straight: Coverage, hand: Hand, base: int, wander: NDArray[np.float32], rng: np.random.Generator) -> Coverage:
    height, width = straight.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    tremor = hand.tremor * hand.x_height
    source_y = y - wander[None, :] + tremor * smooth_noise(rng, (height, width), 1.5 * hand.x_height)
    source_x = x + hand.slant * (source_y - base) + tremor * smooth_noise(rng, (height, width), 1.5 * hand.x_height)
    bent = cv2.remap(straight, source_x.astype(np.float32), source_y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(bent, np.uint8)
