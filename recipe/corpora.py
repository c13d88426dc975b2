"""Texts of known licence that the character language model learns from.

Usage: ``corpora = [*all_transcriptions(Path("data")), *all_texts(Path("texts"))]``

A folder of texts holds files ``LANGUAGE-KIND-NAME.txt.xz`` (UTF-8, a paragraph a line) and ``SOURCES.tsv`` with the
columns file, source, kind and licence.
"""

from __future__ import annotations

import csv
import hashlib
import lzma
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as pq

from inkread.data.cleaning import clean_text
from inkread.data.dataset import MANIFEST, Dataset
from inkread.data.ingest import open_dataset
from inkread.errors import DatasetError

LINE_LENGTH = 55
"""Prose is broken into lines about as long as handwritten ones."""
TRANSCRIPTION_WEIGHT = 12.0
"""Between 8 and 16 the val texts differ by 0.02 bits a character; more suits known sources and harms unseen ones."""
KIND_WEIGHTS = {
    "letters": 1.0,
    "diary": 1.0,
    "prose": 0.5,
    "speech": 0.5,
    "modern": 0.5,
    "email": 0.5,
    "medical": 0.25,
    "recipes": 0.25,
    "legal": 0.25,
    "forms": 0.25,
}
"""Half or twice the weight of prose or of modern texts changes the val texts by 0.01 bits a character."""
UNEDITED = ("en-diary-lewisclark", "en-diary-cook", "en-diary-fithian", "en-diary-reader")
UNEDITED_WEIGHT = 2.0
"""Weight of texts whose editions keep the spelling of the writer."""
SOURCES, STROKES = "SOURCES.tsv", "train.parquet"
PRINTED = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "—": "-", "–": "-", "…": "..."})
"""Printers' signs, as transcriptions of handwriting have them."""
CC_BY = "CC-BY-4.0"
LICENCES = {
    "berlioz-fr": CC_BY,
    "copiste-fr": CC_BY,
    "delacroix-fr": CC_BY,
    "fondue18-fr": CC_BY,
    "hooker-en": "CC-BY-SA-4.0",
    "mariages-fr": CC_BY,
    "mss17-fr": CC_BY,
    "mss18-fr": CC_BY,
    "mss18-more": CC_BY,
    "mss19-fr": CC_BY,
    "mss20-fr": CC_BY,
    "names-fr": "CC0-1.0",
    "peraire-fr": CC_BY,
    "repertoires-fr": CC_BY,
    "repertoires-more": CC_BY,
    "romance": CC_BY,
    "romance-more": CC_BY,
    "stanford-en": CC_BY,
    "strassen-de": CC_BY,
    "tables-fr": CC_BY,
    "testaments-fr": CC_BY,
    "timeus-fr": CC_BY,
    "unipen-en": CC_BY,
    "zola-fr": CC_BY,
}
"""Licence of the transcriptions, by folder."""
LANGUAGES = {"mss18-more": "fr", "repertoires-more": "fr", "romance": "", "romance-more": ""}
"""Of transcriptions, where the name of the folder does not end in it."""
LEFT_OUT = ("csafe-en",)
"""Two short texts that every writer copies."""


@dataclass(frozen=True)
class Source:
    """Where a text comes from, as the language model's header records it."""

    name: str
    version: str
    licence: str
    sha256: str
    size: int

    def record(self) -> dict[str, str | int]:
        """The source as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Corpus:
    """Lines of clean text.

    Attributes:
        source: where they come from.
        lines: the texts.
        weight: how much each of them counts.
        language: ISO 639-1, "" for a mixture.
    """

    source: Source
    lines: tuple[str, ...]
    weight: float
    language: str = ""


def all_transcriptions(folder: Path) -> list[Corpus]:
    """The `transcriptions` of each source in a folder that has a ``train`` split, but for ``LEFT_OUT``.

    Raises:
        DatasetError: there is none, or one of unknown licence.
    """
    sources = [path for path in sorted(folder.glob("*")) if path.name not in LEFT_OUT]
    found = [path for path in sources if (path / STROKES).is_file() or _has_train(path)]
    if not found:
        raise DatasetError(f"{folder}: no source with a train split is here")
    return [transcriptions(path) for path in found]


def _has_train(folder: Path) -> bool:
    if (folder / MANIFEST).is_file():
        return any(sample.split == "train" for sample in Dataset.open(folder).samples)
    return (folder / "train").is_dir()


def transcriptions(folder: Path) -> Corpus:
    """The texts of the ``train`` split of a dataset, or of a folder with pen strokes in Parquet.

    Raises:
        DatasetError: the folder holds no transcription, or its licence is not known.
        LayoutFileError: a page file cannot be read.
    """
    licence = LICENCES.get(folder.name)
    if licence is None:
        raise DatasetError(f"{folder}: the licence of these transcriptions is not known; add the folder to LICENCES")
    strokes = folder / STROKES
    if strokes.is_file():
        columns = pq.read_table(strokes, columns=["kind", "text"]).to_pydict()
        texts = [text for kind, text in zip(columns["kind"], columns["text"], strict=True) if kind == "text"]
    else:
        texts = [line.text for line in open_dataset(folder, split="train").lines()]
    lines = tuple(filter(None, map(clean_text, texts)))
    if not lines:
        raise DatasetError(f"{folder}: no transcribed lines")
    content = "\n".join(lines).encode()
    source = Source(f"{folder.name} train", "", licence, hashlib.sha256(content).hexdigest(), len(content))
    return Corpus(source, lines, TRANSCRIPTION_WEIGHT, LANGUAGES.get(folder.name, folder.name.rpartition("-")[2]))


def all_texts(folder: Path) -> list[Corpus]:
    """The texts that ``SOURCES.tsv`` of a folder names, broken into lines.

    Raises:
        DatasetError: the table or a text is missing or damaged, or a kind has no weight.
    """
    try:
        return [_text(folder, row) for row in _rows(folder / SOURCES)]
    except (OSError, KeyError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder}: the texts that {SOURCES} names cannot be read ({error})") from None


def _text(folder: Path, row: dict[str, str]) -> Corpus:
    name = row["file"].removesuffix(".txt")
    weight = UNEDITED_WEIGHT if name in UNEDITED else KIND_WEIGHTS[row["kind"]]
    content = (folder / f"{name}.txt.xz").read_bytes()
    paragraphs = lzma.decompress(content).decode().splitlines()
    lines = tuple(line for text in paragraphs for line in _wrap(clean_text(text.translate(PRINTED))))
    source = Source(f"{name} ({row['source']})", "", row["licence"], hashlib.sha256(content).hexdigest(), len(content))
    return Corpus(source, lines, weight, name.partition("-")[0])


def _rows(table: Path) -> Iterator[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)


def _wrap(text: str) -> Iterator[str]:
    words = text.split(" ")
    line = ""
    for word in words:
        if line and len(line) + len(word) >= LINE_LENGTH:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    if line:
        yield line
