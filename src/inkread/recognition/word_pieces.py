"""Words cut into pieces, the symbols of the neural language model.

Usage: ``WordPieces.of(" d\\near\\n ...").encode("my dear Sir")``

Every word is cut from its start, each time at the longest piece that fits. Words carry the space before them, also the
first one of a line, so that a word has the same pieces wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

LINE_END, UNKNOWN = 0, 1
"""Numbers of the end of a line and of a character without a piece."""
_SPECIAL = ("\n", "\ufffd")
KEPT_WORDS = 100_000


class WordPieces:
    """A vocabulary.

    Args:
        pieces: without the two special ones, which get the first numbers.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = (*_SPECIAL, *pieces)
        self._numbers = {piece: number for number, piece in enumerate(self._pieces)}
        self._longest = max(map(len, self._pieces))
        self._known: dict[str, tuple[int, ...]] = {}

    @classmethod
    def of(cls, listed: str) -> WordPieces:
        """As ``str`` of a vocabulary gives them, a piece a line."""
        return cls(listed.split("\n"))

    def __str__(self) -> str:
        return "\n".join(self._pieces[len(_SPECIAL) :])

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, line: str) -> list[int]:
        """The numbers of a line's pieces, without its end; runs of white space are one space."""
        return [number for word in line.split() for number in self._cut(" " + word)]

    def _cut(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= KEPT_WORDS:
                self._known = {}
            known = self._known[word] = tuple(self._cuts(word))
        return known

    def _cuts(self, word: str) -> list[int]:
        numbers, start = [], 0
        while start < len(word):
            ends = range(min(len(word), start + self._longest), start, -1)
            stop = next((end for end in ends if word[start:end] in self._numbers), start + 1)
            numbers.append(self._numbers.get(word[start:stop], UNKNOWN))
            start = stop
        return numbers
