"""From the network's frames to text: the best path, and a beam search with the language model.

Usage: ``greedy(log_probs)``; ``beam_search(log_probs, width=16, fusion=fusion)``
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.confidence import character_confidences
from inkread.recognition.fusion import Fusion
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.word_list import WordList

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
"""Prefixes less probable than this share of the best one are dropped, so a sure network is followed by few."""
PAPER_FLOOR = 0.2
"""The same as ``CLASS_FLOOR`` where nothing is written: `_on_paper`. On blank paper the network gives each frame
a few per cent for common letters, which add up over many frames."""
INK_REACH = 4
"""Frames from the nearest one where a character is the most probable class, beyond which nothing is written."""
TINY = 1e-300

Masses = NDArray[np.float64]
Numbers = NDArray[np.intp]


def beam_search(  # noqa: PLR0913 - its options are independent
    log_probs: LogProbs,
    alphabet: Alphabet,
    *,
    width: int = 16,
    language_model: LanguageModel | None = None,
    weight: float = 0.0,
    length_bonus: float = 0.0,
    temperature: float = 1.0,
    words: WordList | None = None,
    n_best: int = 1,
    class_floor: float = CLASS_FLOOR,
    prefix_floor: float = PREFIX_FLOOR,
    paper_floor: float = PAPER_FLOOR,
) -> list[Hypothesis]:
    """The most probable texts, best first: at least one, at most ``n_best`` and at most ``width``.

    Only the best one is aligned with the frames; the others are texts to choose from, without spans and confidences.
    With all floors 0 and ``width`` beyond the number of prefixes the search is exact.

    Args:
        log_probs: float32 [frames, classes], natural log softmax.
        alphabet: of the recogniser.
        width: prefixes kept after each frame, >= 1.
        language_model: fused with ``weight``; None for none.
        weight: exponent of the language model's probability, >= 0.
        length_bonus: natural log added for each character.
        temperature: above 1 the network is taken to be less sure than it says, > 0 (Guo et al., ICML 2017).
        words: that are likelier than the language model says.
        n_best: texts wanted, >= 1.
        class_floor: probability below which a class is not tried in a frame.
        prefix_floor: share of the best prefix's probability below which a prefix is dropped.
        paper_floor: the class floor of frames without ink.
    """
    fusion = Fusion.of(alphabet, language_model, weight=weight, length_bonus=length_bonus, words=words)
    with fusion.lock:
        tree = Tree(len(log_probs) * width + 1)
        beam, log_scale = Beam.of(fusion.start()), 0.0
        for frame in _frames(log_probs, temperature, class_floor, paper_floor):
            beam, scale = _advance(beam, frame, tree, fusion, width, prefix_floor)
            log_scale += math.log(scale)
        ends = np.array([fusion.factor(state, BLANK) for state in beam.states.tolist()])
        totals = beam.totals * ends
        ranked = np.argsort(-totals, kind="stable")[:n_best]
        scores = [math.log(max(mass, TINY)) + log_scale for mass in totals[ranked].tolist()]
        texts = [alphabet.decode(tree.labels_of(prefix)) for prefix in beam.prefixes[ranked].tolist()]
    best = aligned(log_probs, alphabet, texts[0], fusion)
    others = [Hypothesis(text, (), (), score) for text, score in zip(texts[1:], scores[1:], strict=True)]
    return [replace(best, score=scores[0], plain=greedy(log_probs, alphabet).text), *others]


def aligned(log_probs: LogProbs, alphabet: Alphabet, text: str, fusion: Fusion) -> Hypothesis:
    """A text that fits into the frames, with the spans and confidences of its characters and a score of 0."""
    labels = alphabet.encode(text)
    spans = align(log_probs, labels)
    with fusion.lock:
        confidences = character_confidences(log_probs, labels, spans, fusion)
    return Hypothesis(text, spans, confidences, 0.0)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Probabilities in a frame: of the blank, of all classes, and which classes are tried."""

    blank: float
    probabilities: NDArray[np.float64]
    tried: Numbers


@dataclass(slots=True)
class Beam:
    """The prefixes after a frame, the best one first; every array has one element a prefix.

    Attributes:
        prefixes: numbers in the tree.
        labels: last characters.
        states: of the language model.
        parents: where in these arrays the prefix without its last character is, -1 for nowhere.
        in_blank: probability of the paths that end in a blank.
        in_label: probability of the paths that end in the last character.
    """

    prefixes: Numbers
    labels: Numbers
    states: Numbers
    parents: Numbers
    in_blank: Masses
    in_label: Masses

    @classmethod
    def of(cls, start: int) -> Beam:
        """The empty prefix alone."""
        zero = np.zeros(1, np.intp)
        return cls(zero, zero, np.full(1, start, np.intp), zero - 1, np.ones(1), np.zeros(1))

    @property
    def totals(self) -> Masses:
        """Probability of each prefix."""
        return self.in_blank + self.in_label


class Tree:
    """Prefixes by number; 0 is the empty one."""

    def __init__(self, most: int) -> None:
        self.parents = np.zeros(most, np.intp)
        self.labels = np.zeros(most, np.intp)
        self.parents[0] = most  # a place that no prefix has
        self._places = np.full(most + 1, -1, np.intp)
        self._numbers = np.arange(most)
        self._size = 1

    def grow(self, parents: Numbers, labels: Numbers) -> Numbers:
        """New prefixes, each one character longer than its parent."""
        fresh = np.arange(self._size, self._size + len(parents))
        self._size += len(parents)
        self.parents[fresh] = parents
        self.labels[fresh] = labels
        return fresh

    def places_of_parents(self, prefixes: Numbers) -> Numbers:
        """Where the parent of each prefix is among ``prefixes``, -1 for nowhere."""
        self._places[prefixes] = self._numbers[: len(prefixes)]
        places = self._places[self.parents[prefixes]]
        self._places[prefixes] = -1
        return places

    def labels_of(self, prefix: int) -> list[int]:
        """The classes of a prefix's characters."""
        labels = []
        while prefix:
            labels.append(int(self.labels[prefix]))
            prefix = int(self.parents[prefix])
        return labels[::-1]


def _frames(log_probs: LogProbs, temperature: float, class_floor: float, paper_floor: float) -> Iterator[_Frame]:
    if not len(log_probs):
        return
    sharp = np.exp(log_probs.astype(np.float64))
    probs = sharp if temperature == 1 else sharp ** (1 / temperature)
    probs /= probs.sum(axis=1, keepdims=True)
    wanted = probs > np.minimum(class_floor, probs.max(axis=1, keepdims=True) / 2)
    paper = _on_paper(sharp)
    wanted[paper] &= sharp[paper] > paper_floor
    wanted[:, BLANK] = False
    frames, classes = np.nonzero(wanted)
    cuts = np.searchsorted(frames, np.arange(len(probs) + 1)).tolist()
    for frame, blank in enumerate(probs[:, BLANK].tolist()):
        yield _Frame(blank, probs[frame], classes[cuts[frame] : cuts[frame + 1]])


def _on_paper(probs: Masses) -> NDArray[np.bool_]:
    """The frames that are further than ``INK_REACH`` from each one whose most probable class is a character."""
    inked = np.flatnonzero(probs.argmax(axis=1) != BLANK)
    paper = np.ones(len(probs), bool)
    for shift in range(-INK_REACH, INK_REACH + 1):
        paper[np.clip(inked + shift, 0, len(probs) - 1)] = False
    return paper


def _advance(
    beam: Beam, frame: _Frame, tree: Tree, fusion: Fusion, width: int, prefix_floor: float
) -> tuple[Beam, float]:
    """The beam after one more frame, and the mass of its best prefix, which the others are divided by."""
    totals = beam.totals
    in_blank = totals * frame.blank
    in_label = beam.in_label * frame.probabilities[beam.labels]
    if not len(frame.tried):
        return _stay(beam, tree, in_blank, in_label, prefix_floor)
    sources, labels, grown = _grow(beam, frame, totals, in_blank, in_label, fusion, width, prefix_floor)
    if not len(grown):
        return _stay(beam, tree, in_blank, in_label, prefix_floor)
    size = len(totals)
    masses = np.concatenate([in_blank + in_label, grown])
    scale = float(masses.max())
    kept = (masses > prefix_floor * scale).nonzero()[0]
    kept = kept[(-masses[kept]).argsort(kind="stable")[:width]]
    fresh = (kept >= size).nonzero()[0]
    new = kept[fresh] - size
    places = kept.copy()
    places[fresh] = parents = sources[new]
    new_labels = labels[new]
    labels, states, prefixes = beam.labels[places], beam.states[places], beam.prefixes[places]
    labels[fresh] = new_labels
    states[fresh] = fusion.steps(beam.states[parents], new_labels)
    prefixes[fresh] = tree.grow(beam.prefixes[parents], new_labels)
    in_blank, in_label = in_blank[places] / scale, in_label[places] / scale
    in_blank[fresh] = 0
    in_label[fresh] = grown[new] / scale
    return Beam(prefixes, labels, states, tree.places_of_parents(prefixes), in_blank, in_label), scale


def _stay(beam: Beam, tree: Tree, in_blank: Masses, in_label: Masses, prefix_floor: float) -> tuple[Beam, float]:
    """The same where no prefix grows: some are dropped."""
    masses = in_blank + in_label
    scale = float(masses.max())
    if masses.min() > prefix_floor * scale:
        beam.in_blank, beam.in_label = in_blank / scale, in_label / scale
        return beam, scale
    kept = masses > prefix_floor * scale
    prefixes = beam.prefixes[kept]
    parents = tree.places_of_parents(prefixes)
    return Beam(
        prefixes, beam.labels[kept], beam.states[kept], parents, in_blank[kept] / scale, in_label[kept] / scale
    ), scale


def _grow(  # noqa: PLR0913 - what was computed of the beam before
    beam: Beam,
    frame: _Frame,
    totals: Masses,
    in_blank: Masses,
    in_label: Masses,
    fusion: Fusion,
    width: int,
    prefix_floor: float,
) -> tuple[Numbers, Numbers, Masses]:
    """The prefixes that a tried class makes longer: which, which class, and the mass of the result.

    What grows into another prefix of the beam is added to that one's ``in_label`` instead. What is too improbable
    already without the language model is left out.
    """
    tried, probabilities = frame.tried, frame.probabilities[frame.tried]
    grown = totals[:, None] * probabilities
    last, columns = (beam.labels[:, None] == tried).nonzero()
    if len(last):
        grown[last, columns] = beam.in_blank[last] * probabilities[columns]
        parents = beam.parents[last]
        inside = parents >= 0
        last, columns, parents = last[inside], columns[inside], parents[inside]
        joined = grown[parents, columns]
        in_label[last] += joined * fusion.factors(beam.states[parents], tried[columns])
        grown[parents, columns] = 0
    stayed = in_blank + in_label
    floor = prefix_floor * stayed.max()
    if len(stayed) >= width:
        floor = max(floor, np.partition(stayed, -width)[-width])
    sources, columns = (grown > floor).nonzero()
    labels = tried[columns]
    return sources, labels, grown[sources, columns] * fusion.factors(beam.states[sources], labels)
