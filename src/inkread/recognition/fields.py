"""The most probable text that fits a pattern, found in the network's frames, and how sure it is.

Usage: ``read_field([log_probs], alphabet, Pattern.named("date"), "3 apr 1921").value``

A beam search over prefixes, as in `inkread.recognition.decoding`, in which a prefix only grows along the moves of an
automaton. Prefixes that lead to the same state have the same continuations, so of these only a few of the most
probable are kept, and the beam as a whole can be wide: a check digit at the end decides among all that may stand
before it. The sum over all texts that fit says how probable it is that one of them stands there; it is compared with
the text that is read without a pattern.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inkread.document import Alternative
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.automata import Automaton
from inkread.recognition.confidence import DIGITS
from inkread.recognition.decoding import IMPOSSIBLE, Beam, Labels, LogProbs, Masses, Numbers, Tree, greedy
from inkread.recognition.patterns import Pattern

Scores = NDArray[np.float64]

WIDTH = 2048
"""Prefixes kept after each frame."""
STATE_WIDTH = 4
"""Prefixes kept of those that lead to the same state."""
CLASS_FLOOR = 1e-6
"""Classes less probable than this in a frame are not tried there."""
PREFIX_FLOOR = 1e-9
"""Prefixes less probable than this share of the best one are dropped."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that fits, and its natural log probability in the frames."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What fits.

    Attributes:
        candidates: the most probable texts that fit, best first; none where nothing does.
        total: natural log probability that one of the texts that fit stands there, as far as they were searched.
    """

    candidates: tuple[Candidate, ...]
    total: float


NOTHING_FITS = Found((), -math.inf)

LEAST_FIT = -20.0
"""Natural log of how much less probable than the plain reading all that fits may be together, before nothing fits."""
LEAST_MARGIN, MOST_CONFIDENT = 0.01, 0.999


@dataclass(frozen=True, slots=True)
class Scales:
    """From the margin and the fit to the confidence, by a logistic regression on fields of val."""

    margin: float
    fit: float
    shift: float

    def confidence(self, share: float, fit: float) -> float:
        """The probability that a value is right which has a share of all that fit."""
        share = min(max(share, LEAST_MARGIN), 1 - LEAST_MARGIN)
        logit = self.margin * math.log(share / (1 - share)) + self.fit * min(fit, 0.0) + self.shift
        return min(1 / (1 + math.exp(-logit)), MOST_CONFIDENT)


AS_SEEN, CORRECTED = Scales(0.965, 0.19, 0.44), Scales(1.82, 0.19, 0.47)
"""For frames of the network (decision 0041), and for those that `inkread.recognition.digits` has corrected (0077)."""

NO_CHARACTER, CELL_FLOOR = 1e-3, 1e-6
"""Probability that a cell with ink holds no character of its own, and the least one of any character."""

LEAST_SHARE = 1e-3
"""Of an alternative."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """What stands in a field: read as the pattern allows, and as it would be read without one.

    Attributes:
        text: the most probable text that fits; None where nothing fits.
        value: what it means, see `inkread.recognition.patterns.Pattern`; None where nothing fits.
        confidence: probability that the value is right. It falls with the probability of other texts that fit, and
            with how much better a text fits the ink that the pattern does not allow. 0.0 where nothing fits.
        free: the reading without the pattern.
        fit: natural log of how probable all texts together that fit are, against the best path without the pattern;
            0 where they agree, -inf where nothing was found.
        alternatives: other values that fit, most probable first, with their share among all that fit; none below
            ``LEAST_SHARE``.
    """

    text: str | None
    value: str | None
    confidence: float
    free: str
    fit: float
    alternatives: tuple[Alternative, ...] = ()


def read_field(
    views: Sequence[LogProbs],
    alphabet: Alphabet,
    pattern: Pattern,
    free: str,
    *,
    alternatives: int = 4,
    scales: Scales = AS_SEEN,
) -> FieldReading:
    """The most probable value of a field.

    Args:
        views: pictures of the same writing as the network sees them, float32 [frames, classes] each, natural log
            softmax. A text that fits one of them is compared with all: its score is the mean over the views.
        alphabet: of the recogniser.
        pattern: what may stand there.
        free: the reading without the pattern.
        alternatives: other values to keep, at most.
        scales: of the confidence.

    Raises:
        PatternError: nothing that fits can be written in this alphabet.
    """
    frames = [view if pattern.spaces else without_spaces(view, alphabet) for view in views]
    automaton, n_best = pattern.build(alphabet), 2 * (alternatives + 1)
    found = [
        search(view, alphabet, automaton, n_best=n_best, length_bonus=pattern.length_bonus).candidates
        for view in frames
    ]
    texts = list(dict.fromkeys(candidate.text for candidates in found for candidate in candidates))
    if not texts:
        return FieldReading(None, None, 0.0, free, -math.inf)
    plain = np.mean([text_scores(view, [alphabet.encode(greedy(view, alphabet).text)])[0] for view in frames])
    scores = np.mean([text_scores(view, [alphabet.encode(text) for text in texts]) for view in frames], axis=0)
    fit = float(np.logaddexp.reduce(scores) - plain)
    if fit < LEAST_FIT:
        return FieldReading(None, None, 0.0, free, fit)
    scores += [pattern.length_bonus * len(text) + pattern.prior(text) for text in texts]
    shares: dict[str, float] = {}
    for text, share in zip(texts, np.exp(scores - np.logaddexp.reduce(scores)).tolist(), strict=True):
        value = pattern.value(text)
        shares[value] = shares.get(value, 0.0) + share
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    value, share = ranked[0]
    best = max(zip(scores.tolist(), texts, strict=True), key=lambda pair: (pattern.value(pair[1]) == value, pair[0]))[1]
    others = [(other, part) for other, part in ranked[1:] if part >= LEAST_SHARE][:alternatives]
    return FieldReading(
        best,
        value,
        round(scales.confidence(share, fit), DIGITS),
        free,
        round(fit, DIGITS),
        tuple(Alternative(other, round(part, DIGITS)) for other, part in others),
    )


def without_spaces(log_probs: LogProbs, alphabet: Alphabet) -> LogProbs:
    """The frames with spaces taken for gaps between characters, as in a field with one box for each character."""
    if " " not in alphabet:
        return log_probs
    (space,) = alphabet.encode(" ")
    frames = log_probs.copy()
    frames[:, BLANK] = np.logaddexp(log_probs[:, BLANK], log_probs[:, space])
    frames[:, space] = IMPOSSIBLE
    return frames


def of_cells(cells: Sequence[LogProbs | None], alphabet: Alphabet) -> LogProbs:
    """The view of a comb whose cells were read alone: a frame for the character of each cell, and a blank after it.

    Args:
        cells: of each cell what the network sees in it, float32 [frames, classes]; None for an empty one.
        alphabet: of the recogniser.

    Returns:
        float32 [2 * cells, classes]. A cell holds one character, unless that is dirt or belongs to its neighbour,
        which has the probability ``NO_CHARACTER``.
    """
    every = [[label] for label in range(1, len(alphabet) + 1)]
    frames = np.full((2 * len(cells), len(alphabet) + 1), CELL_FLOOR)
    frames[1::2, BLANK] = 1.0
    for frame, cell in zip(frames[::2], cells, strict=True):
        if cell is None:
            frame[alphabet.encode(" ") if " " in alphabet else BLANK] = 1.0
            continue
        scores = text_scores(cell, every)
        frame[1:] += np.exp(scores - np.logaddexp.reduce(scores))
        frame[BLANK] = NO_CHARACTER
    return np.asarray(np.log(frames / frames.sum(axis=1, keepdims=True)), np.float32)


def search(
    log_probs: LogProbs,
    alphabet: Alphabet,
    automaton: Automaton,
    *,
    n_best: int = 5,
    length_bonus: float = 0.0,
    width: int = WIDTH,
    state_width: int = STATE_WIDTH,
    class_floor: float = CLASS_FLOOR,
    prefix_floor: float = PREFIX_FLOOR,
) -> Found:
    """The most probable texts that an automaton accepts.

    With both floors 0 and widths beyond the number of prefixes the search is exact.

    Args:
        log_probs: float32 [frames, classes], natural log softmax.
        alphabet: of the recogniser.
        automaton: of the texts that fit, over the classes of the alphabet.
        n_best: texts wanted, >= 1.
        length_bonus: natural log added for each character.
        width: prefixes kept after each frame, >= 1.
        state_width: prefixes kept of those that lead to the same state, >= 1.
        class_floor: probability below which a class is not tried in a frame.
        prefix_floor: share of the best prefix's probability below which a prefix is dropped.
    """
    probabilities, bonus = np.exp(log_probs.astype(np.float64)), math.exp(length_bonus)
    tree, beam, log_scale = Tree(len(log_probs) * width + 1), Beam.of(0), 0.0
    for frame in probabilities:
        beam, scale = _advance(
            beam, frame * (frame >= class_floor), tree, automaton, (width, state_width), (prefix_floor, bonus)
        )
        if not scale:
            return NOTHING_FITS
        log_scale += math.log(scale)
    masses = beam.totals * automaton.accepting[beam.states]
    ranked = [place for place in np.argsort(-masses, kind="stable")[:n_best].tolist() if masses[place] > 0]
    if not ranked:
        return NOTHING_FITS
    return Found(
        tuple(
            Candidate(
                alphabet.decode(tree.labels_of(int(beam.prefixes[place]))), math.log(float(masses[place])) + log_scale
            )
            for place in ranked
        ),
        math.log(float(masses.sum())) + log_scale,
    )


def text_scores(log_probs: LogProbs, texts: Sequence[Labels]) -> Scores:
    """Natural log probability of each text in the frames, over all its alignments (Graves et al., ICML 2006)."""
    lengths = np.array([len(text) for text in texts])
    if not len(log_probs):
        return np.where(lengths > 0, -math.inf, 0.0)
    states = np.full((len(texts), 2 * int(lengths.max()) + 1), BLANK, np.intp)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape, bool)
    skips[:, 2:] = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
    emissions = np.maximum(log_probs.astype(np.float64), IMPOSSIBLE)[:, states]
    # two columns that are never entered stand before the first state
    scores = np.full((len(texts), states.shape[1] + 2), IMPOSSIBLE)
    stay, step, skip = scores[:, 2:], scores[:, 1:-1], scores[:, :-2]
    stay[:, :2] = emissions[0, :, :2]
    for emission in emissions[1:]:
        stay[:] = np.logaddexp(np.logaddexp(stay, step), np.where(skips, skip, IMPOSSIBLE)) + emission
    ends = np.take_along_axis(scores, (2 * lengths + np.array([[1], [2]])).T, axis=1)
    return np.asarray(np.logaddexp(*ends.T), np.float64)


def _advance(
    beam: Beam,
    frame: Masses,
    tree: Tree,
    automaton: Automaton,
    widths: tuple[int, int],
    floor_and_bonus: tuple[float, float],
) -> tuple[Beam, float]:
    """The beam after one more frame, and the mass of its best prefix, which the others are divided by."""
    totals, (prefix_floor, bonus) = beam.totals, floor_and_bonus
    in_blank, in_label = totals * frame[BLANK], beam.in_label * frame[beam.labels]
    sources, moves = _moves(automaton, beam.states)
    labels = automaton.labels[moves]
    before = np.where(labels == beam.labels[sources], beam.in_blank[sources], totals[sources])
    grown = before * frame[labels] * bonus
    keys = sources * len(frame) + labels
    children = np.flatnonzero(beam.parents >= 0)
    places = np.searchsorted(keys, beam.parents[children] * len(frame) + beam.labels[children])
    in_label[children] += grown[places]
    grown[places] = 0
    stayed = in_blank + in_label
    best = float(max(stayed.max(), grown.max(initial=0.0)))
    if best == 0:
        return beam, 0.0
    fresh = np.flatnonzero(grown > prefix_floor * best)
    masses = np.append(stayed, grown[fresh])
    states = np.append(beam.states, automaton.targets[moves[fresh]])
    kept = np.flatnonzero(masses > prefix_floor * best)
    kept = _best_of(kept, masses, None if automaton.is_tree else states, *widths)
    return _kept(
        beam, tree, kept, sources[fresh], labels[fresh], states, (in_blank, in_label, grown[fresh]), best
    ), best


def _moves(automaton: Automaton, states: Numbers) -> tuple[Numbers, Numbers]:
    """All moves from some states: where its state is among them, and the number of the move."""
    starts = automaton.firsts[states]
    counts = automaton.firsts[states + 1] - starts
    sources = np.repeat(np.arange(len(states)), counts)
    within = np.arange(len(sources)) - np.repeat(np.cumsum(counts) - counts, counts)
    return sources, starts[sources] + within


def _best_of(kept: Numbers, masses: Masses, states: Numbers | None, width: int, state_width: int) -> Numbers:
    """The ``width`` largest, best first, and at most ``state_width`` of each state."""
    kept = kept[np.argsort(-masses[kept], kind="stable")]
    if states is not None:
        own = states[kept]
        order = np.argsort(own, kind="stable")
        grouped = own[order]
        first = np.searchsorted(grouped, grouped)
        rank = np.empty(len(kept), np.intp)
        rank[order] = np.arange(len(kept)) - first
        kept = kept[rank < state_width]
    return kept[:width]


def _kept(
    beam: Beam,
    tree: Tree,
    kept: Numbers,
    sources: Numbers,
    labels: Numbers,
    states: Numbers,
    masses: tuple[Masses, Masses, Masses],
    scale: float,
) -> Beam:
    """The beam of the prefixes that are kept: numbers below its size stay, the others grow from ``sources``."""
    size = len(beam.labels)
    fresh = np.flatnonzero(kept >= size)
    grown = kept[fresh] - size
    places = kept.copy()
    places[fresh] = sources[grown]
    prefixes, last = beam.prefixes[places], beam.labels[places]
    prefixes[fresh] = tree.grow(prefixes[fresh], labels[grown])
    last[fresh] = labels[grown]
    in_blank, in_label, in_grown = masses
    into_blank, into_label = in_blank[places] / scale, in_label[places] / scale
    into_blank[fresh] = 0
    into_label[fresh] = in_grown[grown] / scale
    return Beam(prefixes, last, states[kept], tree.places_of_parents(prefixes), into_blank, into_label)
