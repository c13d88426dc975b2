"""A character language model (n-grams).

Usage: ``LanguageModel.load("lm.bin").score_line("my dear friend")``

A model gives each character a probability after the characters before it. Where an n-gram is not in the model, its
probability is that of the n-gram without its first character, times the backoff of its context (Katz 1987; Chen and
Goodman, "An empirical study of smoothing techniques for language modeling", 1999).

The n-grams are a trie in arrays. The entries of level n are the n-grams of n characters, those of one context side by
side and in the order of the contexts. An entry that longer n-grams go on from is a context of the next level.

A file may also hold n-grams of single languages, over the same characters. ``model.of("de")`` takes half of each
probability from them and half from the n-grams of all languages.

The file: the magic bytes, the length of the header (uint32, little-endian), a JSON header, and then for each level
five arrays one after the other: ``symbols`` (uint8, the last character of each entry), ``probabilities`` (uint8),
``firsts`` (a bit an entry: whether it is the first of its context), ``continued`` (a bit an entry: whether it is a
context of the next level) and ``backoffs`` (uint8, one a context). Probabilities are ``exp(-byte / 16)``. The levels of
single languages follow, in the order of the header.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import BundleError

MAGIC = b"INKLM\x00\x02\x00"
MAGIC_OF_0_1 = b"INKLM\x00\x01\x00"
OTHER = 0
"""The symbol that stands for all characters the model does not know."""
BOUNDARY = "\n"
"""The character that starts a context and ends a line."""
STEPS_PER_NAT = 16
PROBABILITIES = [math.exp(-byte / STEPS_PER_NAT) for byte in range(256)]
OWN_SHARE = 0.5
"""Of a probability, from the n-grams of a single language (decision 0065)."""
LEAST = 1e-9
"""No character after any context is taken for less probable than this."""

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Context = tuple[int, ...]
"""What the next characters depend on: for n from 0 on the number, among the contexts of level n + 1, of the last n
characters; -1 where they are none. The last one is not -1."""
NOTHING: Context = (0,)


@dataclass(frozen=True)
class Level:
    """The n-grams of one length.

    Attributes:
        symbols: uint8 [entries], the last character of each.
        probabilities: uint8 [entries], quantised.
        firsts: bool [entries], the first entry of a context.
        continued: bool [entries], a context of the next level.
        backoffs: uint8 [contexts], quantised.
    """

    symbols: Bytes
    probabilities: Bytes
    firsts: Flags
    continued: Flags
    backoffs: Bytes


class LanguageModel:
    """Probabilities of the next character.

    Args:
        characters: the known characters; symbol ``i`` is ``characters[i - 1]``, symbol 0 any other one.
        levels: n-grams by length, from single characters on.
        sources: what the model learnt from.
        languages: by ISO 639-1 code the n-grams of single languages; without any, the language has no model of its own.

    Raises:
        ValueError: the levels do not belong together.
    """

    def __init__(
        self,
        characters: str,
        levels: Sequence[Level],
        sources: Iterable[dict[str, str | int]] = (),
        languages: Mapping[str, Sequence[Level]] | None = None,
    ) -> None:
        self.characters = characters
        self.levels = tuple(levels)
        self.sources = tuple(sources)
        self.languages = {code: tuple(own) for code, own in (languages or {}).items()}
        self._of: dict[str, LanguageModel] = {}
        self._symbols = {character: symbol for symbol, character in enumerate(characters, start=1)}
        self._uniform = 1 / (len(characters) + 1)
        self._tables = [_Table(level) for level in self.levels]
        self._continued = [
            (table.symbols.find, table.starts, table.followers) for table in self._tables if table.followers
        ]
        self._from_longest = [
            (table.symbols.find, table.starts, table.probabilities, table.backoffs) for table in reversed(self._tables)
        ]
        contexts = 1
        for level, table in zip(self.levels, self._tables, strict=True):
            if table.contexts != contexts or len(level.backoffs) != contexts or not level.firsts[:1].all():
                raise ValueError("contexts")
            if level.symbols.max(initial=0) > len(characters):
                raise ValueError("symbols")
            contexts = int(np.count_nonzero(level.continued))
        if contexts:
            raise ValueError("levels")

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
        if content.startswith(MAGIC_OF_0_1):
            raise BundleError(
                f"{path}: a language model of Inkread 0.1; read with --no-lm, or fine-tune again from the bundled model"
            )
        try:
            return cls(*_parse(content))
        except (ValueError, KeyError, TypeError):
            raise BundleError(f"{path}: no language model of this version, or damaged; copy the file again") from None

    def of(self, language: str | None) -> LanguageModel:
        """The model for texts of one language, the same object each time; this one for None.

        Raises:
            KeyError: the model does not know the language.
        """
        if language is None or not self.languages[language]:
            return self
        if language not in self._of:
            self._of[language] = _Mixture(self, LanguageModel(self.characters, self.languages[language]))
        return self._of[language]

    def to_bytes(self) -> bytes:
        """The content of the model file; equal models give equal bytes."""
        header: dict[str, object] = {
            "characters": self.characters,
            "levels": _sizes(self.levels),
            "sources": list(self.sources),
        }
        if self.languages:
            header["languages"] = {code: _sizes(levels) for code, levels in self.languages.items()}
        text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
        parts = [MAGIC, len(text).to_bytes(4, "little"), text]
        for level in chain(self.levels, *(self.languages[code] for code in sorted(self.languages))):
            bits = (np.packbits(level.firsts), np.packbits(level.continued))
            parts += [part.tobytes() for part in (level.symbols, level.probabilities, *bits, level.backoffs)]
        return b"".join(parts)

    def encode(self, text: str) -> tuple[int, ...]:
        """Symbols of ``text``, unknown characters as ``OTHER``."""
        return tuple(self._symbols.get(character, OTHER) for character in text)

    def extend(self, context: Context, symbol: int) -> Context:
        """The context after one more symbol."""
        longer = [0]
        for number, (find, starts, followers) in zip(context, self._continued, strict=False):
            entry = find(symbol, starts[number], starts[number + 1]) if number >= 0 else -1
            longer.append(entry if entry < 0 else followers[entry])
        while longer[-1] < 0:
            longer.pop()
        return tuple(longer)

    def probability(self, context: Context, symbol: int) -> float:
        """Of ``symbol`` to come next."""
        weight = 1.0
        for number, (find, starts, probabilities, backoffs) in zip(
            reversed(context), self._from_longest[-len(context) :], strict=True
        ):
            if number >= 0:
                entry = find(symbol, starts[number], starts[number + 1])
                if entry >= 0:
                    return weight * PROBABILITIES[probabilities[entry]]
                weight *= PROBABILITIES[backoffs[number]]
        return weight * self._uniform

    def score(self, context: str, character: str) -> float:
        """Natural log probability of ``character`` after a text; a line starts with the text ``BOUNDARY``."""
        known = NOTHING
        for symbol in self.encode(context[max(len(context) - self.order + 1, 0) :]):
            known = self.extend(known, symbol)
        return math.log(max(self.probability(known, self._symbols.get(character, OTHER)), LEAST))

    def score_line(self, text: str) -> float:
        """Natural log probability of a whole line, its end included."""
        return self.score_lines([text])[0]

    def score_lines(self, texts: Sequence[str]) -> list[float]:
        """As `score_line`; what stands after the same few characters in several texts is looked up once."""
        known: dict[tuple[Context, int], tuple[float, Context]] = {}
        scores = []
        for text in texts:
            start, *symbols = self.encode(BOUNDARY + text + BOUNDARY)
            context, total = self.extend(NOTHING, start), 0.0
            for symbol in symbols:
                step = known.get((context, symbol))
                if step is None:
                    step = math.log(max(self.probability(context, symbol), LEAST)), self.extend(context, symbol)
                    known[context, symbol] = step
                total += step[0]
                context = step[1]
            scores.append(total)
        return scores


class _Table:
    """One level made ready for look-up: the entries of context n are ``starts[n]`` to ``starts[n + 1]``."""

    def __init__(self, level: Level) -> None:
        starts = np.flatnonzero(level.firsts)
        self.contexts = len(starts)
        self.starts = array("i", np.append(starts, len(level.firsts)).astype(np.int32).tobytes())
        self.symbols = level.symbols.tobytes()
        self.probabilities = level.probabilities.tobytes()
        self.backoffs = level.backoffs.tobytes()
        self.followers = array("i")
        """For each entry the context of the next level that it is, -1 for none; empty in the last level that has
        entries."""
        if level.continued.any():
            followers = np.full(len(level.continued), -1, np.int32)
            continued = np.flatnonzero(level.continued)
            followers[continued] = np.arange(len(continued), dtype=np.int32)
            self.followers = array("i", followers.tobytes())


class _Mixture(LanguageModel):
    """Probabilities of which ``OWN_SHARE`` comes from the second model; a context is the first one's, its length before
    it, and the second one's."""

    def __init__(self, general: LanguageModel, own: LanguageModel) -> None:
        self.characters, self.levels, self.sources = general.characters, general.levels, general.sources
        self.languages = {}
        self._of = {}
        self._symbols = general._symbols
        self._general, self._own = general, own

    def extend(self, context: Context, symbol: int) -> Context:
        general, own = self._contexts(context)
        longer = self._general.extend(general, symbol)
        return (len(longer), *longer, *self._own.extend(own, symbol))

    def probability(self, context: Context, symbol: int) -> float:
        general, own = self._contexts(context)
        by_own = self._own.probability(own, symbol)
        return OWN_SHARE * by_own + (1 - OWN_SHARE) * self._general.probability(general, symbol)

    @staticmethod
    def _contexts(context: Context) -> tuple[Context, Context]:
        if context == NOTHING:
            return NOTHING, NOTHING
        end = context[0] + 1
        return context[1:end], context[end:]


def languages_of(path: str | Path) -> tuple[str, ...]:
    """The languages that `LanguageModel.of` of a model file knows; none if it cannot be read, which loading it says."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return ()
            header = json.loads(file.read(int.from_bytes(file.read(4), "little")))
    except (OSError, ValueError):
        return ()
    return tuple(sorted(header.get("languages", {})))


def _sizes(levels: Iterable[Level]) -> list[list[int]]:
    return [[len(level.symbols), len(level.backoffs)] for level in levels]


def _parse(
    content: bytes,
) -> tuple[str, list[Level], list[dict[str, str | int]], dict[str, list[Level]]]:
    if not content.startswith(MAGIC):
        raise ValueError("magic")
    start = len(MAGIC) + 4
    length = int.from_bytes(content[len(MAGIC) : start], "little")
    header = json.loads(content[start : start + length])
    offset = start + length

    def take(count: int) -> Bytes:
        nonlocal offset
        values = np.frombuffer(content, np.uint8, count, offset)
        offset += count
        return values

    def take_flags(count: int) -> Flags:
        return np.unpackbits(take(-(-count // 8)), count=count).view(np.bool_)

    def take_levels(sizes: Iterable[tuple[int, int]]) -> list[Level]:
        return [
            Level(take(entries), take(entries), take_flags(entries), take_flags(entries), take(contexts))
            for entries, contexts in sizes
        ]

    levels = take_levels(header["levels"])
    languages = {code: take_levels(sizes) for code, sizes in sorted(header.get("languages", {}).items())}
    if offset != len(content):
        raise ValueError("length")
    return header["characters"], levels, header["sources"], languages
