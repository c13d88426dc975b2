"""A page's pixels as a PDF image.

Usage: ``image = scan_image(pdf, page.pixels)``
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import BytesIO
from itertools import count, islice
from math import hypot
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
import pikepdf
from pikepdf import ContentStreamInstruction, Dictionary, Name, Operator, String
from PIL import Image

from inkread.document import Document, Page
from inkread.formats.pdf_archive import make_archival
from inkread.formats.pdf_text import ADVANCE, InvisibleFont, PlacedWord, place_words
from inkread.formats.xml import xml_safe
from inkread.io.images import PageImage

_QUALITY = 80
_LARGEST_JPEG_SIDE = 65_500
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTE_COUNTS, _PHOTOMETRIC, _BLACK_IS_ZERO = 273, 278, 279, 262, 1


def scan_image(pdf: pikepdf.Pdf, page: PageImage) -> pikepdf.Object:
    """``scan_image(pdf, page)``: an image XObject, CCITT group 4 for black and white pages, otherwise JPEG."""
    pixels = page.pixels
    bilevel = pixels.ndim == 2 and bool(np.all((pixels == 0) | (pixels == 255)))
    if bilevel:
        data, entries = _group4(Image.fromarray(pixels))
    elif max(pixels.shape) > _LARGEST_JPEG_SIDE:
        data, entries = zlib.compress(pixels.tobytes()), Dictionary(Filter=Name.FlateDecode)
    else:
        data, entries = _jpeg(Image.fromarray(pixels)), Dictionary(Filter=Name.DCTDecode)
    image = pdf.make_stream(data, entries)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height = page.width, page.height
    image.ColorSpace = Name.DeviceGray if pixels.ndim == 2 else Name.DeviceRGB
    image.BitsPerComponent = 1 if bilevel else 8
    return pdf.make_indirect(image)


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _group4(image: Image.Image) -> tuple[bytes, Dictionary]:
    """The strip of a TIFF that Pillow writes in one piece, and how to decode it."""
    buffer = BytesIO()
    black_and_white = image.convert("1", dither=Image.Dither.NONE)
    black_and_white.save(buffer, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: image.height})
    with Image.open(buffer) as tiff:
        tags = dict(tiff.getexif())
    offset, count = tags[_STRIP_OFFSETS], tags[_STRIP_BYTE_COUNTS]
    black_is_one = tags[_PHOTOMETRIC] == _BLACK_IS_ZERO
    parameters = Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=black_is_one)
    return buffer.getvalue()[offset : offset + count], Dictionary(Filter=Name.CCITTFaxDecode, DecodeParms=parameters)


DEFAULT_DPI = 200.0
_POINTS_AN_INCH = 72
# Limits of ISO 32000-1, annex C, and below which dpi is no scan's.
_LEAST_SIDE, _LARGEST_SIDE, _LEAST_DPI = 3, 14_400, 30.0
# Streams stay in memory until a PDF is saved, so pages are saved in parts and then joined.
_PAGES_A_PART = 8
_VERSION = "1.5"
_LEAST_WIDTH = 1.0
INVISIBLE = 3

Pair = tuple[Page, PageImage]


def write(document: Document, images: Iterable[PageImage], stream: BinaryIO, *, archival: bool = False) -> None:
    """``write(document, images, stream)``: one PDF with all pages; ``images`` in the order of the pages.

    Memory does not grow with the size of the images: only a few are held at a time. An ``archival`` one is PDF/A-2b.

    Raises:
        ValueError: where there are fewer or more images than pages.
    """
    pairs = zip(document.pages, images, strict=True)
    with TemporaryDirectory(prefix="inkread-") as folder:
        paths = list(_parts(pairs, document, Path(folder), archival))
        with (paths[0] if len(paths) == 1 else join(paths)).open("rb") as file:
            shutil.copyfileobj(file, stream)


def join(parts: Sequence[Path]) -> Path:
    """``join(parts)``: one PDF; qpdf copies from file to file what Pdf.pages.extend would hold in memory."""
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


def _parts(pairs: Iterator[Pair], document: Document, folder: Path, archival: bool) -> Iterator[Path]:
    """Save the pages in parts; the first is there even where there are no pages."""
    for number in count():
        path = folder / f"{number}.pdf"
        if not _save_part(islice(pairs, _PAGES_A_PART), document, path, archival) and number:
            return
        yield path


def _save_part(pairs: Iterable[Pair], document: Document, path: Path, archival: bool) -> int:
    """Save some pages and return how many they were."""
    with pikepdf.new() as pdf:
        font, reference = InvisibleFont(), pdf.make_indirect(Dictionary())
        for page, image in pairs:
            _add_page(pdf, page, image, font, reference)
        font.fill(pdf, reference)
        _describe(pdf, document)
        if archival:
            make_archival(pdf)
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
    # A rounding error may carry the longest side beyond the limit.
    across, down = (min(max(side, _LEAST_SIDE), _LARGEST_SIDE) for side in (width, height))
    sheet = pdf.add_blank_page(page_size=(across, down))
    if page.orientation:
        sheet.obj.Rotate = page.orientation
    sheet.obj.Resources = Dictionary(XObject=Dictionary(Scan=scan_image(pdf, image)), Font=Dictionary(Text=reference))
    instructions = [*scan_content((width, 0, 0, height, 0, 0)), *page_text(page, font, scale)]
    sheet.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(instructions))


def scan_content(matrix: Iterable[float]) -> Iterator[ContentStreamInstruction]:
    """``scan_content((width, 0, 0, height, 0, 0))``: the image ``Scan``, its unit square moved by a matrix."""
    yield operation("q")
    yield operation("cm", *matrix)
    yield operation("Do", Name.Scan)
    yield operation("Q")


def page_text(
    page: Page, font: InvisibleFont, scale: float, name: Name = Name.Text
) -> Iterator[ContentStreamInstruction]:
    """``page_text(page, font, scale)``: all words, ``scale`` units for a pixel, in the font that is called ``name``."""
    yield operation("BT")
    yield operation("Tr", INVISIBLE)
    for line in page.lines:
        words = place_words(line)
        for number, word in enumerate(words, start=1):
            yield from _word(word, page.height, font, scale, name, last=number == len(words))
    yield operation("ET")


def _word(
    word: PlacedWord, page_height: int, font: InvisibleFont, scale: float, name: Name, *, last: bool
) -> Iterator[ContentStreamInstruction]:
    """A word stretched to its width, with the space after it: viewers break words where a space stands alone."""
    x, y = word.start
    dx, dy = word.end[0] - x, word.end[1] - y
    width = max(hypot(dx, dy), _LEAST_WIDTH)
    ux, uy = (dx / width, dy / width) if (dx, dy) != (0, 0) else (1.0, 0.0)
    yield operation("Tf", name, word.height * scale)
    yield operation("Tm", ux, -uy, uy, ux, x * scale, (page_height - y) * scale)
    yield operation("Tz", 100 * width / (ADVANCE * len(word.text) * word.height))
    yield operation("Tj", String(font.encode(word.text if last else f"{word.text} ")))


def operation(operator: str, *operands: pikepdf.Object | float) -> ContentStreamInstruction:
    """``operation("cm", 1.0, 0, 0, 1.0, 0, 0)``: an instruction of a content stream, numbers with four decimals."""
    rounded = [round(Decimal(item), 4) if isinstance(item, float) else item for item in operands]
    return ContentStreamInstruction(rounded, Operator(operator))
