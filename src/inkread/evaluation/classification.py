"""How well a classifier of words does: per-class figures and confusions.

Usage: ``classification(["the", "sea"], ["the", "tea"]).accuracy``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class: precision, recall, their harmonic mean, and how often it was written."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Classification:
    """The report of a classifier.

    Attributes:
        accuracy: share of right answers; 0 for no answers.
        macro_f1: mean F1 of the classes that were written.
        classes: most frequent first.
        confusions: (written, answered, count), right answers left out, most frequent first.
    """

    accuracy: float
    macro_f1: float
    classes: tuple[ClassFigures, ...]
    confusions: tuple[tuple[str, str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def classification(written: Sequence[str], answered: Sequence[str]) -> Classification:
    """Compare answers with what was written, in the same order."""
    pairs = Counter(zip(written, answered, strict=True))
    support, given = Counter(written), Counter(answered)
    classes = [_figures(name, pairs[name, name], given[name], count) for name, count in support.most_common()]
    wrong = Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})
    right = len(written) - wrong.total()
    return Classification(
        right / max(len(written), 1),
        sum(figures.f1 for figures in classes) / max(len(classes), 1),
        tuple(classes),
        tuple((*pair, count) for pair, count in wrong.most_common()),
    )


def _figures(name: str, right: int, answered: int, written: int) -> ClassFigures:
    precision, recall = right / max(answered, 1), right / max(written, 1)
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return ClassFigures(name, precision, recall, f1, written)
