"""What a transcription keeps, and which samples nobody could learn from.

Usage: ``Cleaner(alphabet)(text)``; ``filter_samples(dataset, dataset.lines(), FilterSettings())``
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from inkread.data.dataset import Dataset, Sample
from inkread.data.protected import REASON, protected_images
from inkread.errors import InputError
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

    @property
    def dropped(self) -> Counter[str]:
        """The counts of what was dropped alone."""
        return Counter({reason: count for reason, count in self.counts.items() if reason.startswith("dropped")})


class FilterSettings(BaseModel):
    """Which samples are usable.

    Attributes:
        kinds: of samples.
        min_characters, max_characters: length of the text. A longer text than the default is not that of one line.
        min_side: pixels of the shorter side of an image of its own; letters are not legible in fewer.
        max_stretch: width over height of such an image; a wider one was cut wrongly or is a ruling.
        min_contrast: grey levels, of 255, between its darkest and lightest 2 %; with less it shows no ink.
        unreadable: marks by which transcribers say that they could not read something; the text is then not all that
            is written.
        excluded: regular expression by source; lines of the source whose text matches are left out, where it is known
            that they say something else than the picture.
        min_character_count: lines in which a character is rarer than this are left out; 1 keeps all. A character seen
            a few times is not learnt.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[str, ...] = ("line", "word")
    min_characters: int = Field(1, ge=1)
    max_characters: int = Field(160, ge=1)
    min_side: int = Field(8, ge=1)
    max_stretch: float = Field(80.0, gt=1)
    min_contrast: int = Field(20, ge=0, le=255)
    unreadable: tuple[str, ...] = ("[...]", "[illegible]", "[unreadable]", "???", "#")
    excluded: dict[str, str] = Field(default_factory=dict)
    min_character_count: int = Field(1, ge=1)


def filter_samples(
    dataset: Dataset, samples: Iterable[Sample], settings: FilterSettings
) -> tuple[list[Sample], Counter[str]]:
    """The usable samples, and how many were left out for which reason; gold pages never count as usable."""
    reasons: Counter[str] = Counter()
    kept = []
    protected = protected_images()
    gold: dict[str, bool] = {}
    for sample in samples:
        if protected and sample.image not in gold:
            path = dataset.folder / sample.image
            gold[sample.image] = path.is_file() and path.read_bytes() in protected
        if gold.get(sample.image):
            reasons[REASON] += 1
            continue
        reason = _text_fault(sample, settings) or _image_fault(dataset, sample, settings)
        if reason:
            reasons[reason] += 1
        else:
            kept.append(sample)
    frequencies = Counter(character for sample in kept for character in sample.text)
    common = [sample for sample in kept if all(frequencies[c] >= settings.min_character_count for c in sample.text)]
    if len(common) < len(kept):
        reasons["a rare character"] = len(kept) - len(common)
    return common, reasons


def _text_fault(sample: Sample, settings: FilterSettings) -> str:
    text = sample.text.strip()
    if sample.kind not in settings.kinds:
        return f"kind {sample.kind}"
    if any(mark in text for mark in settings.unreadable):
        return "unreadable"
    if sample.source in settings.excluded and re.search(settings.excluded[sample.source], text):
        return "excluded"
    if len(text) < settings.min_characters:
        return "too short a text"
    return "too long a text" if len(text) > settings.max_characters else ""


def _image_fault(dataset: Dataset, sample: Sample, settings: FilterSettings) -> str:
    if sample.line is not None:
        return ""
    try:
        return image_fault(dataset.image(sample).grey, settings)
    except InputError:
        return "image damaged"


def image_fault(grey: Grey, settings: FilterSettings) -> str:
    """What is wrong with the image of a line or word, uint8 [height, width]; "" for nothing."""
    height, width = grey.shape
    if min(height, width) < settings.min_side:
        return "image too small"
    if width > settings.max_stretch * height:
        return "image too wide"
    dark, light = np.percentile(grey, [2, 98])
    return "too little contrast" if light - dark < settings.min_contrast else ""
