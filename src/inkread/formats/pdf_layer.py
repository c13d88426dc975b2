"""Text for a PDF that is there: its pages, links, bookmarks, metadata and text stay, an invisible layer is added.

Usage: ``add_text_layer(Path("scan.pdf"), document, stream)``

The layer stands in a stream of its own behind the content of a page, in the coordinates of the page as a viewer shows
it. Nothing is rendered again, except the pages that ``force`` replaces.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import pikepdf
from pikepdf import ContentStreamInstruction, Dictionary, Name, Operator

from inkread.document import Document, Page
from inkread.errors import DamagedInputError
from inkread.formats.pdf import INVISIBLE, operation, page_text, scan_content, scan_image
from inkread.formats.pdf_archive import make_archival
from inkread.formats.pdf_text import InvisibleFont
from inkread.io.images import PageImage
from inkread.io.pdf import RESULT_KEY, pages_with_text

PdfText = Literal["skip", "redo", "force"]
"""What happens to pages that have text: ``skip`` leaves them as they are, ``redo`` replaces invisible text (an earlier
layer), ``force`` replaces the page by its image."""
PDF_TEXT = get_args(PdfText)

_FONT = Name.InkreadText
_SHOWN = {"Tj", "TJ", "'", '"'}
_NEXT_LINE = {"'", '"'}
_DEEPEST = 8


def add_text_layer(
    source: Path,
    document: Document,
    stream: BinaryIO,
    *,
    text: PdfText = "skip",
    upright: bool = False,
    archival: bool = False,
    images: Iterable[PageImage] = (),
) -> None:
    """Write the PDF ``source`` with the text of ``document``.

    Args:
        source: what was read.
        document: its pages; those of the PDF that are not in it stay as they are.
        stream: where to write.
        text: what happens to pages that have text.
        upright: turn pages so that their text stands upright.
        archival: make the PDF PDF/A-2b.
        images: the pages of ``document``, in order, for ``force``.

    Raises:
        DamagedInputError: the PDF cannot be opened for changes.
        OutputError: it cannot be made PDF/A.
    """
    try:
        pdf = pikepdf.open(source)
    except pikepdf.PdfError as error:
        raise DamagedInputError(f"{source}: the PDF cannot be changed, copy or scan it again ({error})") from error
    with pdf, source.open("rb") as content:
        with_text = pages_with_text(content, [page.index for page in document.pages])
        font, reference = InvisibleFont(), pdf.make_indirect(Dictionary())
        supply = iter(images)
        for page in document.pages:
            image = next(supply, None) if text == "force" else None
            sheet = pdf.pages[page.index]
            has_text = page.index in with_text
            if text == "force" and has_text and image is not None:
                _replace(pdf, sheet, page, image)
            elif text == "redo" and has_text:
                has_text = not _drop_invisible(pdf, sheet)
            if not has_text or text == "force":
                _add(sheet, page, font, reference)
            if upright and page.orientation:
                sheet.rotate(page.orientation, relative=True)
        font.fill(pdf, reference)
        pdf.docinfo[RESULT_KEY] = document.provenance.software if document.provenance else "inkread"
        if archival:
            make_archival(pdf)
        pdf.save(stream, linearize=pdf.is_linearized, min_version="1.5", deterministic_id=True)


def _matrix(sheet: pikepdf.Page, page: Page) -> tuple[float, ...]:
    """From the pixels of the page as a viewer shows it, y up from its lower edge, to the user space of the PDF."""
    left, bottom, right, top = (float(value) for value in _visible(sheet))
    wide, high = right - left, top - bottom
    turned = _rotation(sheet)
    across, down = (high, wide) if turned in (90, 270) else (wide, high)
    x, y = across / page.width, down / page.height
    return {
        0: (x, 0.0, 0.0, y, left, bottom),
        90: (0.0, x, -y, 0.0, right, bottom),
        180: (-x, 0.0, 0.0, -y, right, top),
        270: (0.0, -x, y, 0.0, left, top),
    }[turned]


def _visible(sheet: pikepdf.Page) -> list[float]:
    """What a viewer shows: the crop box within the media box; left, bottom, right, top."""
    boxes = []
    for box in (sheet.mediabox, sheet.cropbox):
        x0, y0, x1, y1 = (float(value) for value in box.as_list())
        boxes.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    (left, bottom, right, top), crop = boxes
    both = [max(left, crop[0]), max(bottom, crop[1]), min(right, crop[2]), min(top, crop[3])]
    return both if both[0] < both[2] and both[1] < both[3] else [left, bottom, right, top]


def _rotation(sheet: pikepdf.Page) -> int:
    """Degrees, clockwise, by which a viewer turns the page; inherited from the tree of pages."""
    node: pikepdf.Object | None = sheet.obj
    for _ in range(_DEEPEST * 4):
        if node is None:
            break
        if Name.Rotate in node:
            return round(float(node.Rotate) / 90) * 90 % 360
        node = node.get(Name.Parent)
    return 0


def _add(sheet: pikepdf.Page, page: Page, font: InvisibleFont, reference: pikepdf.Object) -> None:
    sheet.add_resource(reference, Name.Font, _FONT)
    layer = [operation("q"), operation("cm", *_matrix(sheet, page)), *page_text(page, font, 1.0, _FONT), operation("Q")]
    if Name.Contents in sheet:
        # what the content leaves changed must not move the layer
        sheet.contents_add(b"q\n", prepend=True)
        sheet.contents_add(b"\nQ\n")
    sheet.contents_add(pikepdf.unparse_content_stream(layer))


def _replace(pdf: pikepdf.Pdf, sheet: pikepdf.Page, page: Page, image: PageImage) -> None:
    """Show the image of the page instead of its content."""
    x0, y0, x1, y1, *at = _matrix(sheet, page)
    matrix = (x0 * page.width, y0 * page.width, x1 * page.height, y1 * page.height, *at)
    sheet.obj.Resources = Dictionary(XObject=Dictionary(Scan=scan_image(pdf, image)))
    sheet.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream([*scan_content(matrix)]))


def _drop_invisible(pdf: pikepdf.Pdf, sheet: pikepdf.Page) -> bool:
    """Take the invisible text out of a page, and say whether there was some."""
    kept, dropped = _without_invisible(pikepdf.parse_content_stream(sheet))
    if dropped:
        sheet.obj.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))
    return _drop_in_forms(sheet.resources, 0) or dropped


def _drop_in_forms(resources: pikepdf.Object, depth: int) -> bool:
    dropped = False
    for form in (resources.get(Name.XObject) or Dictionary()).values():
        if form.get(Name.Subtype) != Name.Form or depth > _DEEPEST:
            continue
        kept, some = _without_invisible(pikepdf.parse_content_stream(form))
        if some:
            form.write(pikepdf.unparse_content_stream(kept))
        dropped |= some
        if Name.Resources in form:
            dropped |= _drop_in_forms(form.Resources, depth + 1)
    return dropped


def _without_invisible(
    instructions: Iterable[ContentStreamInstruction | pikepdf.ContentStreamInlineImage],
) -> tuple[list[ContentStreamInstruction | pikepdf.ContentStreamInlineImage], bool]:
    """A content stream without the text that is drawn in the invisible mode, and whether there was some."""
    kept: list[ContentStreamInstruction | pikepdf.ContentStreamInlineImage] = []
    mode, saved, dropped = 0, [], False
    for instruction in instructions:
        name = str(instruction.operator)
        if name == "q":
            saved.append(mode)
        elif name == "Q" and saved:
            mode = saved.pop()
        elif name == "Tr":
            mode = int(instruction.operands[0])
        elif name in _SHOWN and mode == INVISIBLE:
            dropped = True
            if name in _NEXT_LINE:
                kept.append(ContentStreamInstruction([], Operator("T*")))
            continue
        kept.append(instruction)
    return kept, dropped
