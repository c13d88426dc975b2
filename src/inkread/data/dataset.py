"""The dataset contract: a folder with ``manifest.parquet`` and the images that it names.

Usage: ``write_manifest(folder, samples); read_manifest(folder)``

Rows are sorted by ``sample_id`` and written without timestamps, so that the same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.errors import DatasetError
from inkread.formats.reading import read_layout
from inkread.io.files import write_bytes

MANIFEST = "manifest.parquet"
Kind = Literal["line", "word", "page"]
Split = Literal["train", "val", "test", ""]


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with its transcription.

    Attributes:
        sample_id: unique in the data set.
        image: path inside the data set folder, with forward slashes.
        text: transcription as the source gives it; a page's lines are joined by newlines.
        kind: what the image shows.
        source: data set that it comes from.
        document_id: letter, register or form it belongs to; no document may stand in two splits.
        writer_id: "" where unknown.
        language: ISO 639-1, "" where unknown.
        split: "" where not yet split.
        licence: SPDX name or the words of the source.
        sha256: of the image file.
    """

    sample_id: str
    image: str
    text: str
    kind: Kind
    source: str
    document_id: str
    writer_id: str = ""
    language: str = ""
    split: Split = ""
    licence: str = ""
    sha256: str = ""


def layout_of(sample: Sample) -> str:
    """Path inside the data set of the PAGE or ALTO file that belongs to a page."""
    return str(PurePosixPath(sample.image).with_suffix(".xml"))


SCHEMA = pa.schema([(field.name, pa.string()) for field in fields(Sample)])


def write_manifest(folder: Path, samples: Iterable[Sample]) -> Path:
    """Write the manifest of a data set folder and return its path.

    Raises:
        DatasetError: two samples share an id.
        OutputError: the file cannot be written.
    """
    rows = sorted(samples, key=lambda sample: sample.sample_id)
    for first, second in zip(rows, rows[1:], strict=False):
        if first.sample_id == second.sample_id:
            raise DatasetError(f"{folder}: two samples are called {first.sample_id}, give each its own name")
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], SCHEMA), buffer, compression="zstd")
    write_bytes(folder / MANIFEST, buffer.getvalue())
    return folder / MANIFEST


def read_manifest(folder: Path) -> list[Sample]:
    """The samples of a data set folder, sorted by id.

    Raises:
        DatasetError: the folder holds no manifest, or one with other columns or values.
    """
    path = folder / MANIFEST
    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: no manifest can be read here, make one with inkread ingest") from error
    try:
        samples = [Sample(**row) for row in rows]
    except TypeError as error:
        raise DatasetError(f"{path}: the columns must be {', '.join(SCHEMA.names)}") from error
    for sample in samples:
        if sample.kind not in get_args(Kind) or sample.split not in get_args(Split):
            raise DatasetError(f"{path}: {sample.sample_id} has kind {sample.kind!r} and split {sample.split!r}")
    return samples


def content_hash(folder: Path) -> str:
    """SHA-256 of the manifest, which names the hash of each image: changes when a text or an image does."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


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


WHOLE = -1


@dataclass(frozen=True, slots=True)
class Row:
    """A line or word.

    Attributes:
        row_id: that of the sample, for a line of a page with ``#`` and its number.
        image: path inside the data set.
        line: which line of the page's layout file; ``WHOLE`` where the image is the line.
        text, kind, source, document_id, writer_id, split: as in the manifest.
        labels: classes of the characters, once encoded.
    """

    row_id: str
    image: str
    line: int
    text: str
    kind: str
    source: str
    document_id: str
    writer_id: str
    split: str
    labels: tuple[int, ...] = ()


TYPES = {"line": pa.int32(), "labels": pa.list_(pa.int32())}
ROW_SCHEMA = pa.schema([(field.name, TYPES.get(field.name, pa.string())) for field in fields(Row)])


def expand(folder: Path, samples: Iterable[Sample]) -> list[Row]:
    """One row a word or line; the lines of a page come from the PAGE or ALTO file beside its image.

    Raises:
        LayoutFileError: a layout file cannot be read.
    """
    rows: list[Row] = []
    for sample in samples:
        if sample.kind == "page":
            lines = read_layout(folder / layout_of(sample)).lines
            rows += [_row(sample, number, line.text) for number, line in enumerate(lines)]
        else:
            rows.append(_row(sample, WHOLE, sample.text))
    return rows


def _row(sample: Sample, line: int, text: str) -> Row:
    name = sample.sample_id if line == WHOLE else f"{sample.sample_id}#{line:04}"
    kind = "line" if sample.kind == "page" else sample.kind
    owner = (sample.source, sample.document_id, sample.writer_id, sample.split)
    return Row(name, sample.image, line, text, kind, *owner)


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as parquet, the same bytes for the same rows."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], ROW_SCHEMA), buffer, compression="zstd")
    write_bytes(path, buffer.getvalue())
    return path


def read_rows(path: Path) -> list[Row]:
    """Read what `write_rows` wrote.

    Raises:
        DatasetError: the file is missing or something else.
    """
    try:
        rows = pq.read_table(path).to_pylist()
        return [Row(**{**row, "labels": tuple(row["labels"])}) for row in rows]
    except (OSError, TypeError, KeyError, pa.ArrowException) as error:
        raise DatasetError(f"{path}: no rows of the pipeline here, run the stage before") from error
