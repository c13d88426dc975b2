"""Estimate the character language model of a bundle.

Usage: ``python -m recipe.ngram --out lm.bin --data DATA --packages DOWNLOADS``

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1999) with one absolute discount, made to
work with weighted texts: a discount is a share of the heaviest single occurrence of an n-gram, and a lower order
counts that weight once for each character seen before it. All text is one array of symbols, an n-gram one uint64.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import InkreadError
from inkread.io.files import write_bytes
from inkread.recognition.language_model import BOUNDARY, STEPS_PER_NAT, LanguageModel, Level, context_keys
from recipe.corpora import Corpus, packages, transcriptions

ORDER = 7
"""7 against 8: 0.02 bits a character worse on val, a fifth smaller; 6: 0.07 bits worse."""
DISCOUNT = 0.85
"""Between 0.7 and 0.9 the val texts differ by 0.01 bits a character."""
LEAST_OCCURRENCES = 3
MOST_CHARACTERS = 250
LEAST_COUNTS = (0.0, 0.0, 0.5, 1.5, 3.0, 4.5, 5.0)
_BYTE = np.uint64(8)

Keys = NDArray[np.uint64]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class _Grams:
    """Distinct n-grams, ascending, with the weight of all occurrences and of the heaviest one."""

    keys: Keys
    counts: Values
    units: Values


def build(
    corpora: Sequence[Corpus], *, order: int = ORDER, least_counts: Sequence[float] = LEAST_COUNTS
) -> LanguageModel:
    """A model of ``order``-grams, 1 to 8, without the n-grams whose weight is below the least count of their length.

    Least counts must not fall from one length to the next, so that a kept n-gram has its parts kept.
    Equal corpora give equal bytes.
    """
    characters = _characters(corpora)
    symbols, weights = _stream(corpora, characters)
    grams = [_count(symbols, weights, length) for length in range(1, order + 1)]
    levels = []
    for length, raw in enumerate(grams, start=1):
        counted = raw if length == order else _continuations(raw, grams[length], length)
        levels.append(_level(counted, raw.counts >= least_counts[length - 1]))
    return LanguageModel(characters, levels, [corpus.source.record() for corpus in corpora])


def _characters(corpora: Sequence[Corpus]) -> str:
    seen = Counter(character for corpus in corpora for line in corpus.lines for character in line)
    frequent = [character for character, count in seen.most_common(MOST_CHARACTERS) if count >= LEAST_OCCURRENCES]
    return "".join(sorted({BOUNDARY, *frequent}))


def _stream(corpora: Sequence[Corpus], characters: str) -> tuple[NDArray[np.uint8], Values]:
    """All lines as symbols, a boundary before each and one at the end, and the weight of each symbol."""
    text = "".join(BOUNDARY + line for corpus in corpora for line in corpus.lines) + BOUNDARY
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    table[[ord(character) for character in characters]] = np.arange(1, len(characters) + 1)
    lengths = [sum(len(line) + 1 for line in corpus.lines) for corpus in corpora]
    weights = np.repeat([corpus.weight for corpus in corpora], lengths)
    return table[np.frombuffer(text.encode("utf-32-le"), np.uint32)], np.append(weights, 0.0)


def _count(symbols: NDArray[np.uint8], weights: Values, length: int) -> _Grams:
    """The n-grams within lines; a boundary may be their first or last symbol only."""
    windows = max(len(symbols) - length + 1, 0)
    keys = np.zeros(windows, np.uint64)
    inside = np.ones(windows, bool)
    for place in range(length):
        part = symbols[place : place + windows]
        keys = keys << _BYTE | part
        if 0 < place < length - 1:
            inside &= part != symbols[0]
    places = np.flatnonzero(inside)
    places = places[np.argsort(keys[places], kind="stable")]
    return _merge(keys[places], weights[places], weights[places])


def _merge(keys: Keys, counts: Values, units: Values) -> _Grams:
    starts = _starts(keys)
    return _Grams(keys[starts], np.add.reduceat(counts, starts), np.maximum.reduceat(units, starts))


def _starts(ascending: Keys) -> NDArray[np.intp]:
    """Where each run of equal keys starts."""
    return np.flatnonzero(np.append(np.ones(min(len(ascending), 1), bool), ascending[1:] != ascending[:-1]))


def _continuations(raw: _Grams, longer: _Grams, length: int) -> _Grams:
    """Counts of a lower order: a unit a distinct character before; at the start of a line n-grams keep their count."""
    suffixes = longer.keys & np.uint64((1 << 8 * length) - 1)
    order = np.argsort(suffixes, kind="stable")
    continued = _merge(suffixes[order], longer.units[order], longer.units[order])
    counts, units = raw.counts.copy(), raw.units.copy()
    places = np.searchsorted(raw.keys, continued.keys)
    counts[places], units[places] = continued.counts, continued.units
    return _Grams(raw.keys, counts, units)


def _level(grams: _Grams, kept: NDArray[np.bool_]) -> Level:
    contexts = grams.keys >> _BYTE
    starts = _starts(contexts)
    totals = np.add.reduceat(grams.counts, starts)
    sizes = np.diff(np.append(starts, len(contexts)))
    owns = (grams.counts - DISCOUNT * grams.units) / np.repeat(totals, sizes)
    left = 1 - np.add.reduceat(np.where(kept, owns, 0), starts)
    kept_sizes = np.add.reduceat(kept.astype(np.int64), starts)
    hashes = context_keys(contexts[starts])
    used = np.flatnonzero(kept_sizes)
    chosen = used[np.unique(hashes[used], return_index=True)[1]]
    ranks = np.full(len(starts), -1)
    ranks[chosen] = np.arange(len(chosen))
    entry_ranks = np.where(kept, np.repeat(ranks, sizes), -1)
    entries = np.argsort(entry_ranks, kind="stable")[np.count_nonzero(entry_ranks < 0) :]
    return Level(
        keys=hashes[chosen],
        sizes=kept_sizes[chosen].astype(np.uint8),
        backoffs=_quantise(left[chosen]),
        symbols=(grams.keys[entries] & np.uint64(255)).astype(np.uint8),
        owns=_quantise(owns[entries]),
    )


def _quantise(probabilities: Values) -> NDArray[np.uint8]:
    steps = np.rint(-np.log(np.clip(probabilities, 1e-9, 1)) * STEPS_PER_NAT)
    return np.asarray(np.clip(steps, 1, 255), np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``python -m recipe.ngram``."""
    parser = argparse.ArgumentParser(prog="python -m recipe.ngram", description="Build a language model.")
    parser.add_argument("--out", type=Path, required=True, help="file to write, lm.bin of a bundle")
    parser.add_argument("--data", type=Path, required=True, help="folder of transcribed sources, each with train data")
    parser.add_argument("--packages", type=Path, required=True, help="folder of downloaded Debian packages")
    options = parser.parse_args(arguments)
    try:
        sources = sorted(path for path in options.data.iterdir() if path.is_dir()) if options.data.is_dir() else []
        corpora = [*map(transcriptions, sources), *packages(options.packages)]
        write_bytes(options.out, build(corpora).to_bytes())
    except InkreadError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
