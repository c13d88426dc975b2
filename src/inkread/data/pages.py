"""Folders of page images with PAGE or ALTO files.

Usage: ``records = list(page_records(Path("letters"), skipped))``
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inkread.data.manifest import Split
from inkread.data.records import SPLITS, Record, Skipped, document_name
from inkread.errors import LayoutFileError
from inkread.formats.layout_files import read_layout
from inkread.formats.pairs import paired, without_image


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
