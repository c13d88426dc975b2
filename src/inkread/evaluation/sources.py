"""Transcribed pages to measure on: folders of images with PAGE or ALTO beside them.

Usage: ``find_source(Path("letters"), split="val").pages``
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inkread.data.dataset import SPLITS, document_name
from inkread.errors import DatasetError, InputError
from inkread.formats import paired
from inkread.io.inputs import find_inputs

DOCUMENT_RULE = "file name without a page number at its end (_2, -02, _003, _f25)"


@dataclass(frozen=True, slots=True)
class PageFile:
    """An image, its transcription, and the document both belong to."""

    image: Path
    layout: Path
    document: str


@dataclass(frozen=True, slots=True)
class Source:
    """Pages that are reported together; ``split`` is "" where the folder has none."""

    name: str
    split: str
    pages: tuple[PageFile, ...]


def find_source(folder: Path, *, split: str = "", limit: int | None = None) -> Source:
    """The transcribed pages of ``folder/split``, or of ``folder`` where it has no splits.

    Args:
        folder: its name is the name of the source, or its parent's where it is the split itself.
        split: subfolder to look into.
        limit: take the first so many pages only.

    Raises:
        InputNotFoundError: the folder does not exist.
        DatasetError: it holds no image with PAGE or ALTO, or other splits than this.
    """
    place, whole = _place(folder, split), folder.resolve()
    name = whole.parent.name if whole.name == split else whole.name
    pages = tuple(PageFile(image, layout, f"{name}/{document_name(image.stem)}") for image, layout in paired(place))
    if not pages:
        raise DatasetError(f"{place}: no image here has a PAGE or ALTO file of the same name, add them")
    return Source(name, split if place.name == split else "", pages[:limit])


def find_images(folder: Path, *, split: str = "", limit: int | None = None) -> list[Path]:
    """The images of ``folder/split``, or of ``folder`` where it has no splits, transcribed or not.

    Raises:
        InputNotFoundError: the folder does not exist or holds nothing readable.
        DatasetError: it holds other splits than this.
    """
    images = []
    for found in find_inputs([_place(folder, split)]):
        if isinstance(found, InputError):
            raise found
        if found.suffix.lower() != ".pdf":
            images.append(found)
    return sorted(images)[:limit]  # as find_source does, so that a limit means the same pages


def _place(folder: Path, split: str) -> Path:
    if not split:
        return folder
    if (folder / split).is_dir():
        return folder / split
    others = [name for name in SPLITS if (folder / name).is_dir()]
    if others:
        raise DatasetError(f"{folder}: there is {', '.join(others)} here, but no {split}; choose another --split")
    return folder
