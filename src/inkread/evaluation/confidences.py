"""Fit the calibrations of a bundle on read lines, and measure them in folds of documents.

Usage: ``confidences, errors = calibrate(lines, readings)``
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from inkread.bundle import CalibrationValues, Confidences
from inkread.evaluation.calibration import area_under_roc, expected_calibration_error, fit_calibration, rejections
from inkread.evaluation.text import character_errors, right_words
from inkread.recognition.confidence import Calibration, line_confidence
from inkread.recognition.decoding import Hypothesis, LogProbs
from inkread.recognition.line_reader import words_of

FOLDS = 5


@dataclass(frozen=True)
class TuningLine:
    """One line as the network saw it and as it was transcribed."""

    source: str
    document: str
    text: str
    log_probs: LogProbs


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
    the other folds fit.
    """
    fitted, figures = [], {}
    for kind, judge in (("word", judge_words), ("line", judge_lines)):
        parts: list[Judged] = []
        for fold in range(FOLDS):
            own = [index for index, line in enumerate(lines) if fold_of(line) == fold]
            parts.append(judge([lines[i] for i in own], [readings[i] for i in own]))
        calibrated: list[float] = []
        for fold, part in enumerate(parts):
            fit = _joined([other for number, other in enumerate(parts) if number != fold])
            calibrated += part.calibrated(fit_calibration(fit.confidences, fit.right, fit.words))
        whole = _joined(parts)
        fitted.append(fit_calibration(whole.confidences, whole.right, whole.words))
        figures[f"{kind} ECE raw"] = expected_calibration_error(whole.confidences, whole.right)
        figures[f"{kind} ECE calibrated, {FOLDS} folds"] = expected_calibration_error(calibrated, whole.right)
        if kind == "word":
            figures[f"word AUROC, {FOLDS} folds"] = area_under_roc(calibrated, [value > 0 for value in whole.right])
    rated = []
    for line, reading in zip(lines, readings, strict=True):
        errors = character_errors(line.text, reading.text)
        rated.append((fitted[1].apply(line_confidence(reading.confidences)), errors.edits, errors.length))
    of_word, of_line = (CalibrationValues(**asdict(calibration)) for calibration in fitted)
    confidences = Confidences(word_calibration=of_word, line_calibration=of_line, rejection=rejections(rated))
    return confidences, {key: round(value, 4) for key, value in figures.items()}


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
