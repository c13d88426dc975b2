"""Bootstrap intervals over documents, and precision, recall and F1 of a classifier.

Usage: ``ratio_interval(errors, characters, documents)``; ``classification(truth, found)``
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000
SEED = 0
LEVEL = 0.95
INTERVAL = f"{LEVEL:.0%} bootstrap percentile interval over documents, {RESAMPLES} resamples, seed {SEED}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A micro-averaged rate and its interval; ``low`` and ``high`` are None below two documents."""

    value: float
    low: float | None
    high: float | None
    documents: int

    def __str__(self) -> str:
        """``0.123 [0.101 0.150]``."""
        if self.low is None or self.high is None:
            return f"{self.value:.3f} [one document]"
        return f"{self.value:.3f} [{self.low:.3f} {self.high:.3f}]"


def ratio_interval(
    numerators: Sequence[float], denominators: Sequence[float], *, resamples: int = RESAMPLES, seed: int = SEED
) -> Estimate:
    """``sum(numerators) / sum(denominators)`` with the interval of its percentile bootstrap.

    Documents are drawn with replacement, each with its numerator and denominator together (Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, chapter 13). With few documents the interval is too narrow.

    Args:
        numerators: [documents], edits for instance.
        denominators: [documents], reference lengths; the sum is > 0.
        resamples: number of bootstrap samples.
        seed: of the generator: equal input gives an equal interval.
    """
    tops, bottoms = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    documents = len(tops)
    value = float(tops.sum() / max(bottoms.sum(), 1.0))
    if documents < 2:
        return Estimate(value, None, None, documents)
    draws = np.random.default_rng(seed).multinomial(documents, np.full(documents, 1 / documents), size=resamples)
    rates = (draws @ tops) / np.maximum(draws @ bottoms, 1.0)
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), documents)


def rate_by_document(parts: Iterable[tuple[str, float, float]]) -> Estimate | None:
    """The micro-averaged rate over (document, numerator, denominator) parts.

    A document may come in several parts: its lines, its pages.

    Returns:
        None where there are no parts or the denominators add up to 0: the rate is undefined.
    """
    totals: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for document, numerator, denominator in parts:
        totals[document][0] += numerator
        totals[document][1] += denominator
    numerators = [numerator for numerator, _ in totals.values()]
    denominators = [denominator for _, denominator in totals.values()]
    if not sum(denominators):
        return None
    return ratio_interval(numerators, denominators)


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
