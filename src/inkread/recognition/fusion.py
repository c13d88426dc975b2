"""What a language model adds to the characters of a recogniser.

Usage: ``fusion = Fusion.of(alphabet, language_model, weight=0.5, length_bonus=1.0)``

Shallow fusion (Gulcehre et al., "On using monolingual corpora in neural machine translation", 2015): the probability
of a text is multiplied by the language model's to the power ``weight`` and by ``exp(length_bonus)`` a character.
"""

from __future__ import annotations

import math
from array import array
from functools import lru_cache

import numpy as np

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.language_model import BOUNDARY, CACHED_CONTEXTS, LEAST, Context, LanguageModel

CACHED_STEPS = 100_000


class Fusion:
    """Factors for the next character of a text, by class number; those of a context are kept once computed.

    Args:
        alphabet: of the recogniser.
        language_model: None for none.
        weight: exponent of the language model's probability, >= 0; 0 for none.
        length_bonus: natural log added for each character.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        language_model: LanguageModel | None = None,
        *,
        weight: float = 0.0,
        length_bonus: float = 0.0,
    ) -> None:
        self._model = language_model if weight > 0 else None
        self._weight = weight
        self._bonus = math.exp(length_bonus)
        self._without = array("f", [1.0, *[self._bonus] * len(alphabet)])
        boundary_and_classes = BOUNDARY + alphabet.characters
        self._symbols = np.array(self._model.encode(boundary_and_classes) if self._model else (), np.intp)
        self._symbol_of = self._symbols.tolist()
        self._cache: dict[Context, array[float]] = {}
        self._steps: dict[tuple[Context, int], tuple[float, Context]] = {}

    @classmethod
    def of(
        cls, alphabet: Alphabet, language_model: LanguageModel | None, *, weight: float, length_bonus: float
    ) -> Fusion:
        """The same object for the same arguments, so that its factors serve many lines."""
        return _shared(alphabet, language_model, weight, length_bonus)

    @property
    def start(self) -> Context:
        """The context of a line's first character."""
        return self._model.state((self._symbol_of[BLANK],)) if self._model else ()

    @property
    def active(self) -> bool:
        """Whether there is a language model with a weight."""
        return self._model is not None

    def extend(self, context: Context, label: int) -> Context:
        """The context after one more character."""
        return self.step(context, label)[1] if self._model is not None else ()

    def step(self, context: Context, label: int) -> tuple[float, Context]:
        """The factor of one class, as in `factors`, and the context after it."""
        if self._model is None:
            return self._without[label], ()
        known = self._steps.get((context, label))
        if known is None:
            symbol = self._symbol_of[label]
            factor = max(self._model.symbol_probability(context, symbol), LEAST) ** self._weight
            known = (factor * self._bonus if label != BLANK else factor, self._model.state((*context, symbol)))
            if len(self._steps) >= CACHED_STEPS:
                self._steps.clear()
            self._steps[context, label] = known
        return known

    def factors(self, context: Context) -> array[float]:
        """Factor of each class, float32 [classes]; class 0 stands for the end of the line."""
        if self._model is None:
            return self._without
        known = self._cache.get(context)
        if known is None:
            values = self._model.symbol_distribution(context)[self._symbols]
            values = np.maximum(values, np.float32(LEAST)) ** np.float32(self._weight)
            values[1:] *= np.float32(self._bonus)
            known = array("f", values.tobytes())
            if len(self._cache) >= CACHED_CONTEXTS:
                self._cache.clear()
            self._cache[context] = known
        return known


@lru_cache(maxsize=4)
def _shared(alphabet: Alphabet, language_model: LanguageModel | None, weight: float, length_bonus: float) -> Fusion:
    return Fusion(alphabet, language_model, weight=weight, length_bonus=length_bonus)
