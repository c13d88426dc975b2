"""Weights that let rare characters, words and small sources be seen.

Usage: ``line_weights(rows, WeightSettings()); class_weights(["the", "the", "sea"])``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.rows import Row


class WeightSettings(BaseModel):
    """How strongly rare things are drawn more often.

    Attributes:
        rarity: exponent of the frequency of a line's rarest character; 0 draws all lines alike.
        most: highest weight over the mean one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rarity: float = Field(0.25, ge=0, le=1)
    most: float = Field(5.0, ge=1)


def line_weights(rows: Sequence[Row], settings: WeightSettings) -> list[float]:
    """Sampling weight of each row, mean 1: the rarer its rarest character, the higher."""
    counts = Counter(character for row in rows for character in set(row.text))
    rarest = np.array([min((counts[c] for c in row.text), default=1) for row in rows], np.float64)
    raw = (rarest / max(len(rows), 1)) ** -settings.rarity
    bounded = np.minimum(raw / max(raw.mean(), 1e-12), settings.most) if len(raw) else raw
    return [round(float(value), 6) for value in bounded / max(bounded.mean(), 1e-12)] if len(raw) else []


def class_weights(labels: Sequence[str]) -> dict[str, float]:
    """Balanced weight of each class: ``samples / (classes * count)`` (King and Zeng 2001), in order of name."""
    counts = Counter(labels)
    return {name: round(len(labels) / (len(counts) * count), 6) for name, count in sorted(counts.items())}
