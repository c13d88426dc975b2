"""CTC decoding without search, and the alignment of texts with the frames.

Usage: ``greedy(log_probs, alphabet).text``

``log_probs`` is float32 [frames, classes] everywhere: natural log softmax, class 0 the blank
(Graves et al., "Connectionist temporal classification", ICML 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.confidence import character_confidences

LogProbs = NDArray[np.float32]
Labels = Sequence[int]
Spans = tuple[tuple[int, int], ...]

IMPOSSIBLE = -1e9


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text read from the frames of a line.

    Attributes:
        text: NFC, a character of the alphabet each code point.
        spans: first and one-past-last frame of each character, in order, none empty, none overlapping.
        confidences: raw probability of each character, see `inkread.recognition.confidence`.
        score: natural log probability: of the best path for `greedy`; for the beam search of the text over the
            paths that it kept, with the weighted language model and the length bonus.
        plain: the greedy text of the same frames, to which a language model's can be compared; None for none.
    """

    text: str
    spans: Spans
    confidences: tuple[float, ...]
    score: float
    plain: str | None = None


def greedy(log_probs: LogProbs, alphabet: Alphabet) -> Hypothesis:
    """The most probable path, repeats merged and blanks removed; each character spans its run of frames."""
    if not len(log_probs):
        return Hypothesis("", (), (), 0.0)
    best = log_probs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best, prepend=-1, append=-1))
    starts, stops = edges[:-1], edges[1:]
    inked = best[starts] != BLANK
    labels = best[starts][inked].tolist()
    spans = tuple(zip(starts[inked].tolist(), stops[inked].tolist(), strict=True))
    score = float(log_probs[np.arange(len(best)), best].sum(dtype=np.float64))
    return Hypothesis(alphabet.decode(labels), spans, character_confidences(log_probs, labels, spans), score)


def align(log_probs: LogProbs, labels: Labels) -> Spans:
    """Spans of the characters of a text along its most probable path (Viterbi).

    Args:
        log_probs: float32 [frames, classes].
        labels: class of each character; the text must fit into the frames: one frame a character and one more
            between two equal characters.
    """
    if not labels:
        return ()
    states = np.full(2 * len(labels) + 1, BLANK, np.intp)
    states[1::2] = labels
    back, final = _viterbi(np.maximum(log_probs, IMPOSSIBLE)[:, states], states)
    state = len(states) - 1 - int(final[-2] > final[-1])
    path = np.empty(len(log_probs), np.intp)
    for frame in range(len(log_probs) - 1, -1, -1):
        path[frame] = state
        state -= int(back[frame, state])
    characters = np.arange(1, len(states), 2)
    starts, stops = (np.searchsorted(path, characters, side).tolist() for side in ("left", "right"))
    return tuple(zip(starts, stops, strict=True))


def _viterbi(emissions: NDArray[np.float32], states: NDArray[np.intp]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """How many states back the best predecessor of each state is in each frame, and the scores after the last."""
    no_skip = np.full(len(states), IMPOSSIBLE, np.float32)
    no_skip[1] = 0
    no_skip[2:][(states[2:] != BLANK) & (states[2:] != states[:-2])] = 0
    scores = np.full(len(states) + 2, IMPOSSIBLE, np.float32)
    stay, step, skip = scores[2:], scores[1:-1], scores[:-2]
    back = np.zeros(emissions.shape, np.uint8)
    scores[1] = 0
    for frame, emission in enumerate(emissions):
        skipped = skip + no_skip
        best = np.maximum(stay, step)
        back[frame] = step > stay
        back[frame][skipped > best] = 2
        np.add(np.maximum(best, skipped), emission, out=stay)
        scores[1] = IMPOSSIBLE
    return back, stay
