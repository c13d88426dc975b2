"""Compare a reading with its transcription: character and word error rate, confusions.

Usage: ``character_errors("tea for two", "tee for two").rate == 1 / 11``
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

NORMALISATION = "NFC, runs of white space folded to one space, case and punctuation kept"
Confusion = tuple[str, str]
_COLUMNS = {"replace": 0, "insert": 1, "delete": 2, "equal": 3}


@dataclass(frozen=True, slots=True)
class Errors:
    """Counts of a minimal edit script that turns the reference into the reading; ``a + b`` adds the counts.

    Attributes:
        substitutions, insertions, deletions: edits; an insertion is read but not written.
        length: characters or words of the reference.
    """

    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0
    length: int = 0

    @property
    def edits(self) -> int:
        """All edits: the Levenshtein distance."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Edits a reference unit, >= 0, above 1 where more is inserted than was written; one unit at least."""
        return self.edits / max(self.length, 1)

    def __add__(self, other: Errors) -> Errors:
        """Add counts, so that the rate of a sum is the micro-average."""
        return Errors(
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
            self.length + other.length,
        )


def normalise(text: str) -> str:
    """``normalise("a\\n b ") == "a b"``: see ``NORMALISATION``."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def character_errors(reference: str, reading: str) -> Errors:
    """Edits between two normalised texts, in code points."""
    return _errors(normalise(reference), normalise(reading))


def word_errors(reference: str, reading: str) -> Errors:
    """Edits between two normalised texts, in words parted by spaces."""
    return _errors(normalise(reference).split(), normalise(reading).split())


def confusions(pairs: Iterable[tuple[str, str]]) -> Counter[Confusion]:
    """Count what was read for what over (reference, reading) pairs.

    Returns:
        Counts of (written, read) characters; "" as written is an insertion, "" as read a deletion.
    """
    counts: Counter[Confusion] = Counter()
    for reference, reading in pairs:
        written, read = normalise(reference), normalise(reading)
        for edit in Levenshtein.editops(written, read):
            character = "" if edit.tag == "insert" else written[edit.src_pos]
            counts[character, "" if edit.tag == "delete" else read[edit.dest_pos]] += 1
    return counts


def right_words(written: Sequence[str], read: Sequence[str]) -> list[bool]:
    """For each word read whether it stands in the transcription where a minimal alignment of the words puts it."""
    right = [False] * len(read)
    for block in Levenshtein.opcodes(read, written):
        if block.tag == "equal":
            right[block.src_start : block.src_end] = [True] * (block.src_end - block.src_start)
    return right


def errors_by_word(reference: str, reading: str) -> list[Errors]:
    """`character_errors` shared out to the words read; none where nothing was read.

    A space belongs to the word before it. What was written and not read is charged to the word in which or beside
    which it is missing.
    """
    written, read = normalise(reference), normalise(reading)
    if not read:
        return []
    owners = np.cumsum([0] + [before == " " for before in read[:-1]])
    counts = np.zeros((owners[-1] + 1, 4), int)
    for block in Levenshtein.opcodes(written, read):
        places = range(block.dest_start, block.dest_end) or [block.dest_start] * (block.src_end - block.src_start)
        for place in places:
            owner = owners[min(place, len(owners) - 1)]
            counts[owner, _COLUMNS[block.tag]] += 1
    return [Errors(wrong, more, less, wrong + less + right) for wrong, more, less, right in counts.tolist()]


def _errors(reference: Sequence[str], reading: Sequence[str]) -> Errors:
    edits = Counter(edit.tag for edit in Levenshtein.editops(reference, reading))
    return Errors(edits["replace"], edits["insert"], edits["delete"], len(reference))
