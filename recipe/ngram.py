"""Estimate the character language model of a bundle.

Usage: ``python -m recipe.ngram --out lm.bin --data DATA --texts TEXTS``

Interpolated Kneser-Ney smoothing with three discounts (Kneser and Ney 1995; Chen and Goodman 1999), made to work with
weighted texts: a discount is a share of the heaviest single occurrence of an n-gram, and a lower order counts that
weight once for each character seen before it. N-grams that tell little more than the n-gram without their first
character are left out, in the way of Seymore and Rosenfeld ("Scalable backoff language models", ICSLP 1996). An n-gram
is one uint64, a byte a character.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.cli.terminal import run_command
from inkread.io.files import write_bytes
from inkread.recognition.language_model import BOUNDARY, PROBABILITIES, STEPS_PER_NAT, LanguageModel, Level
from recipe.corpora import Corpus, all_texts, all_transcriptions

ORDER = 7
DISCOUNTS = (0.8, 1.05, 1.2)
"""Of n-grams that occur once, twice and more often."""
LEAST_GAIN = 4.3
"""An n-gram must make its occurrences so much more probable, in nats times weight; 4.3 gives a file of 11 MB."""
OWN = {"de": 2.0, "en": math.inf, "fr": 3.0}
"""Languages with n-grams of their own (decision 0065), by the gain that these need."""
LEAST_OCCURRENCES = 3
MOST_CHARACTERS = 230
TINY = 1e-9
_BYTE = np.uint64(8)

Symbols = NDArray[np.uint8]
Keys = NDArray[np.uint64]
Values = NDArray[np.float64]
Numbers = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Grams:
    """Distinct n-grams, ascending, with the weight of all occurrences and of the heaviest one."""

    keys: Keys
    counts: Values
    units: Values


@dataclass(frozen=True)
class _Smoothed:
    """The n-grams of one length before any is left out.

    Attributes:
        grams: with the weight of their occurrences in the texts.
        contexts: number of each n-gram's context among the n-grams one shorter.
        shorter: number of each n-gram without its first character among the n-grams one shorter.
        owns: probability of the n-gram's last character that does not come from shorter n-grams.
        gains: natural log of how much more probable the n-gram is than without it.
    """

    grams: _Grams
    contexts: Numbers
    shorter: Numbers
    owns: Values
    gains: Values


def build(
    corpora: Sequence[Corpus],
    *,
    order: int = ORDER,
    least_gain: float = LEAST_GAIN,
    languages: Mapping[str, float] | None = None,
) -> LanguageModel:
    """A model of ``order``-grams, 1 to 8. Equal corpora give equal bytes.

    Args:
        corpora: texts.
        order: longest n-gram.
        least_gain: of the n-grams that stay.
        languages: that also get n-grams of their own, with their ``least_gain``; infinity for none of their own.
    """
    characters = _characters(corpora)
    levels = _estimate(corpora, characters, order, least_gain)
    single = {}
    for language, gain in (languages or {}).items():
        own = [corpus for corpus in corpora if corpus.language == language]
        single[language] = [] if gain == math.inf else _estimate(own, characters, order, gain)
    return LanguageModel(characters, levels, [corpus.source.record() for corpus in corpora], single)


def _estimate(corpora: Sequence[Corpus], characters: str, order: int, least_gain: float) -> list[Level]:
    texts = [_symbols(corpus, characters) for corpus in corpora]
    weights = [corpus.weight for corpus in corpora]
    grams = [_count(texts, weights, length) for length in range(1, order + 1)]
    uniform = 1 / (len(characters) + 1)
    smoothed = _smooth(grams, uniform)
    return _levels(smoothed, _kept(smoothed, least_gain), uniform)


def _characters(corpora: Sequence[Corpus]) -> str:
    seen: Counter[str] = Counter()
    for corpus in corpora:
        seen.update(Counter("".join(corpus.lines)))
    frequent = [character for character, count in seen.most_common(MOST_CHARACTERS) if count >= LEAST_OCCURRENCES]
    return "".join(sorted({BOUNDARY, *frequent}))


def _symbols(corpus: Corpus, characters: str) -> Symbols:
    """All lines as symbols, a boundary before each and one at the end."""
    text = "".join(BOUNDARY + line for line in corpus.lines) + BOUNDARY
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    table[[ord(character) for character in characters]] = np.arange(1, len(characters) + 1)
    return table[np.frombuffer(text.encode("utf-32-le"), np.uint32)]


def _count(texts: Sequence[Symbols], weights: Sequence[float], length: int) -> _Grams:
    """The n-grams within lines; a boundary may be their first or last symbol only."""
    keys, counts, units = [], [], []
    for symbols, weight in zip(texts, weights, strict=True):
        found = np.sort(_windows(symbols, length))
        starts = _starts(found)
        keys.append(found[starts])
        counts.append(np.diff(np.append(starts, len(found))) * weight)
        units.append(np.full(len(starts), weight))
    return _merge(np.concatenate(keys), np.concatenate(counts), np.concatenate(units))


def _windows(symbols: Symbols, length: int) -> Keys:
    windows = max(len(symbols) - length + 1, 0)
    keys = np.zeros(windows, np.uint64)
    inside = np.ones(windows, bool)
    for place in range(length):
        part = symbols[place : place + windows]
        keys = keys << _BYTE | part
        if 0 < place < length - 1:
            inside &= part != symbols[0]
    return keys[inside]


def _merge(keys: Keys, counts: Values, units: Values) -> _Grams:
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = _starts(keys)
    return _Grams(keys[starts], np.add.reduceat(counts[order], starts), np.maximum.reduceat(units[order], starts))


def _starts(ascending: Keys) -> Numbers:
    """Where each run of equal keys starts."""
    return np.flatnonzero(np.append(np.ones(min(len(ascending), 1), bool), ascending[1:] != ascending[:-1]))


def _suffixes(keys: Keys, length: int) -> Keys:
    """The n-grams of ``length`` without their first character."""
    return keys & np.uint64((1 << 8 * (length - 1)) - 1)


def _continuations(raw: _Grams, longer: _Grams, length: int) -> _Grams:
    """Counts of a lower order: a unit a distinct character before; at the start of a line n-grams keep their count."""
    continued = _merge(_suffixes(longer.keys, length + 1), longer.units, longer.units)
    counts, units = raw.counts.copy(), raw.units.copy()
    places = np.searchsorted(raw.keys, continued.keys)
    counts[places], units[places] = continued.counts, continued.units
    return _Grams(raw.keys, counts, units)


def _smooth(grams: Sequence[_Grams], uniform: float) -> list[_Smoothed]:
    smoothed: list[_Smoothed] = []
    lower = np.array([uniform])
    for length, raw in enumerate(grams, start=1):
        counted = raw if length == len(grams) else _continuations(raw, grams[length], length)
        above = grams[length - 2].keys if length > 1 else np.zeros(1, np.uint64)
        contexts = np.searchsorted(above, raw.keys >> _BYTE)
        shorter = np.searchsorted(above, _suffixes(raw.keys, length))
        occurrences = counted.counts / counted.units
        discounts = np.select([occurrences < 1.5, occurrences < 2.5], DISCOUNTS[:2], DISCOUNTS[2]) * counted.units
        totals = np.bincount(contexts, weights=counted.counts)
        owns = np.maximum(counted.counts - discounts, 0) / totals[contexts]
        left = (1 - np.bincount(contexts, weights=owns))[contexts]
        probabilities = owns + left * lower[shorter]
        without = np.minimum(left + owns, 1) * lower[shorter]
        smoothed.append(_Smoothed(raw, contexts, shorter, owns, np.log(probabilities / without)))
        lower = probabilities
    return smoothed


def _kept(smoothed: Sequence[_Smoothed], least_gain: float) -> list[Flags]:
    """Which n-grams stay: those with enough gain, single characters, and the contexts of those that stay."""
    kept: list[Flags] = []
    for length in range(len(smoothed), 0, -1):
        level = smoothed[length - 1]
        stays = level.grams.counts * level.gains >= (least_gain if length > 1 else -np.inf)
        if kept:
            stays[smoothed[length].contexts[kept[-1]]] = True
        kept.append(stays)
    return kept[::-1]


def _levels(smoothed: Sequence[_Smoothed], kept: Sequence[Flags], uniform: float) -> list[Level]:
    """The n-grams that stay, with backoffs that make the probabilities after each context sum to one."""
    levels = []
    lower = np.array([uniform])
    steps = np.array(PROBABILITIES)
    for length, (level, stays) in enumerate(zip(smoothed, kept, strict=True), start=1):
        shorter = lower[level.shorter]
        owns = np.where(stays, level.owns, 0)
        left = 1 - np.bincount(level.contexts, weights=owns)
        bytes_ = _quantise(owns + left[level.contexts] * shorter)
        probabilities = np.where(stays, steps[bytes_], 0)
        unseen = 1 - np.bincount(level.contexts, weights=probabilities)
        covered = 1 - np.bincount(level.contexts, weights=np.where(stays, shorter, 0))
        backoffs = _quantise(np.maximum(unseen, TINY) / np.maximum(covered, TINY))
        used = np.bincount(level.contexts, weights=stays) > 0
        lower = np.where(stays, probabilities, np.where(used, steps[backoffs], 1)[level.contexts] * shorter)
        continued = np.zeros(len(stays), bool)
        if length < len(smoothed):
            continued[smoothed[length].contexts[kept[length]]] = True
        contexts = level.contexts[stays]
        levels.append(
            Level(
                symbols=(level.grams.keys[stays] & np.uint64(255)).astype(np.uint8),
                probabilities=bytes_[stays],
                firsts=np.append(np.ones(min(len(contexts), 1), bool), contexts[1:] != contexts[:-1]),
                continued=continued[stays],
                backoffs=backoffs[used],
            )
        )
    return levels


def _quantise(probabilities: Values) -> Symbols:
    steps = np.rint(-np.log(np.clip(probabilities, TINY, 1)) * STEPS_PER_NAT)
    return np.asarray(np.clip(steps, 0, 255), np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``python -m recipe.ngram``."""
    parser = argparse.ArgumentParser(prog="python -m recipe.ngram", description="Build a language model.")
    parser.add_argument("--out", type=Path, required=True, help="file to write, lm.bin of a bundle")
    parser.add_argument("--data", type=Path, help="folder of transcribed sources; left out, of the texts alone")
    parser.add_argument("--texts", type=Path, required=True, help="folder of texts with SOURCES.tsv")
    options = parser.parse_args(arguments)
    corpora = [*(all_transcriptions(options.data) if options.data else ()), *all_texts(options.texts)]
    found = {corpus.language for corpus in corpora}
    own = {language: gain for language, gain in OWN.items() if language in found}
    write_bytes(options.out, build(corpora, languages=own).to_bytes())


if __name__ == "__main__":
    run_command(main)
