"""The lines of a data set, cut for training and for measuring.

Usage: ``cut = cut_dataset(Path("dataset"), Path("work/lines"), Alphabet(LATIN))``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from inkread.data.cleaning import Cleaner
from inkread.data.filtering import FilterSettings, filter_rows
from inkread.data.manifest import read_manifest
from inkread.data.rows import WHOLE, Row, expand
from inkread.data.splitting import SplitSettings, split_rows
from inkread.errors import DatasetError
from inkread.formats.layout_files import read_layout
from inkread.imaging.load import load_pages
from inkread.imaging.strip import Grey
from inkread.recognition.alphabet import Alphabet
from inkread.training.lines import CutLine, cut_lines, exact_part, whole_with_context, write_store

VAL_SHARE = 0.2
EVERY = round(1 / VAL_SHARE)
LEAST_TRAIN, LEAST_VAL = 10, 3


@dataclass(frozen=True, slots=True)
class DatasetCut:
    """What was made of a data set.

    Attributes:
        train, val: lines in the stores of these names.
        dropped: lines left out, by reason.
        same_documents: train and val share a document, because there is one only; figures on val are then too good.
    """

    train: int
    val: int
    dropped: dict[str, int]
    same_documents: bool


def cut_dataset(dataset: Path, store: Path, alphabet: Alphabet) -> DatasetCut:
    """Cut the lines and words of a data set into ``store/train`` (with context) and ``store/val`` (exact).

    The data set's own splits are kept, test stays untouched. Without a val split, a fifth of the documents is it; where
    all is one document, every fifth line.

    Raises:
        DatasetError: there is no data set, or too little in it.
    """
    kept, reasons = filter_rows(dataset, expand(dataset, read_manifest(dataset)), FilterSettings())
    cleaner = Cleaner(alphabet)
    rows = [replace(row, text=text) for row in kept if (text := cleaner(row.text)) is not None]
    dropped = reasons + cleaner.counts
    train, val, same = _train_and_val(rows)
    if len(train) < LEAST_TRAIN or len(val) < LEAST_VAL:
        raise DatasetError(
            f"{dataset}: {len(train)} lines to learn from and {len(val)} to check with are too few, "
            f"transcribe at least {LEAST_TRAIN} and {LEAST_VAL}"
        )
    write_store(store / "train", row_strips(dataset, train))
    write_store(store / "val", (replace(cut, image=exact_part(cut.image)) for cut in row_strips(dataset, val)))
    why = {name: count for name, count in sorted(dropped.items()) if not name.startswith(("kept", "struck"))}
    return DatasetCut(len(train), len(val), why, same)


def row_strips(dataset: Path, rows: Iterable[Row]) -> Iterator[CutLine]:
    """The strip with context, uint8 [65, width], of each row; rows of one image stand one after the other."""
    for image, group in groupby(rows, key=lambda row: row.image):
        grey = next(iter(load_pages(dataset / image))).grey
        lines = list(group)
        if lines[0].line == WHOLE:
            yield named(lines[0], whole_with_context(grey))
            continue
        wanted = {row.line: row for row in lines}
        layout = read_layout((dataset / image).with_suffix(".xml")).lines
        for number, strip in cut_lines(grey, layout, context=True):
            if number in wanted:
                yield named(wanted[number], strip)


def named(row: Row, image: Grey) -> CutLine:
    """A cut line with the text and names of its row."""
    return CutLine(row.source, row.document_id, row.text, image, row.row_id)


def _train_and_val(rows: Sequence[Row]) -> tuple[list[Row], list[Row], bool]:
    train, val = ([row for row in rows if row.split in wanted] for wanted in (("train", ""), ("val",)))
    if val:
        return train, val, False
    if len({row.document_id for row in train}) < 2:
        return [row for i, row in enumerate(train) if i % EVERY], train[::EVERY], True
    owners = [replace(row, split="", writer_id="") for row in train]  # a writer's letters may stand on both sides
    splits = split_rows(owners, SplitSettings(val=VAL_SHARE, test=0.0))
    return (
        [row for row in train if splits[row.row_id] == "train"],
        [row for row in train if splits[row.row_id] == "val"],
        False,
    )
