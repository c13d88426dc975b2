"""Finite automata over the classes of an alphabet: what a field may say.

Usage: ``explore(start, moves, accepts)``; ``from_entries(["Berlin", "Bonn"], alphabet)``

An automaton is deterministic, and every state of it leads to an accepting one: whatever a search has read so far can
be continued to a text that is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inkread.errors import PatternError
from inkread.recognition.alphabet import Alphabet

MOST_STATES = 200_000
"""States of an automaton that is explored; a pattern with more is refused."""
MOST_MOVES = 2_000_000

Numbers = NDArray[np.intp]
State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Automaton:
    """Moves in arrays; state 0 is the first one.

    Attributes:
        firsts: intp [states + 1], the moves from state n are those from ``firsts[n]`` to before ``firsts[n + 1]``.
        labels: intp [moves], class of the character; in rising order for each state.
        targets: intp [moves], the state after it.
        accepting: bool [states].
        is_tree: no two texts lead to the same state.
    """

    firsts: Numbers
    labels: Numbers
    targets: Numbers
    accepting: NDArray[np.bool_]
    is_tree: bool = False

    def accepts(self, labels: Sequence[int]) -> bool:
        """Whether a text, given by the classes of its characters, is accepted."""
        state = 0
        for label in labels:
            start, stop = self.firsts[state : state + 2]
            place = start + int(np.searchsorted(self.labels[start:stop], label))
            if place == stop or self.labels[place] != label:
                return False
            state = int(self.targets[place])
        return bool(self.accepting[state])


def explore(start: State, moves: Callable[[State], Mapping[int, State]], accepts: Callable[[State], bool]) -> Automaton:
    """The automaton of all states that can be reached and lead to an accepting one.

    Args:
        start: the first state.
        moves: by class of the next character the state after it.
        accepts: whether a text may end in a state.

    Raises:
        PatternError: nothing is accepted, or there are more than ``MOST_STATES`` states or ``MOST_MOVES`` moves.
    """
    numbers, states = {start: 0}, [start]
    triples: list[tuple[int, int, int]] = []
    for number, state in enumerate(states):  # grows meanwhile
        for label, target in moves(state).items():
            known = numbers.setdefault(target, len(states))
            if known == len(states):
                states.append(target)
            triples.append((number, label, known))
        if len(states) > MOST_STATES or len(triples) > MOST_MOVES:
            raise PatternError("the pattern allows too much to be searched; bound its repetitions")
    accepting = np.fromiter(map(accepts, states), bool, len(states))
    sources, labels, targets = np.array(triples, np.intp).reshape(-1, 3).T
    return _trimmed(sources, labels, targets, accepting)


def _trimmed(sources: Numbers, labels: Numbers, targets: Numbers, accepting: NDArray[np.bool_]) -> Automaton:
    """Without the states that lead to no accepting one."""
    useful = accepting.copy()
    before = -1
    while (count := int(useful.sum())) != before:
        before = count
        useful[sources[useful[targets]]] = True
    if not useful[0]:
        raise PatternError("the pattern accepts no text that the model can write")
    kept = useful[sources] & useful[targets]
    renumbered = np.cumsum(useful) - 1
    sources, labels, targets = renumbered[sources[kept]], labels[kept], renumbered[targets[kept]]
    return _packed(sources, labels, targets, accepting[useful])


def _packed(sources: Numbers, labels: Numbers, targets: Numbers, accepting: NDArray[np.bool_]) -> Automaton:
    order = np.lexsort((labels, sources))
    firsts = np.searchsorted(sources[order], np.arange(len(accepting) + 1))
    is_tree = len(np.unique(targets)) == len(targets) and not (targets == 0).any()
    return Automaton(firsts, labels[order], targets[order], accepting, is_tree)


def from_entries(entries: Sequence[str], alphabet: Alphabet, *, ignore_case: bool = False) -> Automaton:
    """The automaton that accepts the given texts and no other: a trie.

    Args:
        entries: NFC; those with characters outside the alphabet cannot be read and are left out.
        alphabet: of the recogniser.
        ignore_case: each letter may be written in both cases.

    Raises:
        PatternError: there is no entry that the model can write.
    """
    folded = {_fold(entry, alphabet) if ignore_case else entry for entry in entries}
    rows = sorted(alphabet.encode(entry) for entry in folded if entry and not alphabet.unknown(entry))
    if not rows:
        raise PatternError("the list has no entry that the model can write")
    lengths = np.array([len(row) for row in rows])
    width = int(lengths.max())
    table = np.zeros((len(rows), width), np.int16)
    table[np.arange(width) < lengths[:, None]] = [label for row in rows for label in row]
    fresh = np.ones(table.shape, bool)
    fresh[1:] = np.logical_or.accumulate(table[1:] != table[:-1], axis=1)
    fresh &= table > 0
    nodes = np.zeros((len(rows), width + 1), np.intp)
    nodes[:, 1:][fresh] = 1 + np.arange(np.count_nonzero(fresh))
    nodes = np.maximum.accumulate(nodes, axis=0)  # a character that is not fresh has the node of the row above
    accepting = np.zeros(1 + np.count_nonzero(fresh), bool)
    accepting[nodes[np.arange(len(rows)), lengths]] = True
    sources, labels, targets = nodes[:, :-1][fresh], table[fresh].astype(np.intp), nodes[:, 1:][fresh]
    if not ignore_case:
        return _packed(sources, labels, targets, accepting)
    other = _other_cases(alphabet)[labels]
    both = other > 0
    return _packed(
        np.append(sources, sources[both]),
        np.append(labels, other[both]),
        np.append(targets, targets[both]),
        accepting,
    )


def _fold(text: str, alphabet: Alphabet) -> str:
    """In small letters, where the alphabet has them."""
    return "".join(letter.lower() if letter.lower() in alphabet else letter for letter in text)


def _other_cases(alphabet: Alphabet) -> Numbers:
    """For each class of a small letter the class of its capital, 0 where there is none."""
    others = np.zeros(len(alphabet) + 1, np.intp)
    for label, letter in enumerate(alphabet.characters, start=1):
        capital = letter.upper()
        if capital != letter and capital in alphabet and capital.lower() == letter:
            others[label] = alphabet.encode(capital)[0]
    return others
