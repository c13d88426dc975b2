"""A second opinion on digits: the network's frames, read anew by a small network that was taught numbers only.

Usage: ``frames = DigitHead.of(bundle)(log_probs, alphabet)``

The recogniser was taught lines of text, where digits are rare. In its frames a narrow 1 beside another digit is often
a blank, and an unusual 7 a parenthesis. This head sees the frames around each one and corrects the probabilities of
digits and of the marks between them (decision 0077). It fits the weights that it was taught with and no others, so a
bundle with another recogniser is read without it. `recipe.digits` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.bundle import Bundle, file_sha256
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.decoding import LogProbs

Floats = NDArray[np.float32]

CHARACTERS = "0123456789/.,-:"
"""What the head tells apart; everything else is one class."""
FLOOR, SCALE = -14.0, 7.0
"""Log probabilities below the floor are taken for it; they are divided by the scale and moved to -1 to 1."""
PATH = Path(__file__).with_name("digits.npz")


@dataclass(frozen=True, eq=False)
class DigitHead:
    """A projection, two convolutions over the frames with a residual each, and a projection to corrections.

    Attributes:
        weights: by name, float32; convolutions are [taps * width, width].
    """

    weights: dict[str, Floats]

    @classmethod
    def of(cls, bundle: Bundle) -> DigitHead | None:
        """The head for the recogniser of a bundle, None where it was taught with another one."""
        head, fits = _load()
        return head if file_sha256(bundle.recognizer) == fits else None

    def __call__(self, log_probs: LogProbs, alphabet: Alphabet) -> LogProbs:
        """Correct frames.

        Args:
            log_probs: float32 [frames, classes], natural log softmax.
            alphabet: of the recogniser.

        Returns:
            The same, where only digits and marks have changed against the rest.
        """
        known, others = _classes(alphabet)
        frames = np.maximum(log_probs, np.float32(FLOOR))
        x = np.maximum(self._linear(np.asarray(frames / SCALE + 1, np.float32), "in"), 0)
        y = np.maximum(self._convolve(x, "first"), 0)
        corrections = self._linear(x + np.maximum(self._convolve(y, "second"), 0), "out")
        result = log_probs.copy()
        result[:, [BLANK, *known]] = frames[:, [BLANK, *known]] + corrections[:, :-1]
        result[:, others] += corrections[:, -1:]
        return np.asarray(result - np.logaddexp.reduce(result, axis=1, keepdims=True), np.float32)

    def _linear(self, x: Floats, name: str) -> Floats:
        return np.asarray(x @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"], np.float32)

    def _convolve(self, x: Floats, name: str) -> Floats:
        taps = len(self.weights[f"{name}.weight"]) // x.shape[1]
        padded = np.pad(x, ((taps // 2, taps // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, taps, axis=0)
        return self._linear(np.ascontiguousarray(windows.transpose(0, 2, 1)).reshape(len(x), -1), name)


@lru_cache(maxsize=4)
def _classes(alphabet: Alphabet) -> tuple[list[int], list[int]]:
    """The classes of `CHARACTERS` and the others, without the blank."""
    known = alphabet.encode(CHARACTERS)
    return list(known), [label for label in range(1, len(alphabet) + 1) if label not in known]


@lru_cache(maxsize=1)
def _load() -> tuple[DigitHead, str]:
    """The head, and the SHA-256 of the recogniser that it was taught with."""
    with np.load(PATH) as content:
        return DigitHead({name: content[name].astype(np.float32) for name in content if name != "recognizer"}), str(
            content["recognizer"]
        )
