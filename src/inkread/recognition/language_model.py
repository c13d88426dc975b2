"""A character language model (n-grams) and its use while lines are decoded.

Usage: ``model = LanguageModel.load(Path("lm.bin")); Fusion(model, alphabet, weight=0.5)``
"""

from __future__ import annotations

import json
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import BundleError
from inkread.recognition.alphabet import BLANK, Alphabet

MAGIC = b"INKLM\x00\x01\x00"
OTHER = 0
"""The symbol that stands for all characters the model does not know."""
BOUNDARY = "\n"
"""The character that starts a context and ends a line."""
STEPS_PER_NAT = 16
LEAST = 1e-9
"""No character after any context is taken for less probable than this."""
CACHED_CONTEXTS = 20_000
_HASH = 0x9E3779B97F4A7C15

Distribution = NDArray[np.float32]
Context = tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """The n-grams of one context length, probabilities still quantised.

    Attributes:
        keys: uint32 [contexts], ascending `context_key` of each context.
        sizes: uint8 [contexts], characters seen after each.
        backoffs: uint8 [contexts].
        symbols: uint8 [sum of sizes].
        owns: uint8 [sum of sizes].
    """

    keys: NDArray[np.uint32]
    sizes: NDArray[np.uint8]
    backoffs: NDArray[np.uint8]
    symbols: NDArray[np.uint8]
    owns: NDArray[np.uint8]

    def arrays(self) -> tuple[NDArray[np.uint32] | NDArray[np.uint8], ...]:
        """The arrays in the order of the file."""
        return (self.keys, self.sizes, self.backoffs, self.symbols, self.owns)


class LanguageModel:
    """Probabilities of the next character.

    Args:
        characters: the known characters; symbol ``i`` is ``characters[i - 1]``, symbol 0 any other one.
        levels: n-grams by context length, from the empty context on.
        sources: what the model learnt from.
    """

    def __init__(self, characters: str, levels: Sequence[Level], sources: Iterable[dict[str, str | int]] = ()) -> None:
        self.characters = characters
        self.levels = tuple(levels)
        self.sources = tuple(sources)
        self._symbols = {character: symbol for symbol, character in enumerate(characters, start=1)}
        self._tables = [_Table(level) for level in self.levels]
        self._uniform: Distribution = np.full(len(characters) + 1, 1 / (len(characters) + 1), np.float32)
        self._cache: dict[Context, Distribution] = {}

    @property
    def order(self) -> int:
        """Longest context and the character after it."""
        return len(self.levels)

    @classmethod
    def load(cls, path: str | Path) -> LanguageModel:
        """Read a model file.

        Raises:
            BundleError: the file is missing, damaged or no language model.
        """
        try:
            content = Path(path).read_bytes()
        except OSError:
            raise BundleError(f"{path}: the language model cannot be read") from None
        try:
            return cls(*_parse(content))
        except (ValueError, KeyError, TypeError):
            raise BundleError(f"{path}: no language model of this version, or damaged; copy the file again") from None

    def to_bytes(self) -> bytes:
        """The content of the model file; equal models give equal bytes."""
        header = {
            "characters": self.characters,
            "levels": [[len(level.keys), len(level.symbols)] for level in self.levels],
            "sources": list(self.sources),
        }
        text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
        arrays = [part.astype(part.dtype.newbyteorder("<")) for level in self.levels for part in level.arrays()]
        return b"".join([MAGIC, len(text).to_bytes(4, "little"), text, *(part.tobytes() for part in arrays)])

    def encode(self, text: str) -> tuple[int, ...]:
        """Symbols of ``text``, unknown characters as ``OTHER``."""
        return tuple(self._symbols.get(character, OTHER) for character in text)

    def score(self, context: str, character: str) -> float:
        """Natural log probability of ``character`` after ``context``; a line starts with the context ``BOUNDARY``."""
        probability = float(self.distribution(context)[self._symbols.get(character, OTHER)])
        return math.log(max(probability, LEAST))

    def score_line(self, text: str) -> float:
        """Natural log probability of a whole line, its end included."""
        line = BOUNDARY + text + BOUNDARY
        return sum(self.score(line[:position], line[position]) for position in range(1, len(line)))

    def distribution(self, context: str) -> Distribution:
        """Probabilities of the next character, float32 [1 + known characters], sum 1; element 0 is any other one."""
        return self.symbol_distribution(self.encode(context[max(len(context) - self.order + 1, 0) :]))

    def state(self, context: Context) -> Context:
        """The longest end of a context that the model has seen: all that the next characters depend on."""
        context = context[max(len(context) - self.order + 1, 0) :]
        while context and self._tables[len(context)].find(context) is None:
            context = context[1:]
        return context

    def symbol_probability(self, context: Context, symbol: int) -> float:
        """One element of `symbol_distribution`, cheaper where the others are not wanted."""
        known = self._cache.get(context)
        if known is None and context:
            own, backoff = self._tables[len(context)].look_up(context, symbol)
            return own + backoff * self.symbol_probability(context[1:], symbol)
        return float((self.symbol_distribution(context) if known is None else known)[symbol])

    def symbol_distribution(self, context: Context) -> Distribution:
        """`distribution` after a context of at most ``order - 1`` symbols; the array is shared: do not write to it."""
        known = self._cache.get(context)
        if known is not None:
            return known
        lower = self.symbol_distribution(context[1:]) if context else self._uniform
        distribution = self._tables[len(context)].interpolate(context, lower)
        if len(self._cache) >= CACHED_CONTEXTS:
            self._cache.clear()
        self._cache[context] = distribution
        return distribution


class _Table:
    """One level made ready for look-up: probabilities as numbers, each context with the start of its characters."""

    def __init__(self, level: Level) -> None:
        self._keys = level.keys.data
        sizes = level.sizes.astype(np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        self._starts = starts.data
        probabilities = np.exp(-np.arange(256) / STEPS_PER_NAT).astype(np.float32)
        backoffs = probabilities[level.backoffs]
        owns = probabilities[level.owns]
        sums = np.add.reduceat(owns, starts[:-1]) if len(owns) else np.zeros(0, np.float32)
        self._owns = owns * np.repeat((1 - backoffs) / sums, sizes)
        self._backoffs = array("f", backoffs.tobytes())
        self._own_values = array("f", self._owns.tobytes())
        self._symbols = level.symbols
        self._symbol_bytes = level.symbols.tobytes()

    def find(self, context: Context) -> int | None:
        """Number of a context, None for one not seen."""
        key = context_key(context)
        place = bisect_left(self._keys, key)
        return place if place < len(self._keys) and self._keys[place] == key else None

    def look_up(self, context: Context, symbol: int) -> tuple[float, float]:
        """A symbol's own probability after ``context``, and the weight of the lower order."""
        place = self.find(context)
        if place is None:
            return 0.0, 1.0
        entry = self._symbol_bytes.find(symbol, self._starts[place], self._starts[place + 1])
        return (0.0 if entry < 0 else self._own_values[entry]), self._backoffs[place]

    def interpolate(self, context: Context, lower: Distribution) -> Distribution:
        """The distribution after ``context``, given that after the context without its first symbol."""
        place = self.find(context)
        if place is None:
            return lower
        start, stop = self._starts[place], self._starts[place + 1]
        distribution = lower * np.float32(self._backoffs[place])
        distribution[self._symbols[start:stop]] += self._owns[start:stop]
        return distribution


def context_key(context: Iterable[int]) -> int:
    """32-bit hash of up to eight symbols (multiplicative hashing, Knuth, TAOCP vol. 3, 6.4)."""
    packed = 0
    for symbol in context:
        packed = packed << 8 | symbol
    return (packed * _HASH & 0xFFFFFFFFFFFFFFFF) >> 32


def context_keys(packed: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """`context_key` of many contexts, each packed into one integer, a byte a symbol."""
    return ((packed * np.uint64(_HASH)) >> np.uint64(32)).astype(np.uint32)


def _parse(content: bytes) -> tuple[str, list[Level], list[dict[str, str | int]]]:
    if not content.startswith(MAGIC):
        raise ValueError("magic")
    start = len(MAGIC) + 4
    length = int.from_bytes(content[len(MAGIC) : start], "little")
    header = json.loads(content[start : start + length])
    offset = start + length

    def take(dtype: str, count: int) -> NDArray[np.generic]:
        nonlocal offset
        values = np.frombuffer(content, dtype, count, offset)
        offset += values.nbytes
        return values

    levels = []
    for contexts, entries in header["levels"]:
        keys = take("<u4", contexts).astype(np.uint32)
        sizes, backoffs = (take("u1", contexts).astype(np.uint8) for _ in range(2))
        symbols, owns = (take("u1", entries).astype(np.uint8) for _ in range(2))
        if int(sizes.sum(dtype=np.int64)) != entries or not sizes.all():
            raise ValueError("sizes")
        if entries and symbols.max() > len(header["characters"]):
            raise ValueError("symbols")
        levels.append(Level(keys, sizes, backoffs, symbols, owns))
    if offset != len(content):
        raise ValueError("length")
    return header["characters"], levels, header["sources"]


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
