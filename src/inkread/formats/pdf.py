"""Searchable PDF: the page image at its true size, and over it the text, invisible.

Usage: ``pdf.write(document, load_pages("letters.tif"), stream)``

Each word stands on the baseline under it, as wide as it was written, with a space after it, in reading order; so
search, selection and copying work in any viewer.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count, islice
from math import hypot
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pikepdf
from pikepdf import ContentStreamInstruction, Dictionary, Name, Operator, String

from inkread.document import Document, Page
from inkread.formats.characters import xml_safe
from inkread.formats.pdf_font import ADVANCE, InvisibleFont
from inkread.formats.pdf_image import make_image
from inkread.formats.pdf_text import PlacedWord, place_words
from inkread.imaging.page import PageImage

DEFAULT_DPI = 200.0
_POINTS_AN_INCH = 72
# Limits of ISO 32000-1, annex C, and below which dpi is no scan's.
_LEAST_SIDE, _LARGEST_SIDE, _LEAST_DPI = 3, 14_400, 30.0
# Streams stay in memory until a PDF is saved, so pages are saved in parts and then joined.
_PAGES_A_PART = 8
_VERSION = "1.5"
_LEAST_WIDTH = 1.0
_INVISIBLE = 3

Pair = tuple[Page, PageImage]


def write(document: Document, images: Iterable[PageImage], stream: BinaryIO) -> None:
    """``write(document, images, stream)``: one PDF with all pages; ``images`` in the order of the pages.

    Memory does not grow with the size of the images: only a few are held at a time.

    Raises:
        ValueError: where there are fewer or more images than pages.
    """
    pairs = zip(document.pages, images, strict=True)
    with TemporaryDirectory(prefix="inkread-") as folder:
        paths = list(_parts(pairs, document, Path(folder)))
        with (paths[0] if len(paths) == 1 else _joined(paths)).open("rb") as file:
            shutil.copyfileobj(file, stream)


def _joined(parts: Sequence[Path]) -> Path:
    """Join PDFs with qpdf, which copies from file to file what Pdf.pages.extend would hold in memory."""
    whole = parts[0].with_name("whole.pdf")
    job = {
        "inputFile": str(parts[0]),
        "outputFile": str(whole),
        "minVersion": _VERSION,
        "deterministicId": "",
        "pages": [{"file": str(part)} for part in parts],
    }
    pikepdf.Job(job).run()
    return whole


def _parts(pairs: Iterator[Pair], document: Document, folder: Path) -> Iterator[Path]:
    """Save the pages in parts; the first is there even where there are no pages."""
    for number in count():
        path = folder / f"{number}.pdf"
        if not _save_part(islice(pairs, _PAGES_A_PART), document, path) and number:
            return
        yield path


def _save_part(pairs: Iterable[Pair], document: Document, path: Path) -> int:
    """Save some pages and return how many they were."""
    with pikepdf.new() as pdf:
        font, reference = InvisibleFont(), pdf.make_indirect(Dictionary())
        for page, image in pairs:
            _add_page(pdf, page, image, font, reference)
        font.fill(pdf, reference)
        _describe(pdf, document)
        pdf.save(path, deterministic_id=True, min_version=_VERSION)
        return len(pdf.pages)


def _describe(pdf: pikepdf.Pdf, document: Document) -> None:
    title = PurePath(document.pages[0].source).stem if document.pages else ""
    with pdf.open_metadata(set_pikepdf_as_editor=False) as metadata:
        if title:
            metadata["dc:title"] = xml_safe(title)
        metadata["xmp:CreatorTool"] = xml_safe(document.provenance.software if document.provenance else "inkread")


def _add_page(pdf: pikepdf.Pdf, page: Page, image: PageImage, font: InvisibleFont, reference: pikepdf.Object) -> None:
    longest = max(page.width, page.height)
    dpi = page.dpi if page.dpi and page.dpi >= _LEAST_DPI else DEFAULT_DPI
    scale = _POINTS_AN_INCH / max(dpi, longest * _POINTS_AN_INCH / _LARGEST_SIDE)
    width, height = page.width * scale, page.height * scale
    sheet = pdf.add_blank_page(page_size=(max(width, _LEAST_SIDE), max(height, _LEAST_SIDE)))
    sheet.obj.Resources = Dictionary(XObject=Dictionary(Scan=make_image(pdf, image)), Font=Dictionary(Text=reference))
    instructions = [*_scan(width, height), *_text(page, font, scale)]
    sheet.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(instructions))


def _scan(width: float, height: float) -> Iterator[ContentStreamInstruction]:
    yield _do("q")
    yield _do("cm", width, 0, 0, height, 0, 0)
    yield _do("Do", Name.Scan)
    yield _do("Q")


def _text(page: Page, font: InvisibleFont, scale: float) -> Iterator[ContentStreamInstruction]:
    yield _do("BT")
    yield _do("Tr", _INVISIBLE)
    for line in page.lines:
        words = place_words(line)
        for number, word in enumerate(words, start=1):
            yield from _word(word, page.height, font, scale, last=number == len(words))
    yield _do("ET")


def _word(
    word: PlacedWord, page_height: int, font: InvisibleFont, scale: float, *, last: bool
) -> Iterator[ContentStreamInstruction]:
    """A word stretched to its width, with the space after it: viewers break words where a space stands alone."""
    x, y = word.start
    dx, dy = word.end[0] - x, word.end[1] - y
    width = max(hypot(dx, dy), _LEAST_WIDTH)
    ux, uy = (dx / width, dy / width) if (dx, dy) != (0, 0) else (1.0, 0.0)
    yield _do("Tf", Name.Text, word.height * scale)
    yield _do("Tm", ux, -uy, uy, ux, x * scale, (page_height - y) * scale)
    yield _do("Tz", 100 * width / (ADVANCE * len(word.text) * word.height))
    yield _do("Tj", String(font.encode(word.text if last else f"{word.text} ")))


def _do(operator: str, *operands: pikepdf.Object | float) -> ContentStreamInstruction:
    rounded = [round(Decimal(item), 4) if isinstance(item, float) else item for item in operands]
    return ContentStreamInstruction(rounded, Operator(operator))
