"""A language model small enough to check by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.recognition.language_model import LanguageModel, Level, context_key


def _level(contexts: dict[tuple[int, ...], tuple[int, dict[int, int]]]) -> Level:
    """A level from {context: (backoff byte, {symbol: probability byte})}."""
    ordered = sorted(contexts.items(), key=lambda item: context_key(item[0]))

    def bytes_of(values: list[int]) -> NDArray[np.uint8]:
        return np.array(values, np.uint8)

    return Level(
        keys=np.array([context_key(context) for context, _ in ordered], np.uint32),
        sizes=bytes_of([len(own) for _, (_, own) in ordered]),
        backoffs=bytes_of([backoff for _, (backoff, _) in ordered]),
        symbols=bytes_of([symbol for _, (_, own) in ordered for symbol in own]),
        owns=bytes_of([byte for _, (_, own) in ordered for byte in own.values()]),
    )


@pytest.fixture(scope="session")
def model() -> LanguageModel:
    """Knows the line boundary, a and b; b follows a, and the line ends after ab."""
    levels = [
        _level({(): (40, {1: 20, 2: 10, 3: 14})}),
        _level({(1,): (30, {2: 3}), (2,): (24, {3: 4, 1: 30}), (3,): (16, {1: 6, 2: 20})}),
        _level({(1, 2): (30, {3: 2}), (2, 3): (32, {1: 2})}),
    ]
    return LanguageModel("\nab", levels, [{"name": "by hand", "licence": "CC0-1.0", "size": 0}])
