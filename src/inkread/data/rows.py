"""Lines and words on their way through the pipeline: what a manifest holds, with pages taken apart into lines.

Usage: ``rows = expand(folder, read_manifest(folder)); write_rows(path, rows)``
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from inkread.data.manifest import Sample, layout_of
from inkread.errors import DatasetError
from inkread.files import write_bytes
from inkread.formats.layout_files import read_layout

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
SCHEMA = pa.schema([(field.name, TYPES.get(field.name, pa.string())) for field in fields(Row)])


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
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows], SCHEMA), buffer, compression="zstd")
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
