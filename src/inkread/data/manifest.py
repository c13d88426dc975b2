"""The data set contract: a folder with ``manifest.parquet`` and the images that it names.

Usage: ``write_manifest(folder, samples); read_manifest(folder)``

Rows are sorted by ``sample_id`` and written without timestamps, so that the same samples give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.errors import DatasetError
from inkread.files import write_bytes

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
