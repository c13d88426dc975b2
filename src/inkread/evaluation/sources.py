"""What is measured: the transcribed pages and line images of datasets, by source.

Usage: ``for source in open_sources(Path("letters"), split="val"): source.pages``
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from inkread.data.dataset import Dataset, Sample
from inkread.data.ingest import open_dataset
from inkread.evaluation.text import normalise

DOCUMENT_RULE = "as the dataset says; of a folder of pages the file name without a page number (_2, -02, _003, _f25)"

CENTURY = re.compile(r"(?<!\d)(1[4-9]|20)\d\d(?!\d)|mss(1[5-9]|20)(?!\d)|(?<!\d)(1[5-9]|20)(?:th|e)\b")


def century(text: str) -> str:
    """``century("letters-1871") == "19th century"``: from a year or ``mss18`` in a name; "" where there is none."""
    match = CENTURY.search(text)
    if match is None:
        return ""
    year, *numbers = match.groups()
    number = int(year) + 1 if year else int(next(n for n in numbers if n))
    return f"{number}{'st' if number == 21 else 'th'} century"


@dataclass(frozen=True, slots=True)
class PageFile:
    """An image, its transcription, and the document, source and writer that both belong to; "" where unknown."""

    image: Path
    layout: Path
    document: str
    source: str = ""
    writer: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """What is reported together.

    Attributes:
        name: of the source in the dataset.
        split: "" where there are no splits.
        pages: with transcribed lines.
        samples: lines and words with text, of ``dataset``.
        dataset: where the samples are from.
        left_out: what is not measured, each with its reason.
    """

    name: str
    split: str
    pages: tuple[PageFile, ...]
    samples: tuple[Sample, ...] = ()
    dataset: Dataset | None = None
    left_out: tuple[str, ...] = ()


def open_sources(path: Path, *, split: str = "", limit: int | None = None) -> list[Source]:
    """The sources in a dataset, or in what `inkread.data.ingest.open_dataset` reads as one, in order of name.

    Args:
        path: dataset, folder of a source, or table.
        split: which split, where there are splits.
        limit: take the first so many pages, and so many lines and words, of each source.

    Raises:
        DatasetError: there is nothing usable, or no such split.
    """
    dataset = open_dataset(path, split=split)
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in dataset.samples:
        groups[sample.source].append(sample)
    left_out = tuple(f"{path}: left out, {name}" for name in dataset.skipped.names)
    sources = []
    for name, samples in sorted(groups.items()):
        pages = tuple(
            PageFile(
                dataset.folder / sample.image,
                dataset.folder / sample.layout,
                sample.document_id,
                sample.source,
                sample.writer_id,
            )
            for sample in samples
            if sample.kind == "page"
        )
        lines = tuple(sample for sample in samples if sample.kind != "page" and normalise(sample.text))
        sources.append(Source(name, samples[0].split, pages[:limit], lines[:limit], dataset, left_out))
        left_out = ()
    return sources
