"""Readers of foreign sources: pages with PAGE or ALTO, tables, images with .gt.txt, the archive of the IAM database.

Usage: ``for sample in page_samples(folder, skipped): sample.text``

A reader yields samples whose paths are relative to the source. Their ids, documents and writers are as the source
names them; `inkread.data.ingest` makes them unique by putting the name of the source before them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast, get_args

from lxml import etree

from inkread.data.dataset import SPLITS, Kind, Sample, Skipped, Split, Style, document_name
from inkread.document import Line
from inkread.errors import DatasetError, InputError, LayoutFileError
from inkread.formats.pairing import OF_MACOS, find_pairs
from inkread.formats.reading import placements, read_layout
from inkread.io.inputs import SUFFIXES as INPUTS
from inkread.io.inputs import page_shape

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
    """Whether an image with a PAGE or ALTO file lies in the folder or below it."""
    return bool(find_pairs(folder).pages)


# Folders that hold the images of a document, not a document of their own.
IMAGE_FOLDER = re.compile(r"ocr-d-img.*|(default|images?|img|max|pages?|scans?)$", re.IGNORECASE)


def page_samples(folder: Path, skipped: Skipped, only: str = "") -> Iterator[Sample]:
    """The pages of ``folder`` and below, of its folders train, val and test as these splits, or of one of these only.

    A page belongs to the document that its folder is, or that its name begins with where it has no folder.
    """
    pairs = find_pairs(folder)
    for path, reason in pairs.left_out:
        if not only or _split_of(path.relative_to(folder)) == only:
            skipped.add(path.name, reason)
    names = set()
    for image, layout in pairs.pages:
        inside = image.relative_to(folder)
        split = _split_of(inside)
        if only and split != only:
            continue
        try:
            lines, reasons = _transcribed(image, layout)
        except (InputError, LayoutFileError) as error:
            skipped.add(layout.name, str(error).removeprefix(f"{layout}: "))
            continue
        for reason in reasons:
            skipped.add(layout.name, reason.removeprefix(f"{layout.name}: "))
        if not lines:
            if not reasons:
                skipped.add(layout.name, "there is no line in it")
            continue
        below = inside.relative_to(split) if split else inside
        name = below.with_suffix("").as_posix()
        if (split, name) in names:
            name = below.as_posix()
        names.add((split, name))
        yield Sample(
            name,
            _inside(image, folder),
            "\n".join(line.text for line in lines),
            "page",
            "",
            _document_of(below),
            split=split,
            layout=_inside(layout, folder),
        )


def _transcribed(image: Path, layout: Path) -> tuple[Sequence[Line], list[str]]:
    """The lines of a page, and the reasons why others cannot be used; LayoutFileError where it has another shape."""
    reasons: list[str] = []
    size, stored = page_shape(image)
    page = read_layout(layout, on_skip=reasons.append, image_size=lambda: size)
    if page.lines:
        placements(page, size, stored, str(layout))
    return page.lines, reasons


def _split_of(inside: Path) -> Split:
    return next((split for split in SPLITS if len(inside.parts) > 1 and split == inside.parts[0]), "")


def _document_of(inside: Path) -> str:
    parts = list(inside.parent.parts)
    while parts and IMAGE_FOLDER.match(parts[-1]):
        parts.pop()
    return "/".join(parts) or document_name(inside.stem)


def has_pairs(folder: Path) -> bool:
    """Whether a ``.gt.txt`` file lies in the folder or below it."""
    return any(True for _ in _ground_truths(folder))


def _ground_truths(folder: Path) -> Iterator[Path]:
    for text in sorted(folder.rglob(f"*{GROUND_TRUTH}")):
        inside = text.relative_to(folder).parts
        if OF_MACOS not in inside and not any(part.startswith(".") for part in inside):
            yield text


def pair_samples(folder: Path, skipped: Skipped) -> Iterator[Sample]:
    """Images of lines with a text file ``NAME.gt.txt`` beside them, in the folder and below; a folder is a document."""
    for text in _ground_truths(folder):
        stem = text.name.removesuffix(GROUND_TRUTH)
        found = [path for suffix in IMAGES if (path := text.with_name(stem + suffix)).is_file()]
        inside = text.relative_to(folder)
        split = _split_of(inside)
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
        tables = [path for path in place.iterdir() if path.suffix.lower() in TABLES and not path.name.startswith(".")]
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
                skipped.add(row["image"], "an image outside the folder, or an unknown kind, split or style")
            else:
                yield sample


def _table_sample(row: Mapping[str, str], folder: Path, root: Path, place: Split) -> Sample | None:
    if "\0" in row["image"]:
        return None
    image = folder / row["image"]
    kind, split, style = row.get("kind") or "line", row.get("split") or place, row.get("style") or ""
    inside = image.resolve().is_relative_to(folder.resolve())
    known = kind in ("line", "word") and split in get_args(Split) and style in get_args(Style)
    if not inside or not known:
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
        style=cast(Style, style),
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
