"""Paper under the ink, and the scanner over it.

Usage: ``image = Paper(tone=225, blur=0.8).scan(coverage, rng, rows=[70, 140])``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inkread.imaging.strip import Grey
from inkread.synthesis.ink import Coverage
from inkread.synthesis.noise import smooth_noise

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
