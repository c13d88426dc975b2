"""Transcriptions as archives write them, made into text that a recogniser can learn.

Usage: ``clean_text("dit  >le< ⎀ Roi") == "dit le Roi"``

Kept as transcribed: case, punctuation, straight and curly quotes, long s, ``¬`` and ``^``. Raised letters become plain
ones. Struck words stay, because they stand on the page and a reader that skips them cannot say so; only the marks
around them go.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from inkread.recognition.alphabet import Alphabet

EDITORIAL = re.compile("[⎀⋎‸⟦⟧\u0336\u033e\u200b\ufeff]")
STRUCK = re.compile(r">([^<>]*)<")
COMBINING_TILDE = "\u0303"


def clean_text(text: str) -> str:
    """NFC text without editorial signs and strike-out marks, runs of white space folded to one space."""
    unmarked = EDITORIAL.sub("", STRUCK.sub(r"\1", text))
    composed = unicodedata.normalize("NFC", unmarked).replace(COMBINING_TILDE, "")
    return " ".join("".join(map(_lowered, composed)).split())


def _lowered(character: str) -> str:
    """The plain letter for a raised one such as ``ʳ``."""
    raised = unicodedata.category(character) == "Lm" and unicodedata.decomposition(character).startswith("<super>")
    return unicodedata.normalize("NFKC", character) if raised else character


@dataclass
class Cleaner:
    """Cleans texts for one alphabet and counts what it changed and dropped.

    Usage: ``cleaner = Cleaner(alphabet); text = cleaner("…")``; None means that the line cannot be used.
    """

    alphabet: Alphabet
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, text: str) -> str | None:
        """Return the cleaned text, or None for an empty one and one with characters outside the alphabet."""
        cleaned = clean_text(text)
        if not cleaned:
            self.counts["dropped: empty"] += 1
            return None
        if self.alphabet.unknown(cleaned):
            self.counts["dropped: characters outside the alphabet"] += 1
            return None
        self.counts["struck-out words kept"] += len(STRUCK.findall(text))
        self.counts["kept"] += 1
        return cleaned
