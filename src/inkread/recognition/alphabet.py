"""The characters a recogniser can write, and their class numbers.

Usage: ``alphabet = Alphabet("abc"); alphabet.encode("cab") == [3, 1, 2]``

Class 0 is the CTC blank, class ``i`` the ``i``-th character, counted from 1.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

BLANK = 0

LATIN = (
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    "£§°±·×½¼¾«»¬¥€–—‘’“”…†"
    "ÀÁÂÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖØÙÚÛÜŒßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿœẽſ⁊"
)
"""The alphabet of the bundled model: ASCII, and what Western European Latin script adds to it."""


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of single NFC code points.

    Raises:
        ValueError: where a character is not NFC or stands twice.
    """

    characters: str
    _classes: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        classes = {character: index for index, character in enumerate(self.characters, start=1)}
        if len(classes) != len(self.characters):
            raise ValueError("a character stands twice in the alphabet")
        if unicodedata.normalize("NFC", self.characters) != self.characters:
            raise ValueError("the alphabet holds characters that are not NFC")
        object.__setattr__(self, "_classes", classes)

    def __len__(self) -> int:
        """Number of characters; the network has one class more, the blank."""
        return len(self.characters)

    def __contains__(self, character: object) -> bool:
        return character in self._classes

    def encode(self, text: str) -> list[int]:
        """Class numbers of NFC ``text``.

        Raises:
            KeyError: for a character outside the alphabet; see ``unknown``.
        """
        return [self._classes[character] for character in unicodedata.normalize("NFC", text)]

    def decode(self, classes: Iterable[int]) -> str:
        """Text of class numbers; blanks are left out."""
        return "".join(self.characters[index - 1] for index in classes if index != BLANK)

    def unknown(self, text: str) -> set[str]:
        """The characters of NFC ``text`` that are not in the alphabet."""
        return set(unicodedata.normalize("NFC", text)) - self._classes.keys()
