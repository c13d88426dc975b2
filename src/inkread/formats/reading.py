"""Read a document or a layout from a file.

Usage: ``read_document(Path("letter.xml"))``; ``read_layout("letter.xml", on_skip=print)``
"""

from __future__ import annotations

import warnings
from pathlib import Path

from inkread.document import Document, Page
from inkread.errors import InputNotFoundError, LayoutFileError
from inkread.formats import alto, json, page
from inkread.formats.geometry import ImageSize, OnSkip, check_page, check_points, fit_image
from inkread.formats.xml import local_name, normalise, parse
from inkread.io.images import PageImage


class LayoutWarning(UserWarning):
    """A line or outline in a PAGE or ALTO file cannot be used and is left out; the rest of the file is read."""


_MAX_BYTES = 128 * 2**20
_READERS = {"alto": alto.document, "PcGts": page.document}


def read_document(path: str | Path, *, on_skip: OnSkip | None = None, image_size: ImageSize | None = None) -> Document:
    """``read_document("letter.json")``: the document in an ALTO, PAGE or Inkread JSON file.

    The content decides which of them it is. Text of XML files is NFC with white space folded; lines without
    baseline or outline, and regions without outline, get one (``geometry.complete``).

    Args:
        path: the file.
        on_skip: called with the reason for each line or outline of an XML file that cannot be used and is left out;
            None gives a LayoutWarning.
        image_size: gives width and height in pixels of the page's image, for XML that does not say them.

    Raises:
        InputNotFoundError: where there is no such file.
        LayoutFileError: where the file is none of the three, or does not say what a document needs.
    """
    path = Path(path)
    data = _content(path)

    def skip(reason: str) -> None:
        text = f"{path.name}: {normalise(reason)}"
        if on_skip is None:
            warnings.warn(text, LayoutWarning, stacklevel=2)
        else:
            on_skip(text)

    try:
        return _parse(data, skip, image_size)
    except (ValueError, RecursionError) as error:
        raise LayoutFileError(
            f"{path}: this is no usable ALTO, PAGE or Inkread JSON file, {normalise(str(error))}"
        ) from error


def read_layout(path: str | Path, *, on_skip: OnSkip | None = None, image_size: ImageSize | None = None) -> Page:
    """``read_layout("letter.xml").lines``: the page in a file that describes one page; see ``read_document``."""
    pages = read_document(path, on_skip=on_skip, image_size=image_size).pages
    if len(pages) != 1:
        raise LayoutFileError(f"{path}: the file describes {len(pages)} pages instead of one, split it")
    return pages[0]


def layout_of(path: str | Path, image: PageImage, on_skip: OnSkip | None = None) -> Page:
    """``layout_of("letter.xml", image).lines``: as ``read_layout``, scaled where the image has another resolution.

    Raises:
        LayoutFileError: where the file cannot be read, has no line, or belongs to an image of another shape.
    """
    found = read_layout(path, on_skip=on_skip, image_size=lambda: (image.width, image.height))
    if not found.lines:
        raise LayoutFileError(f"{path}: there is no line in it")
    return fit_image(found, image.width, image.height, str(path))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InputNotFoundError(f"{path}: there is no such file") from error
    except OSError as error:
        raise LayoutFileError(f"{path}: the file cannot be read ({error.strerror})") from error
    if len(data) > _MAX_BYTES:
        raise LayoutFileError(f"{path}: the file has more than {_MAX_BYTES // 2**20} MiB, split it")
    return data


def _parse(data: bytes, skip: OnSkip, image_size: ImageSize | None) -> Document:
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
    return reader(root, skip, image_size)
