"""Find images and the PAGE or ALTO files that belong to them.

Usage: ``for image, layout in paired("volume"): ...``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from inkread.errors import InputNotFoundError
from inkread.imaging.inputs import SUFFIXES

_IMAGES = SUFFIXES - {".pdf"}
_SUBFOLDERS = ("", "page", "alto")
_LAYOUTS = (".page.xml", ".alto.xml", ".xml")

Folders = str | Path | Iterable[str | Path]


def paired(folders: Folders) -> Iterator[tuple[Path, Path]]:
    """``list(paired("volume"))``: images with the XML of the same stem, sorted by image within each folder.

    The XML stands beside the image or in a folder ``page`` or ``alto`` there, and is called ``stem.xml``,
    ``stem.page.xml`` or ``stem.alto.xml``; the first found counts.

    Raises:
        InputNotFoundError: where a folder does not exist.
    """
    for folder in _listed(folders):
        layouts = {stem: path for path, stem in reversed(list(_layouts(folder)))}
        for image in _images(folder):
            if image.stem in layouts:
                yield image, layouts[image.stem]


def without_image(folders: Folders) -> list[Path]:
    """``without_image("volume")``: the XML files there for which ``paired`` finds no image."""
    lonely = []
    for folder in _listed(folders):
        stems = {image.stem for image in _images(folder)}
        lonely += [path for path, stem in _layouts(folder) if stem not in stems]
    return lonely


def _listed(folders: Folders) -> Iterator[Path]:
    for folder in [folders] if isinstance(folders, str | Path) else folders:
        if not Path(folder).is_dir():
            raise InputNotFoundError(f"{folder}: there is no such folder")
        yield Path(folder)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)


def _layouts(folder: Path) -> Iterator[tuple[Path, str]]:
    """The XML files of a folder with the stem of their image, those that count first."""
    for subfolder in _SUBFOLDERS:
        place = folder / subfolder
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            suffix = next((suffix for suffix in _LAYOUTS if path.name.lower().endswith(suffix)), None)
            if suffix and path.name.lower() != "mets.xml":
                yield path, path.name[: -len(suffix)]
