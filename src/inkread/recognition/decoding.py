"""From the network's frames to text: the best path, and a beam search with the language model.

Usage: ``greedy(log_probs)``; ``beam_search(log_probs, width=16, fusion=fusion)``
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.confidence import character_confidences
from inkread.recognition.language_model import Fusion, LanguageModel

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


CLASS_FLOOR = 1e-2
"""Classes less probable than this in a frame are not tried there."""
PREFIX_FLOOR = 1e-3
"""Prefixes less probable than this share of the best one are dropped."""
TINY = 1e-300

Candidate = tuple[int, float]
Growth = tuple[float, int, int]
"""Mass, prefix, and the label it grows by; `BLANK` for a prefix that stays as it is."""
Masses = list[float]
Beam = dict[int, Masses]
"""By prefix: probability of the paths that end in a blank, and of those that end in its last character."""


def beam_search(
    log_probs: LogProbs,
    alphabet: Alphabet,
    *,
    width: int = 16,
    language_model: LanguageModel | None = None,
    weight: float = 0.0,
    length_bonus: float = 0.0,
    temperature: float = 1.0,
    n_best: int = 1,
    class_floor: float = CLASS_FLOOR,
    prefix_floor: float = PREFIX_FLOOR,
) -> list[Hypothesis]:
    """The most probable texts, best first: at least one, at most ``n_best`` and at most ``width``.

    Only the best one is aligned with the frames; the others are texts to choose from, without spans and confidences.
    With both floors 0 and ``width`` beyond the number of prefixes the search is exact.

    Args:
        log_probs: float32 [frames, classes], natural log softmax.
        alphabet: of the recogniser.
        width: prefixes kept after each frame, >= 1.
        language_model: fused with ``weight``; None for none.
        weight: exponent of the language model's probability, >= 0.
        length_bonus: natural log added for each character.
        temperature: above 1 the network is taken to be less sure than it says, > 0 (Guo et al., ICML 2017).
        n_best: texts wanted, >= 1.
        class_floor: probability below which a class is not tried in a frame.
        prefix_floor: share of the best prefix's probability below which a prefix is dropped.
    """
    fusion = Fusion.of(alphabet, language_model, weight=weight, length_bonus=length_bonus)
    tree = _Tree(fusion)
    beam: Beam = {0: [1.0, 0.0]}
    log_scale = 0.0
    for blank, candidates in _frames(_softened(log_probs, temperature), class_floor):
        stayed = _stay(beam, tree, blank, candidates)
        fresh = _grow(beam, stayed, tree, fusion, candidates, prefix_floor)
        beam, scale = _prune(stayed, fresh, tree, width, prefix_floor)
        log_scale += math.log(scale)
    ranked = nlargest(n_best, ((sum(masses) * tree.end(prefix), prefix) for prefix, masses in beam.items()))
    scores = [math.log(max(mass, TINY)) + log_scale for mass, _ in ranked]
    texts = [tree.labels_of(prefix) for _, prefix in ranked]
    spans = align(log_probs, texts[0])
    confidences = character_confidences(log_probs, texts[0], spans, fusion)
    others = [Hypothesis(alphabet.decode(text), (), (), score) for text, score in zip(texts, scores, strict=True)][1:]
    plain = greedy(log_probs, alphabet).text
    return [Hypothesis(alphabet.decode(texts[0]), spans, confidences, scores[0], plain), *others]


def _softened(log_probs: LogProbs, temperature: float) -> LogProbs:
    if temperature == 1 or not len(log_probs):
        return log_probs
    flatter = log_probs / np.float32(temperature)
    return np.asarray(flatter - np.log(np.exp(flatter).sum(axis=1, keepdims=True)), np.float32)


class _Tree:
    """Prefixes by number; 0 is the empty one."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self.parents = [0]
        self.labels = [BLANK]
        self.contexts = [fusion.start]
        self.children: list[dict[int, int]] = [{}]

    def child(self, parent: int, label: int) -> int:
        """The prefix one character longer, made where there is none yet."""
        known = self.children[parent].get(label)
        if known is not None:
            return known
        number = len(self.parents)
        self.children[parent][label] = number
        self.parents.append(parent)
        self.labels.append(label)
        self.contexts.append(self._fusion.extend(self.contexts[parent], label))
        self.children.append({})
        return number

    def labels_of(self, prefix: int) -> list[int]:
        """The classes of a prefix's characters."""
        labels = []
        while prefix:
            labels.append(self.labels[prefix])
            prefix = self.parents[prefix]
        return labels[::-1]

    def end(self, prefix: int) -> float:
        """The language model's factor for the end of the line."""
        return self._fusion.factors(self.contexts[prefix])[BLANK]


def _frames(log_probs: LogProbs, class_floor: float) -> Iterator[tuple[float, list[Candidate]]]:
    """Of each frame the probability of the blank, and the classes worth trying with theirs, most probable first."""
    probs = np.exp(log_probs)
    floors = np.minimum(class_floor, probs.max(axis=1, initial=0.0, keepdims=True) / 2)
    frames, classes = np.nonzero(probs[:, 1:] > floors)
    classes += 1
    values = probs[frames, classes]
    order = np.lexsort((-values, frames))
    candidates = list(zip(classes[order].tolist(), values[order].tolist(), strict=True))
    cuts = np.searchsorted(frames, np.arange(len(probs) + 1)).tolist()
    for frame, blank in enumerate(probs[:, BLANK].tolist()):
        yield blank, candidates[cuts[frame] : cuts[frame + 1]]


def _stay(beam: Beam, tree: _Tree, blank: float, candidates: Sequence[Candidate]) -> Beam:
    """The prefixes after a frame that adds a blank, or their last character once more."""
    repeat = dict(candidates)
    labels = tree.labels
    return {
        prefix: [(in_blank + in_label) * blank, in_label * repeat.get(labels[prefix], 0.0)]
        for prefix, (in_blank, in_label) in beam.items()
    }


def _grow(
    beam: Beam, stayed: Beam, tree: _Tree, fusion: Fusion, candidates: Sequence[Candidate], prefix_floor: float
) -> list[Growth]:
    """The prefixes that a character was added to; what grows into one of ``stayed`` is added there instead."""
    fresh: list[Growth] = []
    floor = prefix_floor * max(in_blank + in_label for in_blank, in_label in stayed.values())
    likeliest = candidates[0][1] if candidates else 0.0
    for prefix, (in_blank, in_label) in beam.items():
        total = in_blank + in_label
        if total * likeliest <= floor:
            continue
        factors = fusion.factors(tree.contexts[prefix])
        children, last = tree.children[prefix], tree.labels[prefix]
        for label, probability in candidates:
            mass = (in_blank if label == last else total) * probability
            if mass <= floor:
                continue
            mass *= factors[label]
            child = children.get(label)
            if child in stayed:
                stayed[child][1] += mass
            else:
                fresh.append((mass, prefix, label))
    return fresh


def _prune(stayed: Beam, fresh: list[Growth], tree: _Tree, width: int, prefix_floor: float) -> tuple[Beam, float]:
    """The ``width`` best prefixes, and the mass of the best one, which the others are divided by."""
    ranked = [(in_blank + in_label, prefix, BLANK) for prefix, (in_blank, in_label) in stayed.items()] + fresh
    ranked.sort(reverse=True)
    scale = ranked[0][0]
    beam: Beam = {}
    for mass, prefix, label in ranked[:width]:
        if mass <= prefix_floor * scale:
            break
        if label == BLANK:
            beam[prefix] = [part / scale for part in stayed[prefix]]
        else:
            beam[tree.child(prefix, label)] = [0.0, mass / scale]
    return beam, scale
