"""Read a document or a layout from a file.

Usage: ``read_document(Path("letter.xml"))``; ``read_layout("letter.xml", on_skip=print)``
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from inkread.document import Document, Page
from inkread.errors import InputNotFoundError, LayoutFileError
from inkread.formats import alto, json, page
from inkread.formats.geometry import ImageSize, OnSkip, check_page, check_points, fit_image, same_shape
from inkread.formats.xml import local_name, normalise, parse
from inkread.io.images import PageImage, from_stored
from inkread.layout.ink import ink_on_lines


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
    """``layout_of("letter.xml", image).lines``: as ``read_layout``, in the coordinates of the image.

    The file may describe the image in another resolution, and an image that its file turns (EXIF) as its pixels are
    stored; which of both is meant is seen from the shape or, where that fits both, from the ink.

    Raises:
        LayoutFileError: where the file cannot be read, has no line, or belongs to an image of another shape.
    """
    found = read_layout(path, on_skip=on_skip, image_size=lambda: (image.width, image.height))
    if not found.lines:
        raise LayoutFileError(f"{path}: there is no line in it")
    placed = placements(found, (image.width, image.height), image.stored, str(path))
    return placed[0] if len(placed) == 1 else max(placed, key=lambda page: ink_on_lines(image.grey, page.lines))


def placements(page: Page, size: tuple[int, int], stored: int, name: str) -> list[Page]:
    """``placements(page, (width, height), image.stored, "letter.xml")``: where a layout may lie on an image.

    Args:
        page: the layout.
        size: width and height of the image, upright.
        stored: how it lies in its file; see `PageImage`.
        name: of the layout's file.

    Returns:
        The layout as it is, and turned as the image is, in so far as the shapes agree.

    Raises:
        LayoutFileError: no shape agrees.
    """
    candidates = [page] if stored == 1 else [page, _left_to_right(from_stored(page, stored))]
    fitting = [fit_image(each, *size, name) for each in candidates if same_shape(each, *size)]
    return fitting or [fit_image(page, *size, name)]


def _left_to_right(page: Page) -> Page:
    """The page with baselines that lead to the right, as those of an upright page do."""
    return replace(
        page,
        regions=tuple(
            replace(
                region,
                lines=tuple(
                    replace(line, baseline=line.baseline[::-1]) if line.baseline[0] > line.baseline[-1] else line
                    for line in region.lines
                ),
            )
            for region in page.regions
        ),
    )


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
