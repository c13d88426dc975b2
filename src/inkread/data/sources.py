"""Readers of foreign sources: PAGE and ALTO folders, tables, the archive of the IAM database.

Usage: ``for record in iam_records(folder, skipped): ...``
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

from lxml import etree

from inkread.data.dataset import SPLITS, Kind, Record, Skipped, Split, document_name
from inkread.errors import DatasetError, LayoutFileError
from inkread.formats.reading import paired, read_layout, without_image


def has_pages(folder: Path) -> bool:
    """Whether an image with a PAGE or ALTO file lies in the folder or in its train, val or test."""
    return any(True for _, place in _places(folder) for _ in paired(place))


def page_records(folder: Path, skipped: Skipped) -> Iterator[Record]:
    """The pages of ``folder`` and of its sub-folders train, val and test, which become their split."""
    for split, place in _places(folder):
        for lonely in without_image(place):
            skipped.add(lonely.name, "transcription without an image")
        for image, layout in paired(place):
            try:
                lines = read_layout(layout).lines
            except LayoutFileError as error:
                skipped.add(layout.name, str(error))
                continue
            text = "\n".join(line.text for line in lines)
            yield Record(image, text, "page", image.stem, document_name(image.stem), split=split, layout=layout)


def _places(folder: Path) -> Iterator[tuple[Split, Path]]:
    yield "", folder
    for split in SPLITS:
        if (folder / split).is_dir():
            yield split, folder / split


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
    for number, row in enumerate(_table_rows(table), start=1):
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


def _table_rows(table: Path) -> Iterator[Mapping[str, str]]:
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


LICENCE = "IAM: free for non-commercial research only"
SPLIT_FILES: tuple[tuple[Split, tuple[str, ...]], ...] = (
    ("train", ("trainset", "train")),
    ("val", ("validationset1", "validationset2", "validation", "valid")),
    ("test", ("testset", "test")),
)
LIST_SUFFIXES = (".txt", ".uttlist")
FIELDS: dict[Kind, int] = {"word": 8, "line": 8}
"""Fields before the text; a word's last one is its grammatical tag, a line's are its box."""
NO_SPACE_BEFORE = re.compile(r" ([,.;:!?)\]])")
NO_SPACE_AFTER = re.compile(r"([(\[]) ")


def is_iam(folder: Path) -> bool:
    """Whether a folder holds IAM's text files."""
    return any((folder / "ascii" / name).is_file() for name in ("words.txt", "lines.txt"))


def iam_records(folder: Path, skipped: Skipped, *, with_errors: bool = False) -> Iterator[Record]:
    """The words and lines of an IAM folder.

    Args:
        folder: holds ``ascii`` and ``words`` or ``lines``.
        skipped: gets what is left out.
        with_errors: take segments marked ``err`` too.

    Raises:
        DatasetError: a text file is no IAM file.
    """
    writers, spaced = _forms(folder)
    splits = _splits(folder)
    kinds: tuple[Kind, ...] = ("word", "line")
    for kind in kinds:
        images, table = folder / f"{kind}s", folder / "ascii" / f"{kind}s.txt"
        if not (table.is_file() and images.is_dir()):
            continue
        for name, segmented, text in _rows(table, kind):
            if not segmented and not with_errors:
                skipped.add(name, "marked err: badly segmented")
                continue
            form = "-".join(name.split("-")[:2])
            yield Record(
                image=images / name[:3] / form / f"{name}.png",
                text=text if kind == "word" else spaced.get(name, join_tokens(text)),
                kind=kind,
                name=name,
                document=form,
                writer=writers.get(form, ""),
                language="en",
                split=splits.get("-".join(name.split("-")[:3]), splits.get(form, "")),
            )


def join_tokens(text: str) -> str:
    """``join_tokens("he|said|,") == "he said,"``: used where ``xml`` does not give the line as it was written."""
    joined = " ".join(text.split("|"))
    return NO_SPACE_AFTER.sub(r"\1", NO_SPACE_BEFORE.sub(r"\1", joined))


def _rows(table: Path, kind: Kind) -> Iterator[tuple[str, bool, str]]:
    for number, line in enumerate(table.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        parts = line.split(" ", FIELDS[kind])
        if len(parts) <= FIELDS[kind] or parts[1] not in ("ok", "err"):
            raise DatasetError(f"{table}: line {number} is no {kind} of IAM: id, ok or err, numbers and the text")
        yield parts[0], parts[1] == "ok", parts[-1].strip()


def _forms(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Writer by form, and the text with its spaces by line."""
    writers, texts = {}, {}
    forms = folder / "ascii" / "forms.txt"
    if forms.is_file():
        for line in forms.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip() and not line.startswith("#"):
                form, writer, *_ = [*line.split(), ""]
                writers[form] = writer
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for path in sorted((folder / "xml").glob("*.xml")):
        try:
            root = etree.parse(path, parser).getroot()
        except (etree.XMLSyntaxError, OSError) as error:
            raise DatasetError(f"{path}: this is no XML file of IAM ({error})") from error
        writers[root.get("id", path.stem)] = root.get("writer-id", "")
        texts.update({line.get("id", ""): line.get("text", "") for line in root.iter("line") if line.get("text")})
    return writers, texts


def _splits(folder: Path) -> dict[str, Split]:
    found: dict[str, Split] = {}
    for split, stems in SPLIT_FILES:
        for path in sorted(folder.rglob("*")):
            if path.suffix in LIST_SUFFIXES and path.stem in stems and path.parent.name != "ascii":
                found.update(dict.fromkeys(path.read_text(encoding="utf-8").split(), split))
    return found
