"""PDF pages as images, with PDFium.

Usage: ``for pixels, dpi in read_pdf(stream, limits): ...``

A page that is a scan is rendered at the scan's own resolution, so that its pixels come out one to one, upright and
cropped as a viewer shows them; any other page is rendered at 300 dpi.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from io import SEEK_END, BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from inkread.errors import DamagedInputError, EncryptedInputError
from inkread.io.images import Limits, Pixels, Raster

RENDER_DPI = 300
POINTS_PER_INCH = 72
SCAN_COVERAGE = 0.8
MAX_OBJECTS = 20_000
END_MARKER = b"%%EOF"
TAIL_BYTES = 2048
# PDFium is not thread-safe; a generator may be finalised inside another one's call, hence re-entrant.
PDFIUM_LOCK = threading.RLock()


def count_pdf(stream: BinaryIO, limits: Limits) -> int:
    """The pages of a PDF file."""
    with PDFIUM_LOCK, closing(_open(stream)) as document:
        limits.check_pages(len(document))
        return len(document)


RESULT_KEY = "/InkreadTextLayer"
"""Entry of the information dictionary that tells a PDF to which text was added; its other entries stay."""


def maker_of_pdf(stream: BinaryIO) -> str:
    """The program that a PDF file names as the one that made it or its text layer, "" where it names none."""
    stream.seek(0)
    with PDFIUM_LOCK, closing(pypdfium2.PdfDocument(stream)) as document:
        layer = str(document.get_metadata_value(RESULT_KEY.removeprefix("/")))
        return layer or str(document.get_metadata_value("Creator"))


def pages_with_text(stream: BinaryIO, indices: Iterable[int]) -> set[int]:
    """Those of some pages of a PDF file, counted from 0, that hold text, be it invisible."""
    found = set()
    stream.seek(0)
    with PDFIUM_LOCK, closing(_open(stream)) as document:
        for index in indices:
            with (
                suppress(pypdfium2.PdfiumError),
                closing(document[index]) as page,
                closing(page.get_textpage()) as text,
            ):
                if text.get_text_range().strip():
                    found.add(index)
    return found


def text_boxes(path: Path) -> dict[int, list[tuple[str, tuple[float, float, float, float]]]]:
    """``text_boxes(path)``: the printed text of a PDF file by page, each piece with its box.

    Boxes are left, top, width and height as shares of the page. Text of the same line that stands apart is divided.

    Raises:
        InputError: the file cannot be opened as a PDF.
    """
    found = {}
    with path.open("rb") as stream, PDFIUM_LOCK, closing(_open(stream)) as document:
        for index in range(len(document)):
            with (
                suppress(pypdfium2.PdfiumError),
                closing(document[index]) as page,
                closing(page.get_textpage()) as text,
            ):
                found[index] = [piece for piece in _pieces(text, *page.get_size()) if piece[0]]
    return found


def _pieces(
    text: pypdfium2.PdfTextPage, width: float, height: float
) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    for number in range(min(text.count_rects(), MAX_OBJECTS)):
        left, bottom, right, top = text.get_rect(number)
        words = " ".join(text.get_text_bounded(left, bottom, right, top).split())
        yield words, (left / width, 1 - top / height, (right - left) / width, (top - bottom) / height)


def read_pdf(stream: BinaryIO, limits: Limits, first: int = 0) -> Iterator[Raster]:
    """Yield the pages of a PDF file from ``first`` on, with what is filled into forms."""
    with PDFIUM_LOCK:
        document = _open(stream)
        document.init_forms()
    try:
        limits.check_pages(len(document))
        for index in range(first, len(document)):
            with PDFIUM_LOCK, closing(document[index]) as page:
                raster = _render(page, limits)
            yield raster
            del raster
    finally:
        with PDFIUM_LOCK:
            document.close()


def _open(stream: BinaryIO) -> pypdfium2.PdfDocument:
    document = _parsed(stream)
    is_whole = pdfium.FPDF_DocumentHasValidCrossReferenceTable(document)
    end = _end(stream)
    if b" obj" in _from(stream, end) if end else not is_whole:
        document.close()
        raise DamagedInputError("the PDF is cut off, copy it again")
    if is_whole or end + TAIL_BYTES >= stream.seek(0, SEEK_END):
        return document
    # What follows the end, such as zeros of a transfer by blocks, hides the table that stands before it.
    document.close()
    stream.seek(0)
    return _parsed(BytesIO(stream.read(end)))


def _parsed(stream: BinaryIO) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(stream)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedInputError("the PDF needs a password, save it without one") from error
        raise


def _end(stream: BinaryIO) -> int:
    """Where the last end marker ends, 0 where there is none."""
    place = stream.seek(0, SEEK_END)
    while place > 0:
        start = max(place - TAIL_BYTES, 0)
        stream.seek(start)
        found = stream.read(place - start + len(END_MARKER)).rfind(END_MARKER)
        if found >= 0:
            return start + found + len(END_MARKER)
        place = start
    return 0


def _from(stream: BinaryIO, place: int) -> bytes:
    stream.seek(place)
    return stream.read()


def _render(page: pypdfium2.PdfPage, limits: Limits) -> Raster:
    width, height = page.get_size()
    images, has_text = _content(page)
    has_text |= _has_form_fields(page)
    for image in images:
        limits.check_pixels(*image.get_px_size())
    scale = _scan_scale(images, width * height)
    for image in images:
        _pull_in(image)
    if not scale or has_text:
        scale = max(scale, RENDER_DPI / POINTS_PER_INCH)
    full = round(width * scale), round(height * scale)
    scale = min(scale, math.sqrt(limits.whole_pixels / (width * height)))
    is_reduced = bool(images) and full[0] * full[1] > limits.whole_pixels
    # The renderer rounds the size up; this keeps a scan of 2480 pixels from becoming 2481 for a rounding error.
    exact = max(round(width * scale) - 0.01, 0.5) / width
    bitmap = page.render(scale=exact, rev_byteorder=True)
    try:
        pixels: Pixels = np.array(bitmap.to_numpy())
    finally:
        bitmap.close()
    if images and pixels.min() == pixels.max():
        _check_images_decode(images)
    return Raster(pixels, round(scale * POINTS_PER_INCH, 1), full if is_reduced else None)


def _content(page: pypdfium2.PdfPage) -> tuple[list[pypdfium2.PdfImage], bool]:
    """The images of a page, and whether it shows text (the invisible text of a searchable scan does not count)."""
    images, has_text = [], False
    for item in islice(page.get_objects(), MAX_OBJECTS):
        if isinstance(item, pypdfium2.PdfImage):
            images.append(item)
        elif isinstance(item, pypdfium2.PdfTextObj):
            has_text |= pdfium.FPDFTextObj_GetTextRenderMode(item) != pdfium.FPDF_TEXTRENDERMODE_INVISIBLE
    return images, has_text


def _has_form_fields(page: pypdfium2.PdfPage) -> bool:
    count: int = pdfium.FPDFPage_GetAnnotCount(page)
    for number in range(min(count, MAX_OBJECTS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, number)
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET:
            return True
    return False


def _scan_scale(images: list[pypdfium2.PdfImage], page_area: float) -> float:
    """Pixels for a point in the images that cover the page, 0 where they leave much of it free.

    A scan may be one image, a stack of strips, or layers of different resolutions, of which the finest counts.
    """
    placed = [_area_and_scale(image) for image in images]
    largest = max((area for area, _ in placed), default=0.0)
    if not largest or sum(area for area, _ in placed) < SCAN_COVERAGE * page_area:
        return 0.0
    return max(scale for area, scale in placed if area >= largest / 2)


def _pull_in(image: pypdfium2.PdfImage) -> None:
    """Draw an image a tenth of its pixel smaller.

    The renderer rounds its frame up to whole pixels, and a rounding error in the file would then blur the scan.
    """
    x, y = (0.1 / max(size, 1) for size in image.get_px_size())
    image.set_matrix(pypdfium2.PdfMatrix(1 - x, 0, 0, 1 - y, x / 2, y / 2).multiply(image.get_matrix()))


def _area_and_scale(image: pypdfium2.PdfImage) -> tuple[float, float]:
    matrix = image.get_matrix()
    container = image.container
    while container is not None:
        matrix = matrix.multiply(container.get_matrix())
        container = container.container
    columns, rows = image.get_px_size()
    width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
    area = abs(matrix.a * matrix.d - matrix.b * matrix.c)
    return (area, max(columns / width, rows / height)) if area else (0.0, 0.0)


def _check_images_decode(images: list[pypdfium2.PdfImage]) -> None:
    for image in images:
        try:
            image.get_bitmap().close()
        except pypdfium2.PdfiumError as error:
            raise DamagedInputError("an image in the PDF cannot be decoded, copy or scan it again") from error
