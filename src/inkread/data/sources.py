"""Readers of foreign sources: pages with PAGE or ALTO, tables, images with .gt.txt, the archive of the IAM database.

Usage: ``for sample in page_samples(folder, skipped): sample.text``

A reader yields samples whose paths are relative to the source. Their ids, documents and writers are as the source
names them; `inkread.data.ingest` makes them unique by putting the name of the source before them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

from lxml import etree

from inkread.data.dataset import SPLITS, Kind, Sample, Skipped, Split, document_name
from inkread.errors import DatasetError, LayoutFileError
from inkread.formats.reading import doubles, paired, read_layout, without_image
from inkread.io.inputs import SUFFIXES as INPUTS

TABLES = (".tsv", ".csv", ".jsonl")
DELIMITERS = "\t,;|"
NEEDED = ("image", "text")
GROUND_TRUTH = ".gt.txt"
IMAGES = sorted(INPUTS - {".pdf"})


def places(folder: Path) -> Iterator[tuple[Split, Path]]:
    """A folder without a split, then its folders train, val and test."""
    yield "", folder
    for split in SPLITS:
        if (folder / split).is_dir():
            yield split, folder / split


def has_pages(folder: Path) -> bool:
    """Whether an image with a PAGE or ALTO file lies in the folder or in its train, val or test."""
    return any(True for _, place in places(folder) for _ in paired(place))


def page_samples(folder: Path, skipped: Skipped, only: str = "") -> Iterator[Sample]:
    """The pages of ``folder`` and of its folders train, val and test, or of one of these only."""
    for split, place in places(folder):
        if only and split != only:
            continue
        for lonely in without_image(place):
            skipped.add(lonely.name, "transcription without an image")
        for image in doubles(place):
            skipped.add(image.name, "another image has the same name")
        for image, layout in paired(place):
            try:
                lines = read_layout(layout).lines
            except LayoutFileError as error:
                skipped.add(layout.name, str(error))
                continue
            if not lines:
                skipped.add(layout.name, "there is no line in it")
                continue
            yield Sample(
                image.stem,
                _inside(image, folder),
                "\n".join(line.text for line in lines),
                "page",
                "",
                document_name(image.stem),
                split=split,
                layout=_inside(layout, folder),
            )


def has_pairs(folder: Path) -> bool:
    """Whether a ``.gt.txt`` file lies in the folder or below it."""
    return any(True for _ in folder.rglob(f"*{GROUND_TRUTH}"))


def pair_samples(folder: Path, skipped: Skipped) -> Iterator[Sample]:
    """Images of lines with a text file ``NAME.gt.txt`` beside them, in the folder and below; a folder is a document."""
    for text in sorted(folder.rglob(f"*{GROUND_TRUTH}")):
        stem = text.name.removesuffix(GROUND_TRUTH)
        found = [path for suffix in IMAGES if (path := text.with_name(stem + suffix)).is_file()]
        inside = text.relative_to(folder)
        split: Split = next((split for split in SPLITS if split == inside.parts[0]), "")
        if not found:
            skipped.add(inside.as_posix(), "transcription without an image")
            continue
        parent = inside.parent.as_posix()
        document = document_name(stem) if parent in (".", split) else parent
        written = text.read_text(encoding="utf-8-sig", errors="replace").strip()
        name = inside.with_name(stem).as_posix()
        yield Sample(name, _inside(found[0], folder), written, "line", "", document, split=split)


def _inside(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def find_tables(folder: Path) -> dict[Path, Split]:
    """The only table of the folder or file, or the only one in each of its folders train, val and test."""
    if folder.is_file():
        return {folder: ""}
    found: dict[Path, Split] = {}
    for split, place in places(folder):
        tables = [path for path in place.iterdir() if path.suffix.lower() in TABLES]
        if len(tables) == 1:
            found[tables[0]] = split
    return found


def table_samples(folder: Path, skipped: Skipped) -> Iterator[Sample]:
    """The rows of the tables of a folder, or of one table; images lie beside it.

    Raises:
        DatasetError: there is no table, or it cannot be read, or lacks a column.
    """
    tables = find_tables(folder)
    if not tables:
        raise DatasetError(f"{folder}: there is no table here, or more than one; name the file")
    root = folder.parent if folder.is_file() else folder
    for table, split in tables.items():
        for number, row in enumerate(_table_rows(table), start=1):
            missing = [name for name in NEEDED if not isinstance(row.get(name), str)]
            if missing:
                raise DatasetError(f"{table}: row {number} has no {missing[0]}; the columns image and text are needed")
            sample = _table_sample(row, table.parent, root, split)
            if sample is None:
                skipped.add(row["image"], "an image outside the folder, or an unknown kind or split")
            else:
                yield sample


def _table_sample(row: Mapping[str, str], folder: Path, root: Path, place: Split) -> Sample | None:
    image = folder / row["image"]
    kind, split = row.get("kind") or "line", row.get("split") or place
    inside = image.resolve().is_relative_to(folder.resolve())
    if not inside or kind not in ("line", "word") or split not in get_args(Split):
        return None
    writer = row.get("writer_id") or row.get("writer") or ""
    return Sample(
        Path(row["image"]).with_suffix("").as_posix(),
        _inside(image, root),
        row["text"],
        cast(Kind, kind),
        "",
        row.get("document_id") or writer or document_name(image.stem),
        writer,
        row.get("language") or "",
        cast(Split, split),
    )


def _table_rows(table: Path) -> Iterator[Mapping[str, str]]:
    suffix = table.suffix.lower()
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            if suffix == ".jsonl":
                yield from (json.loads(line) for line in stream if line.strip())
                return
            header = stream.readline()
            stream.seek(0)
            delimiter = max(DELIMITERS, key=header.count)
            if delimiter == "\t":
                yield from csv.DictReader(stream, delimiter=delimiter, quoting=csv.QUOTE_NONE)
            else:
                yield from csv.DictReader(stream, delimiter=delimiter)
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise DatasetError(f"{table}: the table cannot be read as UTF-8 {suffix[1:]} ({error})") from error


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


def iam_samples(folder: Path, skipped: Skipped, *, with_errors: bool = False) -> Iterator[Sample]:
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
        table = folder / "ascii" / f"{kind}s.txt"
        if not (table.is_file() and (folder / f"{kind}s").is_dir()):
            continue
        for name, segmented, text in _rows(table, kind):
            if not segmented and not with_errors:
                skipped.add(name, "marked err: badly segmented")
                continue
            form = "-".join(name.split("-")[:2])
            yield Sample(
                sample_id=name,
                image=f"{kind}s/{name[:3]}/{form}/{name}.png",
                text=text if kind == "word" else spaced.get(name, join_tokens(text)),
                kind=kind,
                source="",
                document_id=form,
                writer_id=writers.get(form, ""),
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
