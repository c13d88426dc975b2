"""What a reader finds in a source, before it is copied into a data set.

Usage: ``Record(image=path, text="Dear Sir,", kind="line", name="a01-000u-00", document="a01-000u")``
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from inkread.data.manifest import Kind, Split

PAGE_NUMBER = re.compile(r"[_-]f?\d{1,3}$")
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Record:
    """One image of a source with its transcription.

    Attributes:
        image: the file; need not exist or be readable, which is found out later.
        text: as the source has it.
        kind: what the image shows.
        name: unique among the records of its kind in the source.
        document: what must not be split.
        writer: "" where unknown.
        language: "" where the source does not say.
        split: "" where the source has none.
        layout: PAGE or ALTO file of a page.
    """

    image: Path
    text: str
    kind: Kind
    name: str
    document: str
    writer: str = ""
    language: str = ""
    split: Split = ""
    layout: Path | None = None


@dataclass
class Skipped:
    """What was left out, counted by reason, with the names."""

    reasons: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        """Count one more."""
        self.reasons[reason] += 1
        self.names.append(f"{name}: {reason}")


def document_name(stem: str) -> str:
    """``document_name("JDH_2_16_156_002") == "JDH_2_16_156"``: the file name without a page number at its end."""
    return PAGE_NUMBER.sub("", stem)
