"""What a language model and a list of words add to the characters of a recogniser while lines are decoded.

Usage: ``Fusion(alphabet, model, weight=0.5, words=WordList.of(["Quelimane"]))``

Shallow fusion (Gulcehre et al., "On using monolingual corpora in neural machine translation", 2015): the probability of
a text is multiplied by the language model's to the power of a weight, and by a bonus for each character.

A list of words is mixed into the language model: each word comes from the list with the probability ``LIST_SHARE``,
and otherwise from the n-grams. A character within a word has the probability of both together, weighted by how probable
it is by then that the word comes from the list (Bayes). So a short list makes its words much likelier, and a long one,
whose probability is shared by many words, does little harm.
"""

from __future__ import annotations

import math
from functools import lru_cache
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.language_model import BOUNDARY, LEAST, NOTHING, Context, LanguageModel
from inkread.recognition.word_list import ROOT, WordList

KEPT_FACTORS = 200_000
"""Factors kept for the next lines, about 20 MB."""
LIST_SHARE = 0.1
"""Probability that the next word comes from the list (decision 0042)."""
ODDS_STEPS = 4
"""States keep the log odds of the list in steps of a fourth, so that there are few of them."""
MOST_ODDS = 40
"""Steps beyond which the odds are not told apart."""
ENDS = BOUNDARY + " ,."
"""Characters that say how probable it is for the n-grams that a word ends."""

Numbers = NDArray[np.intp]
State = tuple[Context, int, int]
"""Context of the language model, node in the list (-1: the word is not in it) and log odds of the list, in steps."""


class Fusion:
    """A factor for each character, after each state.

    A state stands for all texts after which the language model expects the same. Its number depends on
    what was read before, its factors do not.

    Args:
        alphabet: of the recogniser.
        language_model: None for none.
        weight: exponent of the language model's probability, >= 0; 0 for none.
        length_bonus: natural log added for each character.
        words: that are likelier than the language model says; without one they do nothing.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        language_model: LanguageModel | None = None,
        *,
        weight: float = 0.0,
        length_bonus: float = 0.0,
        words: WordList | None = None,
    ) -> None:
        self.lock = RLock()
        """Held while a line is decoded."""
        self.classes = len(alphabet) + 1
        self.bonus = math.exp(length_bonus)
        self._model = language_model if weight > 0 else None
        self._weight = weight
        self._symbols = self._model.encode(BOUNDARY + alphabet.characters) if self._model else ()
        self._end_symbols = self._model.encode(ENDS) if self._model else ()
        self._characters = BOUNDARY + alphabet.characters
        self._words = words if words else None
        self._clear()

    @classmethod
    def of(
        cls,
        alphabet: Alphabet,
        language_model: LanguageModel | None,
        *,
        weight: float,
        length_bonus: float,
        words: WordList | None = None,
    ) -> Fusion:
        """The same object for the same arguments, so that its factors serve many lines."""
        return _shared(alphabet, language_model, weight, length_bonus, words)

    @property
    def active(self) -> bool:
        """Whether there is a language model with a weight."""
        return self._model is not None

    def start(self) -> int:
        """The state of a line's first character; the states of lines before may be given up."""
        if len(self._factors) > KEPT_FACTORS:
            self._clear()
        return 0

    def factor(self, state: int, label: int) -> float:
        """The factor of a class, at most ``bonus``; class 0 stands for the end of the line, without a bonus."""
        key = state * self.classes + label
        known = self._factors.get(key)
        return self._new_factor(key) if known is None else known

    def factors(self, states: Numbers, labels: Numbers) -> NDArray[np.float64]:
        """`factor` of each of many states and its class, both int [n]."""
        keys = (states * self.classes + labels).tolist()
        known = zip(keys, map(self._factors.get, keys), strict=True)
        return np.array([self._new_factor(key) if factor is None else factor for key, factor in known], np.float64)

    def step(self, state: int, label: int) -> int:
        """The state after one more character."""
        if self._model is None:
            return state
        key = state * self.classes + label
        known = self._steps.get(key)
        return self._new_step(key) if known is None else known

    def steps(self, states: Numbers, labels: Numbers) -> Numbers:
        """`step` from each of many states with its class, both int [n]."""
        if self._model is None:
            return states
        keys = (states * self.classes + labels).tolist()
        known = zip(keys, map(self._steps.get, keys), strict=True)
        return np.array([self._new_step(key) if state is None else state for key, state in known], np.intp)

    def _new_factor(self, key: int) -> float:
        state, label = divmod(key, self.classes)
        factor = 1.0
        if self._model is not None:
            factor = max(self._probability(self._states[state], label), LEAST) ** self._weight
        if label != BLANK:
            factor *= self.bonus
        self._factors[key] = factor
        return factor

    def _new_step(self, key: int) -> int:
        state, label = divmod(key, self.classes)
        number = self._steps[key] = self._number(self._next(self._states[state], label))
        return number

    def _probability(self, state: State, label: int) -> float:
        """Of the language model and the list together."""
        context, node, odds = state
        assert self._model is not None
        by_model = self._model.probability(context, self._symbols[label])
        if self._words is None or node < 0:
            return by_model
        share = _share(odds)
        return share * self._by_list(context, node, label, by_model) + (1 - share) * by_model

    def _by_list(self, context: Context, node: int, label: int, by_model: float) -> float:
        """Probability of a character if the word comes from the list; the n-grams say which character ends a word."""
        assert self._words is not None
        assert self._model is not None
        character = self._characters[label]
        inside = self._words.probability(node, character)
        if inside or character.isalnum() or node == ROOT:
            return inside
        ends = self._words.end_probability(node)
        if not ends:
            return 0.0
        every = sum(self._model.probability(context, symbol) for symbol in self._end_symbols)
        return ends * min(by_model / max(every, LEAST), 1.0)

    def _next(self, state: State, label: int) -> State:
        context, node, odds = state
        assert self._model is not None
        after = self._model.extend(context, self._symbols[label])
        if self._words is None:
            return after, -1, 0
        character = self._characters[label]
        child = self._words.child(node, character) if node >= 0 else -1
        if child < 0:
            return (after, -1, 0) if character.isalnum() else (after, ROOT, START_ODDS)
        by_model = max(self._model.probability(context, self._symbols[label]), LEAST)
        gained = math.log(max(self._words.probability(node, character), LEAST) / by_model)
        return after, child, max(min(odds + round(gained * ODDS_STEPS), MOST_ODDS), -MOST_ODDS)

    def _clear(self) -> None:
        self._factors: dict[int, float] = {}
        self._steps: dict[int, int] = {}
        self._numbers: dict[State, int] = {}
        self._states: list[State] = []
        start = NOTHING if self._model is None else self._model.extend(NOTHING, self._symbols[BLANK])
        self._number((start, -1, 0) if self._words is None else (start, ROOT, START_ODDS))

    def _number(self, state: State) -> int:
        known = self._numbers.setdefault(state, len(self._states))
        if known == len(self._states):
            self._states.append(state)
        return known


START_ODDS = round(math.log(LIST_SHARE / (1 - LIST_SHARE)) * ODDS_STEPS)


def _share(odds: int) -> float:
    return 1 / (1 + math.exp(-odds / ODDS_STEPS))


@lru_cache(maxsize=4)
def _shared(
    alphabet: Alphabet,
    language_model: LanguageModel | None,
    weight: float,
    length_bonus: float,
    words: WordList | None,
) -> Fusion:
    return Fusion(alphabet, language_model, weight=weight, length_bonus=length_bonus, words=words)
