"""Handwriting as ink on paper: glyphs with a hand's variation, noise, paper with shading and rulings.

Usage: ``ink = write(font, text, hand, rng); Paper.sample(rng).press(ink)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inkread.document import Polygon, Polyline
from inkread.errors import DamagedInputError, DatasetError, InputNotFoundError
from inkread.recognition.line_images import Grey


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], period: float) -> NDArray[np.float32]:
    """Normal noise of about unit variance that changes over ``period`` pixels, float32 of ``shape`` [rows, columns]."""
    rows, columns = shape
    coarse = rng.normal(size=(int(rows / period) + 2, int(columns / period) + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)


BUNDLED = Path(__file__).parent.parent / "assets" / "fonts"
SUFFIXES = frozenset({".ttf", ".otf", ".woff"})
UNASSIGNED = "\uffff"
PROBE = 200


@dataclass(frozen=True, slots=True, order=True)
class Font:
    """A font file; ``name`` is its stem. What uses the file raises DamagedInputError where it is no font."""

    name: str
    path: Path

    def at_x_height(self, pixels: float) -> ImageFont.FreeTypeFont:
        """The font at the size whose letter x is ``pixels`` high: what makes hands of different fonts equally large."""
        left, top, right, bottom = _load(self.path, PROBE).getbbox("x", anchor="ls")
        return _load(self.path, max(round(pixels * PROBE / max(bottom - top, 1)), 4))

    def covers(self, text: str) -> bool:
        """Whether every character but the space leaves ink of its own."""
        return all(character == " " or _draws(self.path, character) for character in text)


def find_fonts(folders: Sequence[Path] = ()) -> tuple[Font, ...]:
    """All fonts under ``folders``, sorted by name; the bundled ones where no folder is given.

    Raises:
        InputNotFoundError: a folder is missing or holds no font file.
    """
    found: list[Font] = []
    for folder in folders or (BUNDLED,):
        here = [Font(path.stem, path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
        if not here:
            raise InputNotFoundError(f"{folder} holds no font; name a folder with .ttf, .otf or .woff files")
        found.extend(here)
    return tuple(sorted(found))


@lru_cache(maxsize=1024)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise DamagedInputError(f"{path} is not a font that can be read; remove it from the folder") from error


@lru_cache(maxsize=65536)
def _draws(path: Path, character: str) -> bool:
    font = _load(path, 32)
    ink = font.getmask(character)
    return ink.getbbox() is not None and bytes(ink) != bytes(font.getmask(UNASSIGNED))


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


SHADING_PERIOD = 300.0
PRESSURE_PERIOD = 25.0


@dataclass(frozen=True, slots=True)
class Paper:
    """Paper, ink colour and scanner. Grey values are 0 (black) to 255.

    Attributes:
        tone: the paper.
        ink: the ink where the pen pressed fully.
        rule: printed rules.
        shading: deviation of the paper's tone over the page.
        fading: share of the ink that is lost where the pen pressed least.
        blur: deviation of the scanner's blur in pixels, 0 for none.
        noise: deviation of the scanner's noise.
    """

    tone: float = 235.0
    ink: float = 45.0
    rule: float = 195.0
    shading: float = 4.0
    fading: float = 0.2
    blur: float = 0.6
    noise: float = 2.0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Paper:
        """A random paper, ink and scanner with enough contrast to read."""
        tone = float(rng.uniform(150, 250))
        return cls(
            tone=tone,
            ink=float(rng.uniform(10, tone - 80)),
            rule=tone - float(rng.uniform(15, 70)),
            shading=float(rng.uniform(0, 8)),
            fading=float(rng.uniform(0, 0.5)),
            blur=float(rng.uniform(0.3, 1.3)),
            noise=float(rng.uniform(0, 8)),
        )

    def scan(
        self,
        coverage: Coverage,
        rng: np.random.Generator,
        rows: Sequence[float] = (),
        columns: Sequence[float] = (),
    ) -> Grey:
        """What a scanner sees of the ink: uint8 of the same shape.

        Args:
            coverage: uint8 [height, width], 255 where ink is full.
            rng: source of all randomness.
            rows: where level rules are printed, pixels from the top.
            columns: where upright rules are printed, pixels from the left.
        """
        shape = (coverage.shape[0], coverage.shape[1])
        sheet = self.tone + self.shading * smooth_noise(rng, shape, SHADING_PERIOD)
        for row in rows:
            sheet[int(row) : int(row) + 2] = self.rule
        for column in columns:
            sheet[:, int(column) : int(column) + 2] = self.rule
        pressure = 1 - self.fading * np.clip(0.5 + 0.25 * smooth_noise(rng, shape, PRESSURE_PERIOD), 0, 1)
        opacity = coverage.astype(np.float32) / 255 * pressure
        seen = sheet * (1 - opacity) + self.ink * opacity
        if self.blur > 0:
            seen = np.asarray(cv2.GaussianBlur(seen.astype(np.float32), (0, 0), self.blur), np.float32)
        if self.noise > 0:
            seen = seen + self.noise * rng.standard_normal(shape, np.float32)
        return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)
