"""What is measured: the transcribed pages and line images of a dataset or of a folder.

Usage: ``find_source(Path("letters"), split="val").pages``
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inkread.data.dataset import MANIFEST, SPLITS, document_name, layout_of, read_manifest
from inkread.errors import DatasetError, InputError
from inkread.evaluation.text import normalise
from inkread.formats.reading import doubles, paired
from inkread.io.inputs import find_inputs

DOCUMENT_RULE = "file name without a page number at its end (_2, -02, _003, _f25)"


@dataclass(frozen=True, slots=True)
class PageFile:
    """An image, its transcription, and the document both belong to."""

    image: Path
    layout: Path
    document: str


@dataclass(frozen=True, slots=True)
class LineImage:
    """An image of one line or word, its name, its text, and where it is from."""

    image: Path
    name: str
    text: str
    document: str
    source: str
    writer: str


@dataclass(frozen=True, slots=True)
class Source:
    """Pages and line images that are reported together.

    Attributes:
        name: of the dataset or folder.
        split: "" where there are no splits.
        pages, lines: what is measured.
        left_out: what is not, each with its reason.
    """

    name: str
    split: str
    pages: tuple[PageFile, ...]
    lines: tuple[LineImage, ...] = ()
    left_out: tuple[str, ...] = ()


def find_source(folder: Path, *, split: str = "", limit: int | None = None) -> Source:
    """A dataset's samples of a split, or the transcribed pages of ``folder/split``; all where there are no splits.

    Args:
        folder: its name is the name of the source, or its parent's where it is the split itself.
        split: subfolder or split of the dataset.
        limit: take the first so many pages, and so many line images, only.

    Raises:
        InputNotFoundError: the folder does not exist.
        DatasetError: it holds nothing that is transcribed, or other splits than this.
    """
    if (folder / MANIFEST).is_file():
        return _dataset(folder, split, limit)
    place, whole = _place(folder, split), folder.resolve()
    name = whole.parent.name if whole.name == split else whole.name
    pages = tuple(PageFile(image, layout, f"{name}/{document_name(image.stem)}") for image, layout in paired(place))
    if not pages:
        raise DatasetError(f"{place}: no image here has a PAGE or ALTO file of the same name, add them")
    left_out = tuple(f"{image}: left out, another image has the same name" for image in doubles(place))
    return Source(name, split if place.name == split else "", pages[:limit], left_out=left_out)


def _dataset(folder: Path, split: str, limit: int | None) -> Source:
    samples = read_manifest(folder)
    split = split if any(sample.split for sample in samples) else ""
    chosen = [sample for sample in samples if not split or sample.split == split]
    pages = tuple(
        PageFile(folder / sample.image, folder / layout_of(sample), sample.document_id)
        for sample in chosen
        if sample.kind == "page"
    )
    lines = tuple(
        LineImage(
            folder / sample.image,
            sample.sample_id,
            sample.text,
            sample.document_id,
            sample.source,
            sample.writer_id,
        )
        for sample in chosen
        if sample.kind != "page" and normalise(sample.text)
    )
    if not pages and not lines:
        raise DatasetError(f"{folder}: there is nothing with text here in split {split}")
    return Source(folder.resolve().name, split, pages[:limit], lines[:limit])


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
