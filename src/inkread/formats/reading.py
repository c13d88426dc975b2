"""Read a document or a layout from a file, and pair layout files with their images.

Usage: ``read_document(Path("letter.xml"))``; ``paired(folder)``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from inkread.document import Document, Page
from inkread.errors import InputNotFoundError, LayoutFileError
from inkread.formats import alto, json, page
from inkread.formats.geometry import check_page, check_points
from inkread.formats.xml import local_name, normalise, parse
from inkread.io.inputs import SUFFIXES

_MAX_BYTES = 128 * 2**20
_READERS = {"alto": alto.document, "PcGts": page.document}


def read_document(path: str | Path) -> Document:
    """``read_document("letter.json")``: the document in an ALTO, PAGE or Inkread JSON file.

    The content decides which of them it is. Text of XML files is NFC with white space folded; lines without
    baseline or outline, and regions without outline, get one (``geometry.complete``).

    Raises:
        InputNotFoundError: where there is no such file.
        LayoutFileError: where the file is none of the three, or does not say what a document needs.
    """
    path = Path(path)
    data = _content(path)
    try:
        return _parse(data)
    except (ValueError, RecursionError) as error:
        raise LayoutFileError(
            f"{path.name}: this is no usable ALTO, PAGE or Inkread JSON file, {normalise(str(error))}"
        ) from error


def read_layout(path: str | Path) -> Page:
    """``read_layout("letter.xml").lines``: the page in a file that describes one page; see ``read_document``."""
    pages = read_document(path).pages
    if len(pages) != 1:
        raise LayoutFileError(f"{Path(path).name}: the file describes {len(pages)} pages instead of one, split it")
    return pages[0]


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputNotFoundError(f"{path}: there is no such file") from error
    except OSError as error:
        raise LayoutFileError(f"{path}: the file cannot be read ({error.strerror})") from error
    if len(data) > _MAX_BYTES:
        raise LayoutFileError(f"{path.name}: the file has more than {_MAX_BYTES // 2**20} MiB, split it")
    return data


def _parse(data: bytes) -> Document:
    if data.lstrip()[:1] == b"{":
        document = json.load(data)
        for page in document.pages:
            check_page(page)
            check_points(page)
        return document
    root = parse(data)
    reader = _READERS.get(local_name(root))
    if reader is None:
        raise ValueError(f"its root element is {local_name(root)}")
    return reader(root)


_IMAGES = SUFFIXES - {".pdf"}
_SUBFOLDERS = ("", "page", "alto")
_LAYOUTS = (".page.xml", ".alto.xml", ".xml")

Folders = str | Path | Iterable[str | Path]


def paired(folders: Folders) -> Iterator[tuple[Path, Path]]:
    """``list(paired("volume"))``: images with the XML of the same stem, sorted by image within each folder.

    The XML stands beside the image or in a folder ``page`` or ``alto`` there, and is called ``stem.xml``,
    ``stem.page.xml`` or ``stem.alto.xml``; the first found counts. Of images with one stem, too, the first counts
    (``doubles``). Hidden files, such as the ``._stem.xml`` of macOS, are ignored.

    Raises:
        InputNotFoundError: where a folder does not exist.
    """
    for folder in _listed(folders):
        layouts = {stem: path for path, stem in reversed(list(_layouts(folder)))}
        for image in _images(folder):
            if layout := layouts.pop(image.stem, None):
                yield image, layout


def without_image(folders: Folders) -> list[Path]:
    """``without_image("volume")``: the XML files there for which ``paired`` finds no image."""
    lonely = []
    for folder in _listed(folders):
        stems = {image.stem for image in _images(folder)}
        lonely += [path for path, stem in _layouts(folder) if stem not in stems]
    return lonely


def doubles(folders: Folders) -> list[Path]:
    """``doubles("volume")``: the images that ``paired`` leaves out because another one has the same stem."""
    left_out = []
    for folder in _listed(folders):
        stems = {stem for _, stem in _layouts(folder)}
        images = [image for image in _images(folder) if image.stem in stems]
        left_out += [image for before, image in pairwise(images) if image.stem == before.stem]
    return left_out


def _listed(folders: Folders) -> Iterator[Path]:
    for folder in [folders] if isinstance(folders, str | Path) else folders:
        if not Path(folder).is_dir():
            raise InputNotFoundError(f"{folder}: there is no such folder")
        yield Path(folder)


def _images(folder: Path) -> list[Path]:
    files = (path for path in folder.iterdir() if path.suffix.lower() in _IMAGES and not path.name.startswith("."))
    return sorted(files, key=lambda path: (path.stem, path.suffix))


def _layouts(folder: Path) -> Iterator[tuple[Path, str]]:
    """The XML files of a folder with the stem of their image, those that count first."""
    for subfolder in _SUBFOLDERS:
        place = folder / subfolder
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            suffix = next((suffix for suffix in _LAYOUTS if path.name.lower().endswith(suffix)), None)
            if suffix and path.name.lower() != "mets.xml" and not path.name.startswith("."):
                yield path, path.name[: -len(suffix)]
