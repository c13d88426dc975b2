"""Confidences as probabilities: fitting, calibration error, reliability, risk against coverage.

Usage: ``fit_calibration(...)``; ``risk_coverage(lines)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from inkread.bundle import Rejection
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.text import character_errors, errors_by_word, normalise
from inkread.recognition.confidence import EDGE, Calibration

BINS = 15
PULL = 1e-3
"""Strength of the pull towards the identity, which decides where the data do not."""
LEAST_SCALE, MOST_SCALE = 0.02, 20.0
UNCHANGED = np.array([1.0, 1.0, 0.0, 0.0, 0.0])

Values = NDArray[np.float64]


def fit_calibration(
    confidences: Sequence[float], right: Sequence[float], words: Sequence[tuple[int, float]] = ()
) -> Calibration:
    """The calibration with the least cross-entropy (Kull et al. 2017).

    Args:
        confidences: raw, in [0, 1].
        right: 1 or True for right, 0 for wrong, or the share that is right.
        words: of each its length and how much of it was changed, where these are words.

    Returns:
        The identity where there is nothing to fit.
    """
    if not len(confidences):
        return Calibration()
    clipped = np.clip(np.asarray(confidences, float), EDGE, 1 - EDGE)
    lengths, changes = np.asarray(words or [(1, 0.0)] * len(clipped), float).T
    evidence = np.stack([np.log(clipped), -np.log1p(-clipped), np.ones_like(clipped), np.log(lengths), changes], axis=1)
    target = np.asarray(right, float)

    def loss(parameters: Values) -> tuple[float, Values]:
        values = evidence @ parameters
        away = parameters - UNCHANGED
        total = float(np.mean(np.logaddexp(0, values) - target * values) + PULL * away @ away)
        return total, (expit(values) - target) @ evidence / len(target) + 2 * PULL * away

    bounds = [(LEAST_SCALE, MOST_SCALE), (LEAST_SCALE, MOST_SCALE), *[(None, None)] * 3]
    best = minimize(loss, UNCHANGED, jac=True, bounds=bounds).x
    scale, scale_wrong, shift, length, changed = (round(float(value), 4) for value in best)
    return Calibration(scale, shift, scale_wrong, length, changed)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[float], bins: int = BINS) -> float:
    """Mean distance between confidence and share of right ones over equally wide bins (Guo et al., ICML 2017)."""
    values, target = np.asarray(confidences, float), np.asarray(right, float)
    if not len(values):
        return 0.0
    places = np.minimum((values * bins).astype(int), bins - 1)
    gaps = np.bincount(places, values - target, bins)
    return float(np.abs(gaps).sum() / len(values))


def area_under_roc(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Probability that a right one has a higher confidence than a wrong one; 0.5 where one kind is missing."""
    target = np.asarray(right, bool)
    positives, negatives = int(target.sum()), int((~target).sum())
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(confidences)
    return float((ranks[target].sum() - positives * (positives + 1) / 2) / (positives * negatives))


COVERAGES = (0.5, 0.8, 0.95, 1.0)
TARGETS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
MIN_CHARACTERS = 500
"""A rate over fewer characters says nothing."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The surest lines or words: share of the characters, their CER, and the confidence of the least sure one."""

    coverage: float
    cer: float
    confidence: float


def risk_coverage(lines: Sequence[ReadLine]) -> list[Kept]:
    """One point a line, from the surest alone to all; lines without a confidence come last."""
    return curve(
        [
            (line.confidence or 0.0, errors.edits, errors.length)
            for line in lines
            for errors in [character_errors(line.written, line.read)]
        ]
    )


def word_coverage(lines: Sequence[ReadLine]) -> list[Kept]:
    """`risk_coverage` of words: one point a word read, and one for each line that has no rated words.

    The edits of a line are shared out to its words (`errors_by_word`), so that all together have the CER of the lines.
    Words are ordered by what their confidence says of each of their characters, its root by their length: a long
    word is less probably right as a whole, but what is counted are characters.
    """
    return curve([item for line in lines for item in _rated_words(line)])


def perfect_coverage(lines: Sequence[ReadLine]) -> list[Kept]:
    """`risk_coverage` where the confidence of a line is its own error rate: no ranking keeps fewer errors."""
    errors = [character_errors(line.written, line.read) for line in lines]
    return curve([(-error.rate, error.edits, error.length) for error in errors])


def _rated_words(line: ReadLine) -> list[tuple[float, int, int]]:
    shared = errors_by_word(line.written, line.read)
    if len(shared) != len(line.words) or not shared:
        whole = character_errors(line.written, line.read)
        return [(line.confidence or 0.0, whole.edits, whole.length)]
    lengths = map(len, normalise(line.read).split(" "))
    return [
        (confidence ** (1 / length), errors.edits, errors.length)
        for (confidence, _), errors, length in zip(line.words, shared, lengths, strict=True)
    ]


def curve(rated: Sequence[tuple[float, int, int]]) -> list[Kept]:
    """`risk_coverage` of (confidence, edits, characters)."""
    total = max(sum(length for *_, length in rated), 1)
    points = []
    edits = characters = 0
    for confidence, wrong, length in sorted(rated, key=lambda item: -item[0]):
        edits, characters = edits + wrong, characters + length
        points.append(Kept(characters / total, edits / max(characters, 1), confidence))
    return points


def cer_at(points: Sequence[Kept], coverage: float) -> float | None:
    """CER of the fewest lines or words that cover so much; None without any."""
    return next((point.cer for point in points if point.coverage >= coverage - 1e-9), None)


def rejections(rated: Sequence[tuple[float, int, int]]) -> tuple[Rejection, ...]:
    """For each target of ``TARGETS`` that can be reached the confidence that keeps the most characters."""
    total = sum(length for *_, length in rated)
    found = []
    for target in TARGETS:
        reached = [p for p in curve(rated) if p.cer <= target and p.coverage * total >= MIN_CHARACTERS]
        if reached:
            best = max(reached, key=lambda point: point.coverage)
            found.append(Rejection(cer=target, confidence=round(best.confidence, 5), coverage=round(best.coverage, 4)))
    return tuple(found)


Rated = list[tuple[float, bool]]


def rated_words(lines: Sequence[ReadLine]) -> Rated:
    """The confidence of each word read, and whether it was right."""
    return [word for line in lines for word in line.words]


def word_error(rated: Rated) -> float | None:
    """Expected calibration error of words; None without any."""
    return expected_calibration_error([c for c, _ in rated], [float(r) for _, r in rated]) if rated else None


def figures(lines: Sequence[ReadLine]) -> dict[str, Any]:
    """CER at coverages of lines and words, for lines in the best possible order too; calibration error; for JSON."""
    curve, perfect, rated = risk_coverage(lines), perfect_coverage(lines), rated_words(lines)
    of_words = word_coverage(lines)
    return {
        "cer_at_coverage": {f"{share:g}": cer_at(curve, share) for share in COVERAGES},
        "cer_at_coverage_in_the_best_order": {f"{share:g}": cer_at(perfect, share) for share in COVERAGES},
        "cer_at_coverage_of_words": {f"{share:g}": cer_at(of_words, share) for share in COVERAGES},
        "word_ece": word_error(rated),
        "words_rated": len(rated),
    }


RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """What falls into one tenth of the confidences: their mean, the share that is right, how many they are."""

    confidence: float
    right: float
    count: int


def reliability(rated: Sequence[tuple[float, bool]], bins: int = RELIABILITY_BINS) -> list[Bin]:
    """The bins that are not empty, from unsure to sure (Guo et al., ICML 2017)."""
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, right in rated:
        groups[min(int(confidence * bins), bins - 1)].append((confidence, right))
    return [
        Bin(sum(c for c, _ in group) / len(group), sum(r for _, r in group) / len(group), len(group))
        for group in groups
        if group
    ]
