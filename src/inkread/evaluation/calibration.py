"""Confidences as probabilities: fit a calibration, measure its error, both in folds of documents.

Usage: ``confidences, errors = calibrate(lines, readings)``; ``fit_calibration(confidences, right)``
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.bundle import CalibrationValues, Confidences
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.coverage import rejections
from inkread.evaluation.text import character_errors, right_words
from inkread.recognition.confidence import EDGE, Calibration, line_confidence
from inkread.recognition.decoding import Hypothesis, LogProbs
from inkread.recognition.line_reader import words_of

BINS = 15
PULL = 1e-3
"""Weight of the squared distance from the identity; it decides where there are few data."""
BENDS, LEAST_IN_BEND = 6, 500
"""Points of the bend, and the fewest values for each. With 4 points the error is larger (decision 0089)."""
LEAST_SCALE, MOST_SCALE = 0.02, 20.0
"""Bounds of both scales: above 0, so that a higher raw confidence never becomes a lower one."""
UNCHANGED = np.array([1.0, 1.0, 0.0, 0.0, 0.0])

Values = NDArray[np.float64]


def fit_calibration(
    confidences: Sequence[float], right: Sequence[float], words: Sequence[tuple[int, float]] = ()
) -> Calibration:
    """The calibration with the least cross-entropy (Kull et al. 2017), bent where there are many values.

    Args:
        confidences: raw, in [0, 1].
        right: 1 or True for right, 0 for wrong, or the share that is right.
        words: of each its length and how much of it was changed, where these are words.

    Returns:
        The identity where there is nothing to fit.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

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
    return Calibration(scale, shift, scale_wrong, length, changed, _bend(expit(evidence @ best), target))


def _bend(values: Values, target: Values) -> tuple[tuple[float, float], ...]:
    """Mean value and share that is right of equally large parts of the values, where each part has enough."""
    if len(values) < BENDS * LEAST_IN_BEND:
        return ()
    order = np.argsort(values, kind="stable")
    means, shares = ([float(part.mean()) for part in np.array_split(of[order], BENDS)] for of in (values, target))
    rising = np.maximum.accumulate(shares)
    points = {round(mean, 4): round(float(share), 4) for mean, share in zip(means, rising, strict=True)}
    return tuple(points.items())


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
    from scipy.stats import rankdata

    target = np.asarray(right, bool)
    positives, negatives = int(target.sum()), int((~target).sum())
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(confidences)
    return float((ranks[target].sum() - positives * (positives + 1) / 2) / (positives * negatives))


Rated = list[tuple[float, bool]]


def rated_words(lines: Sequence[ReadLine]) -> Rated:
    """The confidence of each word read, and whether it was right."""
    return [word for line in lines for word in line.words]


def word_error(rated: Rated) -> float | None:
    """Expected calibration error of words; None without any."""
    return expected_calibration_error([c for c, _ in rated], [float(r) for _, r in rated]) if rated else None


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


FOLDS = 5


@dataclass(frozen=True)
class TuningLine:
    """One line as the network saw it and as it was transcribed; lines of one page stand in its order."""

    source: str
    document: str
    text: str
    log_probs: LogProbs
    page: str = ""


@dataclass(frozen=True)
class Judged:
    """Confidences and whether what they speak of was right."""

    confidences: list[float]
    right: list[float]
    words: list[tuple[int, float]]
    """Of each word its length and how much of it the language model changed; 1 and 0 for what is no word."""

    def calibrated(self, calibration: Calibration) -> list[float]:
        """The confidences as a calibration has them."""
        return [calibration.apply(value, *word) for value, word in zip(self.confidences, self.words, strict=True)]


def calibrate(lines: Sequence[TuningLine], readings: Sequence[Hypothesis]) -> tuple[Confidences, dict[str, float]]:
    """Calibrations of words and lines with the confidences for `Rejection`, and the errors of the calibrations.

    All lines fit what is returned; the errors are measured by giving each line the calibration that the documents of
    the other folds fit. Where there are several sources, they are also measured with what the other sources fit.
    """
    fitted, figures = [], {}
    groups: dict[str, list[Hashable]] = {f"{FOLDS} folds": [fold_of(line) for line in lines]}
    if len({line.source for line in lines}) > 1:
        groups["other sources"] = [line.source for line in lines]
    for kind, judge in (("word", judge_words), ("line", judge_lines)):
        whole = judge(lines, readings)
        fitted.append(fit_calibration(whole.confidences, whole.right, whole.words))
        figures[f"{kind} ECE raw"] = expected_calibration_error(whole.confidences, whole.right)
        for name, group_of in groups.items():
            calibrated, right = _crosswise(lines, readings, judge, group_of)
            figures[f"{kind} ECE calibrated, {name}"] = expected_calibration_error(calibrated, right)
            if kind == "word":
                figures[f"word AUROC, {name}"] = area_under_roc(calibrated, [value > 0 for value in right])
    rated = []
    for line, reading in zip(lines, readings, strict=True):
        errors = character_errors(line.text, reading.text)
        rated.append((fitted[1].apply(line_confidence(reading.confidences)), errors.edits, errors.length))
    of_word, of_line = (CalibrationValues(**asdict(calibration)) for calibration in fitted)
    confidences = Confidences(word_calibration=of_word, line_calibration=of_line, rejection=rejections(rated))
    return confidences, {key: round(value, 4) for key, value in figures.items()}


def _crosswise(
    lines: Sequence[TuningLine],
    readings: Sequence[Hypothesis],
    judge: Callable[[Sequence[TuningLine], Sequence[Hypothesis]], Judged],
    group_of: Sequence[Hashable],
) -> tuple[list[float], list[float]]:
    """Confidences with the calibration that the other groups fit, and whether what they speak of was right."""
    parts = []
    for group in dict.fromkeys(group_of):
        own = [index for index, other in enumerate(group_of) if other == group]
        parts.append(judge([lines[i] for i in own], [readings[i] for i in own]))
    calibrated: list[float] = []
    for part in parts:
        fit = _joined(other for other in parts if other is not part)
        calibrated += part.calibrated(fit_calibration(fit.confidences, fit.right, fit.words))
    return calibrated, _joined(parts).right


def _joined(parts: Iterable[Judged]) -> Judged:
    chosen = list(parts)
    return Judged(
        [confidence for part in chosen for confidence in part.confidences],
        [right for part in chosen for right in part.right],
        [word for part in chosen for word in part.words],
    )


def fold_of(line: TuningLine) -> int:
    """The fold of a line's document."""
    return zlib.crc32(f"fold {line.document}".encode()) % FOLDS


def judge_words(lines: Sequence[TuningLine], readings: Sequence[Hypothesis]) -> Judged:
    """Each word read, right where the alignment of the words finds it in the transcription."""
    judged = Judged([], [], [])
    for line, reading in zip(lines, readings, strict=True):
        words = words_of(reading)
        judged.confidences.extend(word.probability for word in words)
        judged.words.extend((word.stop - word.start, word.changed) for word in words)
        judged.right.extend(map(float, right_words(line.text.split(), reading.text.split())))
    return judged


def judge_lines(lines: Sequence[TuningLine], readings: Sequence[Hypothesis]) -> Judged:
    """Each line read, with 1 - CER, at least 0, as the share that is right."""
    return Judged(
        [line_confidence(reading.confidences) for reading in readings],
        [
            max(1 - character_errors(line.text, reading.text).rate, 0.0)
            for line, reading in zip(lines, readings, strict=True)
        ],
        [(1, 0.0)] * len(readings),
    )
