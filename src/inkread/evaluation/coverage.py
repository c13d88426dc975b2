"""Risk against coverage: how many errors are left when the least sure lines or words are set aside.

Usage: ``cer_at(risk_coverage(lines), 0.8)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inkread.bundle import Rejection
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.text import character_errors, errors_by_word, normalise

COVERAGES = (0.5, 0.8, 0.95, 1.0)
TARGETS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2)
MIN_CHARACTERS = 500
"""Fewer characters are too few for a rate that is promised."""


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
