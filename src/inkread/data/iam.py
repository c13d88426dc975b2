"""The IAM handwriting database as it is distributed.

Usage: ``records = list(iam_records(Path("iam"), skipped))``

Layout and fields: Marti and Bunke, "The IAM-database: an English sentence database for offline handwriting
recognition", IJDAR 2002. ``words/a01/a01-000u/a01-000u-00-00.png`` is a word, ``lines/…/a01-000u-00.png`` a line;
``ascii/words.txt`` and ``ascii/lines.txt`` hold their texts and whether they were segmented well (``ok`` or ``err``),
``ascii/forms.txt`` and ``xml/`` name the writers. A list of ids in ``trainset.txt``, ``validationset1.txt``,
``validationset2.txt`` or ``testset.txt`` (or ``*.uttlist``) anywhere in the folder gives the official split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from inkread.data.manifest import Kind, Split
from inkread.data.records import Record, Skipped
from inkread.errors import DatasetError

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
