"""A folder of images with a table: TSV, CSV or JSON lines.

Usage: ``records = list(table_records(Path("lines/lines.tsv"), skipped))``

Columns ``image`` and ``text`` must be there; ``kind``, ``document_id``, ``writer_id``, ``language`` and ``split`` may.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

from inkread.data.manifest import Kind, Split
from inkread.data.records import Record, Skipped, document_name
from inkread.errors import DatasetError

SUFFIXES = (".tsv", ".csv", ".jsonl")
NEEDED = ("image", "text")


def find_table(folder: Path) -> Path | None:
    """The only table in a folder; None where there is none or more than one."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    return found[0] if len(found) == 1 else None


def table_records(table: Path, skipped: Skipped) -> Iterator[Record]:
    """The rows of a table; images lie beside it.

    Raises:
        DatasetError: the table cannot be read, or lacks a column.
    """
    for number, row in enumerate(_rows(table), start=1):
        missing = [name for name in NEEDED if not isinstance(row.get(name), str)]
        if missing:
            raise DatasetError(f"{table}: row {number} has no {missing[0]}; the columns image and text are needed")
        record = _record(row, table.parent)
        if record is None:
            skipped.add(row["image"], "an image outside the folder, or an unknown kind or split")
        else:
            yield record


def _record(row: Mapping[str, str], folder: Path) -> Record | None:
    image = folder / row["image"]
    kind, split = row.get("kind") or "line", row.get("split") or ""
    inside = image.resolve().is_relative_to(folder.resolve())
    if not inside or kind not in get_args(Kind) or split not in get_args(Split):
        return None
    writer = row.get("writer_id") or ""
    return Record(
        image,
        row["text"],
        cast(Kind, kind),
        str(Path(row["image"]).with_suffix("")),
        row.get("document_id") or writer or document_name(image.stem),
        writer,
        row.get("language") or "",
        cast(Split, split),
    )


def _rows(table: Path) -> Iterator[Mapping[str, str]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            if table.suffix.lower() == ".jsonl":
                yield from (json.loads(line) for line in stream if line.strip())
            elif table.suffix.lower() == ".tsv":
                yield from csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                yield from csv.DictReader(stream)
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise DatasetError(f"{table}: the table cannot be read as UTF-8 {table.suffix[1:]} ({error})") from error
