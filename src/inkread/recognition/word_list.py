"""Words that are likelier in some documents: names, places, terms.

Usage: ``WordList.of(["Quelimane", "Zambesi"])``; ``WordList.load("names.txt")``
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from inkread.errors import DamagedInputError, InputNotFoundError, InputTooLargeError

MOST_WORDS = 50_000
MOST_CHARACTERS = 60
MOST_BYTES = 4_000_000
ROOT = 0
BREAK = "\n"


class WordList:
    """A trie of words, each as probable as any other; made by `of` and `load`.

    Compares by identity, so that a search keeps what it has computed for a list.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self._children: list[dict[str, int]] = [{}]
        self._counts = [0]
        self._ends = [0]
        for word in self.words:
            node = ROOT
            self._counts[node] += 1
            for character in word:
                child = self._children[node].setdefault(character, len(self._counts))
                if child == len(self._counts):
                    self._children.append({})
                    self._counts.append(0)
                    self._ends.append(0)
                node = child
                self._counts[node] += 1
            self._ends[node] += 1

    @property
    def digest(self) -> str:
        """For provenance: how many words, and a hash of them."""
        return f"{len(self)} {hashlib.sha256(BREAK.join(self.words).encode()).hexdigest()[:12]}"

    def __len__(self) -> int:
        return len(self.words)

    def __reduce__(self) -> tuple[type[WordList], tuple[tuple[str, ...]]]:
        return WordList, (self.words,)

    @classmethod
    def of(cls, words: Iterable[str], name: str = "the list of words") -> WordList:
        """Words or phrases; spaces are folded, and doubles and empty ones left out.

        Raises:
            InputTooLargeError: more than 50,000 words, or a word of more than 60 characters.
        """
        clean = sorted({" ".join(unicodedata.normalize("NFC", word).split()) for word in words} - {""})
        if len(clean) > MOST_WORDS:
            raise InputTooLargeError(f"{name} has {len(clean)} words, at most {MOST_WORDS} can be used")
        for word in clean:
            if len(word) > MOST_CHARACTERS:
                raise InputTooLargeError(
                    f"{name} has an entry of {len(word)} characters, at most {MOST_CHARACTERS} are a word: {word[:30]}…"
                )
        return cls(clean)

    @classmethod
    def load(cls, path: str | Path) -> WordList:
        """A UTF-8 file with a word or phrase on each line.

        Raises:
            InputNotFoundError: the file is missing, cannot be read or has no words.
            DamagedInputError: it is not UTF-8.
            InputTooLargeError: it has too many or too long words.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise InputNotFoundError(f"{path}: the list of words cannot be read ({error.strerror})") from error
        if len(content) > MOST_BYTES:
            raise InputTooLargeError(f"{path} has {len(content)} bytes, a list of words at most {MOST_BYTES}")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DamagedInputError(f"{path} is not UTF-8 text; save it as UTF-8, with one word a line") from error
        words = cls.of(text.splitlines(), str(path))
        if not words:
            raise InputNotFoundError(f"{path} has no words; write one word a line")
        return words

    def child(self, node: int, character: str) -> int:
        """The node after one more character, -1 for none."""
        return self._children[node].get(character, -1)

    def probability(self, node: int, character: str) -> float:
        """Of a character to come next within a word; 0.0 for none."""
        child = self._children[node].get(character)
        return self._counts[child] / self._counts[node] if child is not None else 0.0

    def end_probability(self, node: int) -> float:
        """Of a word to end here."""
        return self._ends[node] / self._counts[node]
