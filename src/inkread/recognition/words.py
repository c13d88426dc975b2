"""The words of a text that was read, and what tells how probably each is right.

Usage: ``[word.confidence(calibration) for word in words_of(hypothesis)]``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from inkread.recognition.confidence import Calibration, word_confidence, word_ranges
from inkread.recognition.decode import Hypothesis


@dataclass(frozen=True, slots=True)
class ReadWord:
    """Characters ``start`` to ``stop`` of a text.

    Attributes:
        start, stop: first character and one past the last.
        probability: raw, of all its characters being right.
        changed: edits from it to the nearest word that is read without the language model, for each of its
            characters, at most 1; what the language model had to change much is more often wrong than its
            characters say.
    """

    start: int
    stop: int
    probability: float
    changed: float = 0.0

    def confidence(self, calibration: Calibration) -> float:
        """The calibrated probability that the word is right."""
        return calibration.apply(self.probability, self.stop - self.start, self.changed)


def words_of(hypothesis: Hypothesis) -> list[ReadWord]:
    """What stands between the spaces of a text, in order."""
    plain = None if hypothesis.plain is None else hypothesis.plain.split()
    return [
        ReadWord(
            start,
            stop,
            word_confidence(hypothesis.confidences[start:stop]),
            0.0 if plain is None else _changed(hypothesis.text[start:stop], plain),
        )
        for start, stop in word_ranges(hypothesis.text)
    ]


def _changed(word: str, plain: Sequence[str]) -> float:
    edits = min((Levenshtein.distance(word, other) for other in plain), default=len(word))
    return min(edits / len(word), 1.0)
