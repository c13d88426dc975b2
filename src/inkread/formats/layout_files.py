"""Read what others or we wrote about a page: ALTO, PAGE or JSON.

Usage: ``page = read_layout("letter.xml")``
"""

from __future__ import annotations

from pathlib import Path

from inkread.document import Document, Page
from inkread.errors import InputNotFoundError, LayoutFileError
from inkread.formats import alto_reader, json, page_reader
from inkread.formats.characters import normalise
from inkread.formats.layout import check_page, check_points
from inkread.formats.xml import local_name, parse

_MAX_BYTES = 128 * 2**20
_READERS = {"alto": alto_reader.document, "PcGts": page_reader.document}


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
