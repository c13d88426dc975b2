"""Does a confidence of 0.8 mean right in 8 of 10 cases?

Usage: ``for row in reliability([(0.8, True), (0.3, False)]): print(row.confidence, row.right, row.count)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """What falls into one tenth of the confidences: their mean, the share that is right, how many they are."""

    confidence: float
    right: float
    count: int


def reliability(rated: Sequence[tuple[float, bool]], bins: int = BINS) -> list[Bin]:
    """The bins that are not empty, from unsure to sure (Guo et al., ICML 2017)."""
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, right in rated:
        groups[min(int(confidence * bins), bins - 1)].append((confidence, right))
    return [
        Bin(sum(c for c, _ in group) / len(group), sum(r for _, r in group) / len(group), len(group))
        for group in groups
        if group
    ]
