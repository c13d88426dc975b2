"""A second opinion on digits: the network's frames, read anew by a small network that was taught numbers only.

Usage: ``frames = DigitHead.of(bundle)(log_probs, alphabet)``

The recogniser was taught lines of text, where digits are rare. In its frames a narrow 1 beside another digit is often
a blank, and an unusual 7 a parenthesis. This head sees the frames around each one and corrects the probabilities of
digits and of the marks between them (decision 0077). It fits the weights that it was taught with and no others, so a
bundle with another recogniser is read without it. `recipe.digits` makes it.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from inkread.bundle import Bundle, file_sha256
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.decoding import LogProbs
from inkread.runtime import open_session

CHARACTERS = "0123456789/.,-:"
"""What the head tells apart; everything else is one class."""
FLOOR = -14.0
"""Log probabilities below it are taken for it."""
PATH = Path(__file__).with_name("digits.onnx")
INPUT, FITS = "frames", "recogniser"
"""Name of the graph's input, and of its property with the SHA-256 of the recogniser that it was taught with."""


class DigitHead:
    """A network from frames to corrections of `CHARACTERS`, the blank and all other classes together."""

    def __init__(self, path: Path = PATH) -> None:
        self._session = open_session(path, threads=1)

    @property
    def fits(self) -> str:
        """SHA-256 of the recogniser that it was taught with."""
        return str(self._session.get().get_modelmeta().custom_metadata_map.get(FITS, ""))

    @classmethod
    def of(cls, bundle: Bundle) -> DigitHead | None:
        """The head for the recogniser of a bundle, None where it was taught with another one."""
        head = _head(PATH)
        return head if file_sha256(bundle.recognizer) == head.fits else None

    def __call__(self, log_probs: LogProbs, alphabet: Alphabet) -> LogProbs:
        """Correct frames.

        Args:
            log_probs: float32 [frames, classes], natural log softmax.
            alphabet: of the recogniser.

        Returns:
            The same, where only digits and marks have changed against the rest.
        """
        known, others = _classes(alphabet)
        frames = np.maximum(log_probs, FLOOR)
        corrections = np.asarray(self._session.get().run(None, {INPUT: frames[None]})[0])[0]
        result = log_probs.copy()
        result[:, [BLANK, *known]] = frames[:, [BLANK, *known]] + corrections[:, :-1]
        result[:, others] += corrections[:, -1:]
        return np.asarray(result - np.logaddexp.reduce(result, axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=4)
def _classes(alphabet: Alphabet) -> tuple[list[int], list[int]]:
    """The classes of `CHARACTERS` and the others, without the blank."""
    known = alphabet.encode(CHARACTERS)
    return list(known), [label for label in range(1, len(alphabet) + 1) if label not in known]


@lru_cache(maxsize=1)
def _head(path: Path) -> DigitHead:
    return DigitHead(path)
