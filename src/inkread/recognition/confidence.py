"""How probable it is that what was read is right.

Usage: ``word = Calibration(1.2, -0.3).apply(word_confidence(hypothesis.confidences[start:stop]))``

Character: without a language model, its largest posterior within its frames; blank frames between characters are no
evidence for any of them and do not enter. With one, the probability of the character given all others: at the frame
where it peaks, its posterior times what the language model makes of the text around it, against the same for each
rival class there and for leaving it out (the blank). Neighbouring frames and n-grams count the same evidence several
times over, so these likelihoods are raised to the power ``TEMPER`` before they are compared.

Word: the product of its characters, the probability that all are right. Line: the mean of its characters, the
expected share of right ones. A `Calibration` measured on held-out pages corrects what bias is left in words and lines;
in words also that of their length, and of how much of them only the language model says
(`inkread.recognition.line_reader`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import BLANK
from inkread.recognition.fusion import Fusion

TEMPER = 0.4
"""Chosen on val: word AUROC 0.76 with 1, 0.80 with 0.5, 0.81 with 0.4 and 0.33."""
RIVAL_FLOOR = 3e-3
"""Classes less probable than this are no rivals."""
RIGHT_CONTEXT = 4
"""Following characters that a rival is tried with; 3 ranks words a little worse, 7 no better."""
EDGE = 1e-6
DIGITS = 6
"""Of every confidence in a document: what lies beyond says nothing, and depends on the processor."""

Labels = Sequence[int]
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Calibration:
    """``sigmoid(scale * ln p - scale_wrong * ln(1 - p) + shift + length * ln n + changed * c)`` of a probability p.

    The first three terms are beta calibration (Kull et al., AISTATS 2017); without a ``scale_wrong`` of its own they
    are Platt scaling (Platt 1999). For words, n is the number of characters and c how much of them the language model
    changed. Monotone in p for scales > 0.

    ``bend`` then corrects what is left: a broken line from (0, 0) over these points to (1, 1), which never falls.
    """

    scale: float = 1.0
    shift: float = 0.0
    scale_wrong: float | None = None
    length: float = 0.0
    changed: float = 0.0
    bend: tuple[tuple[float, float], ...] = ()

    def apply(self, probability: float, length: int = 1, changed: float = 0.0) -> float:
        """The calibrated probability, in [0, 1]; so are ``probability`` and ``changed``."""
        if self == IDENTITY:
            return probability
        clipped = min(max(probability, EDGE), 1 - EDGE)
        scale_wrong = self.scale if self.scale_wrong is None else self.scale_wrong
        logit = self.scale * math.log(clipped) - scale_wrong * math.log1p(-clipped) + self.shift
        logit += self.length * math.log(length) + self.changed * changed
        value = 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
        if not self.bend:
            return value
        places, values = zip((0.0, 0.0), *self.bend, (1.0, 1.0), strict=True)
        return float(np.interp(value, places, values))


IDENTITY = Calibration()


def word_ranges(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of a text start and stop; words are what stands between spaces."""
    start = 0
    for word in text.split(" "):
        if word:
            yield start, start + len(word)
        start += len(word) + 1


def word_confidence(characters: Iterable[float]) -> float:
    """Probability that all characters are right; 1.0 for none."""
    return math.prod(characters)


def line_confidence(characters: Sequence[float]) -> float:
    """Expected share of right characters; 0.0 for none."""
    return math.fsum(characters) / len(characters) if characters else 0.0


def shares(scores: Sequence[float]) -> tuple[float, ...]:
    """Probabilities of alternative texts among themselves, from their natural log scores; they sum to 1."""
    best = max(scores, default=0.0)
    values = [math.exp(score - best) for score in scores]
    total = math.fsum(values)
    return tuple(value / total for value in values)


def character_confidences(
    log_probs: NDArray[np.float32], labels: Labels, spans: Spans, fusion: Fusion | None = None
) -> tuple[float, ...]:
    """The raw probability of each character of a text.

    Args:
        log_probs: float32 [frames, classes].
        labels: class of each character.
        spans: first and one-past-last frame of each character.
        fusion: the language model that the text was read with.
    """
    if not labels:
        return ()
    if fusion is None or not fusion.active:
        return tuple(
            float(math.exp(log_probs[start:stop, label].max()))
            for label, (start, stop) in zip(labels, spans, strict=True)
        )
    peaks = [_peak(log_probs, label, span) for label, span in zip(labels, spans, strict=True)]
    return tuple(
        _conditional(posteriors, labels, place, state, fusion)
        for place, (posteriors, state) in enumerate(
            zip(np.exp(log_probs[peaks]), _states(labels, fusion), strict=False)
        )
    )


def _peak(log_probs: NDArray[np.float32], label: int, span: tuple[int, int]) -> int:
    start, stop = span
    return start + int(log_probs[start:stop, label].argmax())


def _states(labels: Labels, fusion: Fusion) -> list[int]:
    states = [fusion.start()]
    for label in labels:
        states.append(fusion.step(states[-1], label))
    return states


def _conditional(posteriors: NDArray[np.float32], labels: Labels, place: int, state: int, fusion: Fusion) -> float:
    """Probability of the character at ``place``, given all other characters."""
    label = labels[place]
    rivals = [rival for rival in np.flatnonzero(posteriors > RIVAL_FLOOR).tolist() if rival != label]
    if not rivals:
        return float(posteriors[label])
    following = [*labels[place + 1 : place + 1 + RIGHT_CONTEXT], BLANK][:RIGHT_CONTEXT]

    def likelihood(choice: int) -> float:
        text = following if choice == BLANK else [choice, *following]
        return math.pow(float(posteriors[choice]) * _continue(state, text, fusion), TEMPER)

    own = likelihood(label)
    return own / (own + math.fsum(map(likelihood, rivals))) if own > 0 else 0.0


def _continue(state: int, labels: Labels, fusion: Fusion) -> float:
    """Product of the factors of ``labels`` after ``state``; the blank, at the end, stands for the line's end."""
    product = fusion.factor(state, labels[0])
    for last, label in pairwise(labels):
        state = fusion.step(state, last)
        product *= fusion.factor(state, label)
    return product
