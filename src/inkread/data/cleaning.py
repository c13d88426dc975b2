"""What a transcription keeps, and which samples nobody could learn from.

Usage: ``Cleaner(alphabet)(text)``; ``filter_rows(dataset, rows, FilterSettings())``
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.dataset import WHOLE, Row
from inkread.errors import InputError
from inkread.io.inputs import load_pages
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import Grey

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


class FilterSettings(BaseModel):
    """What is kept.

    Attributes:
        kinds: of samples.
        min_characters, max_characters: length of the text.
        min_side: pixels of the shorter side of an image of its own.
        max_stretch: width over height of such an image.
        min_contrast: grey levels between its darkest and lightest 2 %.
        unreadable: marks by which transcribers say that they could not read something.
        min_character_count: a character rarer than this in all texts is not learnt, and its lines are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[str, ...] = ("line", "word")
    min_characters: int = Field(1, ge=1)
    max_characters: int = Field(160, ge=1)
    min_side: int = Field(8, ge=1)
    max_stretch: float = Field(80.0, gt=1)
    min_contrast: int = Field(20, ge=0, le=255)
    unreadable: tuple[str, ...] = ("[...]", "[illegible]", "[unreadable]", "???", "#")
    min_character_count: int = Field(1, ge=1)


def filter_rows(folder: Path, rows: Iterable[Row], settings: FilterSettings) -> tuple[list[Row], Counter[str]]:
    """The usable rows, and how many were left out for which reason."""
    reasons: Counter[str] = Counter()
    kept = []
    for row in rows:
        reason = _text_reason(row, settings) or _image_reason(folder, row, settings)
        if reason:
            reasons[reason] += 1
        else:
            kept.append(row)
    frequencies = Counter(character for row in kept for character in row.text)
    common = [row for row in kept if all(frequencies[c] >= settings.min_character_count for c in row.text)]
    if len(common) < len(kept):
        reasons["a rare character"] = len(kept) - len(common)
    return common, reasons


def _text_reason(row: Row, settings: FilterSettings) -> str:
    text = row.text.strip()
    if row.kind not in settings.kinds:
        return f"kind {row.kind}"
    if any(mark in text for mark in settings.unreadable):
        return "unreadable"
    if len(text) < settings.min_characters:
        return "too short a text"
    return "too long a text" if len(text) > settings.max_characters else ""


def _image_reason(folder: Path, row: Row, settings: FilterSettings) -> str:
    if row.line != WHOLE:
        return ""
    try:
        grey = next(iter(load_pages(folder / row.image))).grey
    except InputError:
        return "image damaged"
    return image_fault(grey, settings)


def image_fault(grey: Grey, settings: FilterSettings) -> str:
    """What is wrong with the image of a line or word, uint8 [height, width]; "" for nothing."""
    height, width = grey.shape
    sides: Sequence[int] = (height, width)
    if min(sides) < settings.min_side:
        return "image too small"
    if width > settings.max_stretch * height:
        return "image too wide"
    dark, light = np.percentile(grey, [2, 98])
    return "too little contrast" if light - dark < settings.min_contrast else ""
