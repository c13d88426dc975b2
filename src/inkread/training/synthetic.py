"""Synthetic training lines with context, in the form in which real ones are stored.

Usage: ``image, text = StrokeSource(hands, joined=True).sample(rng)``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import HEIGHT, Grey, cut_strip, with_context
from inkread.synthesis.ink import Font, Hand, Ink, Paper, write
from inkread.synthesis.lines import some_words
from inkread.synthesis.strokes import UNIT, StrokeHands, Written, draw

Sample = tuple[Grey, str]
NEIGHBOURS, RULED, CAPITALS = 0.35, 0.2, 0.2
"""Share of the lines with ink of lines above or below, of those on ruled paper, and of those in capitals."""
MOST_COLUMNS = 1400


class LineSource(Protocol):
    """Something that gives training lines: an image with context, uint8 [65, width], and its text."""

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a line that depends on ``rng`` alone."""


@dataclass(frozen=True)
class StrokeSource:
    """Pen strokes on paper: whole texts, or words of one writer joined; ``plain`` as a thin black line on white."""

    hands: StrokeHands
    joined: bool
    plain: bool = False

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a line of one writer."""
        written = self._written(rng)
        left, top, right, bottom = written.box
        height = max(-top, 0.6 * UNIT) + max(bottom, 0.15 * UNIT)
        band = height * (rng.uniform(1.0, 1.25) if self.plain or rng.random() < 0.4 else rng.uniform(1.0, 1.9))
        scale = HEIGHT / band
        share = float(np.clip(max(-top, 0.6 * UNIT) / height + rng.normal(0, 0.04), 0.5, 0.92))
        pen = 1.5 if self.plain else float(np.clip(rng.lognormal(0.55, 0.4), 0.8, 4.5))
        ink = draw(written, scale, pen, 0.0 if self.plain else float(rng.normal(0, 0.12)), margin=HEIGHT)
        if self.plain:
            return _cut(255 - ink.coverage, ink, share), written.text
        beside = self._written if rng.random() < NEIGHBOURS else None
        return _on_paper(
            ink, share, rng, lambda: draw(beside(rng), scale, pen, margin=0) if beside else None
        ), written.text

    def _written(self, rng: np.random.Generator) -> Written:
        while True:
            written = self.hands.words(rng) if self.joined else self.hands.text(rng)
            left, top, right, bottom = written.box
            if (right - left) * HEIGHT < MOST_COLUMNS * max(bottom - top, UNIT):
                return written


@dataclass(frozen=True)
class FontSource:
    """Texts in fonts; ``printed`` leaves them straight."""

    fonts: Sequence[Font]
    texts: Sequence[str]
    alphabet: Alphabet
    printed: bool = False

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a line in one font."""
        text = self._text(rng)
        if rng.random() < CAPITALS and self._writable(text.upper()):
            text = text.upper()
        band = rng.uniform(2.2, 3.8)
        hand = Hand.sample(self.fonts, text, rng, HEIGHT / band)
        if self.printed:
            hand = replace(hand, slant=0.0, wander=0.02, tremor=0.0, gap=0.35 + 0.25 * float(rng.random()))
        ink = write(text, hand, rng)
        neighbour = rng.random() < NEIGHBOURS
        return _on_paper(
            ink,
            0.66 + float(rng.normal(0, 0.03)),
            rng,
            lambda: write(some_words(self.texts, rng), hand, rng) if neighbour else None,
        ), text

    def _text(self, rng: np.random.Generator) -> str:
        while True:
            text = some_words(self.texts, rng)
            if self._writable(text):
                return text

    def _writable(self, text: str) -> bool:
        return not self.alphabet.unknown(text) and any(font.covers(text) for font in self.fonts)


def _on_paper(ink: Ink, share: float, rng: np.random.Generator, neighbour: Callable[[], Ink | None]) -> Grey:
    coverage = ink.coverage
    above = below = None
    pitch = HEIGHT * rng.uniform(0.85, 1.1)
    above, below = neighbour(), neighbour()
    pad = 2 * HEIGHT
    sheet = cv2.copyMakeBorder(coverage, pad, pad, 0, 0, cv2.BORDER_CONSTANT, value=(0,))
    base = ink.baseline[0][1] + pad
    for other, shift in ((above, -pitch), (below, pitch)):
        if other is not None:
            _blend(sheet, other, round(base + shift), int(rng.integers(-40, 40)))
    rows = [base + float(rng.normal(2, 3))] if rng.random() < RULED else []
    grey = Paper.sample(rng).scan(np.asarray(sheet, np.uint8), rng, rows=rows)
    lowered = tuple((x, y + pad) for x, y in ink.baseline)
    return _cut(grey, replace(ink, baseline=lowered), share)


def _blend(sheet: NDArray[np.generic], other: Ink, base: int, shift: int) -> None:
    top = base - round(other.baseline[0][1])
    source = other.coverage[max(-top, 0) :, max(-shift, 0) :]
    target = sheet[max(top, 0) :, max(shift, 0) :]
    rows, columns = min(source.shape[0], target.shape[0]), min(source.shape[1], target.shape[1])
    if rows > 0 and columns > 0:
        part = target[:rows, :columns]
        np.maximum(part, source[:rows, :columns], out=part)


def _cut(grey: Grey, ink: Ink, share: float) -> Grey:
    columns = np.flatnonzero(ink.coverage.max(axis=0) > 40)
    (first, start), *inner, (last, end) = ink.baseline
    if len(columns):
        first, last = float(columns[0]), float(max(columns[-1], columns[0] + 4))
    baseline = ((first, start), *((x, y) for x, y in inner if first < x < last), (last, end))
    ascent, descent = HEIGHT * share, HEIGHT * (1 - share)
    return with_context(grey, cut_strip(grey, baseline, ascent=ascent, descent=descent, height=HEIGHT))
