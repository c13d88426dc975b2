"""Line images of transcribed pages, cut once and kept in a memory-mapped file.

Usage: ``store = LineStore.open(Path("runs/lines/train")); store.image(0), store.lines[0].text``

A line of a training split is kept with context around its band, so that augmentation can move the cut; a line of
another split is cut exactly as the reader cuts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import typer

from inkread.data.cleaning import Cleaner, FilterSettings, filter_rows
from inkread.data.dataset import WHOLE, Row, expand, read_manifest
from inkread.data.split import SplitSettings, split_rows
from inkread.document import Line
from inkread.errors import DatasetError
from inkread.formats.reading import read_layout
from inkread.io.files import replacing, write_bytes
from inkread.io.inputs import load_pages
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import END_MARGIN, HEIGHT, Grey, cut_strip, line_bands, whole_line

CONTEXT_ABOVE, CONTEXT_BELOW = 0.2, 0.15
"""Share of the band that a training strip has above and below it."""
CONTEXT_ROWS = round(HEIGHT * (1 + CONTEXT_ABOVE + CONTEXT_BELOW))
CONTEXT_SIDE = END_MARGIN * HEIGHT * (CONTEXT_ABOVE + CONTEXT_BELOW)
"""Columns that a context strip has on each side beyond those of an exact one."""
MIN_BAND, MIN_WIDTH, MAX_WIDTH = 12.0, 16, 3200
IMAGES, INDEX = "strips.bin", "strips.json"


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line of a store: ``rows`` x ``width`` bytes at ``offset``; ``name`` is what the pipeline calls it."""

    source: str
    document: str
    text: str
    offset: int
    rows: int
    width: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class CutLine:
    """A line on its way into a store: uint8 [rows, width]."""

    source: str
    document: str
    text: str
    image: Grey
    name: str = ""


class LineStore:
    """Cut lines on disk, read by number."""

    def __init__(self, images: Grey, lines: list[StoredLine]) -> None:
        self._images = images
        self.lines = lines

    @classmethod
    def open(cls, folder: Path) -> LineStore:
        """Open what `build_store` wrote.

        Raises:
            DatasetError: the folder holds no store.
        """
        try:
            rows = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            images = np.memmap(folder / IMAGES, np.uint8, "r")
        except (OSError, ValueError):
            raise DatasetError(f"{folder}: no cut lines here, build them first") from None
        return cls(images, [StoredLine(**row) for row in rows])

    def __len__(self) -> int:
        return len(self.lines)

    def image(self, index: int) -> Grey:
        """The strip of a line, uint8 [rows, width]."""
        line = self.lines[index]
        return np.array(self._images[line.offset : line.offset + line.rows * line.width]).reshape(line.rows, -1)

    def by_source(self) -> dict[str, list[int]]:
        """Line numbers of each source."""
        found: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            found.setdefault(line.source, []).append(index)
        return found


def build_store(sources: Iterable[Path], split: str, target: Path, cleaner: Cleaner) -> Path:
    """Cut the lines of ``SOURCE/split/*.xml`` into ``target``; with context when the split is ``train``.

    Raises:
        DatasetError: no line was found.
    """
    cut = (
        CutLine(source.name, layout.stem, text, image)
        for source in sources
        for layout in sorted((source / split).glob("*.xml"))
        for text, image in _page_lines(layout, cleaner, context=split == "train")
    )
    return write_store(target, cut)


def write_store(target: Path, lines: Iterable[CutLine]) -> Path:
    """Write a store, the strips one after the other.

    Raises:
        DatasetError: there is no line.
    """
    index: list[StoredLine] = []
    offset = 0
    with replacing(target / IMAGES) as stream:
        for line in lines:
            stream.write(line.image.tobytes())
            rows, width = line.image.shape
            index.append(StoredLine(line.source, line.document, line.text, offset, rows, width, line.name))
            offset += line.image.size
        if not index:
            raise DatasetError(f"{target}: there is no transcribed line to keep here")
    write_bytes(target / INDEX, json.dumps([asdict(line) for line in index], ensure_ascii=False).encode())
    return target


def _page_lines(layout: Path, cleaner: Cleaner, *, context: bool) -> Iterator[tuple[str, Grey]]:
    lines = read_layout(layout).lines
    cut = cut_lines(next(iter(load_pages(_image_of(layout)))).grey, lines, context=context) if lines else ()
    for number, image in cut:
        text = cleaner(lines[number].text)
        if text is not None:
            yield text, image


def cut_lines(grey: Grey, lines: Sequence[Line], *, context: bool) -> Iterator[tuple[int, Grey]]:
    """The number and strip of each line of a page that can be cut: with baseline, outline and enough pixels."""
    usable = [number for number, line in enumerate(lines) if len(line.baseline) > 1 and len(line.polygon) > 2]
    bands = line_bands([lines[number].baseline for number in usable], [lines[number].polygon for number in usable])
    cut = cut_with_context if context else cut_exact
    for number, band in zip(usable, bands, strict=True):
        if band.ascent + band.descent >= MIN_BAND:
            image = cut(grey, lines[number], band.ascent, band.descent)
            if MIN_WIDTH <= image.shape[1] <= MAX_WIDTH:
                yield number, image


def cut_exact(grey: Grey, line: Line, ascent: float, descent: float) -> Grey:
    """The strip that the reader would cut, uint8 [48, width]."""
    return cut_strip(grey, line.baseline, ascent=ascent, descent=descent, height=HEIGHT).image


def cut_with_context(grey: Grey, line: Line, ascent: float, descent: float) -> Grey:
    """The band and what surrounds it at the same scale, uint8 [65, width]."""
    band = ascent + descent
    above, below = ascent + CONTEXT_ABOVE * band, descent + CONTEXT_BELOW * band
    return cut_strip(grey, line.baseline, ascent=above, descent=below, height=CONTEXT_ROWS).image


def whole_with_context(grey: Grey) -> Grey:
    """An image that shows nothing but one line or word as a strip with context, uint8 [65, width]."""
    baseline, ascent, descent = whole_line(grey)
    return cut_with_context(grey, Line("", baseline, ()), ascent, descent)


def exact_part(context: Grey) -> Grey:
    """The exact strip, uint8 [48, width], in the middle of a context strip."""
    above, side = round(CONTEXT_ABOVE * HEIGHT), round(CONTEXT_SIDE)
    return context[above : above + HEIGHT, side : max(context.shape[1] - side, side + 8)]


def _image_of(layout: Path) -> Path:
    for suffix in (".webp", ".png", ".jpg", ".jpeg", ".tif", ".tiff"):
        image = layout.with_suffix(suffix)
        if image.is_file():
            return image
    raise DatasetError(f"{layout}: there is no image of the same name beside it")


def cut_all(data: Path, store: Path) -> None:
    """Cut the lines of ``DATA/*/train`` and ``DATA/*/val`` into ``STORE/train`` and ``STORE/val``."""
    sources = sorted(folder for folder in data.iterdir() if folder.is_dir())
    for split in ("train", "val"):
        lines = LineStore.open(build_store(sources, split, store / split, Cleaner(Alphabet(LATIN))))
        typer.echo(f"{split}: {len(lines)} lines")


if __name__ == "__main__":
    typer.run(cut_all)


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
