"""A language model small enough to check by hand."""

import numpy as np
import pytest

from inkread.recognition.language_model import LanguageModel, Level

Contexts = dict[tuple[int, ...], tuple[int, dict[int, int]]]
"""By context: its backoff byte, and the probability byte of each symbol after it, both in rising order."""


def _levels(*levels: Contexts) -> list[Level]:
    made = []
    for contexts, longer in zip(levels, (*levels[1:], {}), strict=True):
        grams = [(*context, symbol) for context, (_, symbols) in contexts.items() for symbol in symbols]
        sizes = [len(symbols) for _, symbols in contexts.values()]
        made.append(
            Level(
                symbols=np.array([gram[-1] for gram in grams], np.uint8),
                probabilities=np.array([p for _, symbols in contexts.values() for p in symbols.values()], np.uint8),
                firsts=np.array([place == 0 for size in sizes for place in range(size)], bool),
                continued=np.array([gram in longer for gram in grams], bool),
                backoffs=np.array([backoff for backoff, _ in contexts.values()], np.uint8),
            )
        )
    return made


@pytest.fixture(scope="session")
def model() -> LanguageModel:
    """Knows the line boundary, a and b; b follows a, and the line ends after ab."""
    levels = _levels(
        {(): (40, {1: 20, 2: 10, 3: 14})},
        {(1,): (30, {2: 3}), (2,): (24, {1: 30, 3: 4}), (3,): (16, {1: 6, 2: 20})},
        {(1, 2): (30, {3: 2}), (2, 3): (32, {1: 2})},
    )
    return LanguageModel("\nab", levels, [{"name": "by hand", "licence": "CC0-1.0", "size": 0}])
