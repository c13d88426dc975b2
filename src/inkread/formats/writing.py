"""All formats that a document is written in.

Usage: ``save_as(document, "out/letter.alto.xml")``; ``FORMATS["txt"].suffix``
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from itertools import groupby, zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from inkread.document import Document, Page, Provenance
from inkread.errors import OutputError
from inkread.formats import alto, hocr, json, page, pdf, pdf_layer
from inkread.formats.pdf_layer import PdfText
from inkread.formats.xml import encode, normalise
from inkread.io.files import replacing
from inkread.io.images import PageImage
from inkread.io.inputs import Input, is_pdf, load_chosen_pages, load_pages


def dump(document: Document) -> bytes:
    """``dump(document) == b"first line\\nsecond line\\n"``: UTF-8 in reading order, an empty line between pages."""
    pages = ("\n".join(normalise(line.text) for line in page.lines) for page in document.pages)
    return encode("\n\n".join(pages) + "\n")


def dump_csv(document: Document) -> bytes:
    """Rows of tables, and each other line as a row with one cell, in reading order, as CSV (RFC 4180).

    Spreadsheet programs take the byte order mark as a sign that the file is UTF-8.
    """
    text = StringIO(newline="")
    writer = csv.writer(text)
    for one in document.pages:
        for region in one.regions:
            writer.writerows(region.rows)
    return encode("\N{BYTE ORDER MARK}" + text.getvalue())


Writer = Callable[[Document, Iterable[PageImage], BinaryIO], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write documents.

    Attributes:
        name: what the user calls it.
        suffix: of its files, with the dot.
        media_type: of its content.
        per_page: True where a file holds one page only.
        write: ``write(document, images, stream)`` writes the document; ``images`` are its pages in order, which only
            the PDF takes, one by one, so they may be loaded lazily.
    """

    name: str
    suffix: str
    media_type: str
    per_page: bool
    write: Writer


def _whole(dump: Callable[[Document], bytes]) -> Writer:
    def write(document: Document, _images: Iterable[PageImage], stream: BinaryIO) -> None:
        stream.write(dump(document))

    return write


def _one_page(dump: Callable[[Page, Provenance | None], bytes]) -> Writer:
    def write(document: Document, _images: Iterable[PageImage], stream: BinaryIO) -> None:
        if len(document.pages) != 1:
            raise OutputError(
                f"the document has {len(document.pages)} pages and this format holds one a file, write them one by one"
            )
        stream.write(dump(document.pages[0], document.provenance))

    return write


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        item.name: item
        for item in (
            Format("txt", ".txt", "text/plain; charset=utf-8", False, _whole(dump)),
            Format("json", ".json", "application/json", False, _whole(json.dump)),
            Format("alto", ".alto.xml", "application/alto+xml", True, _one_page(alto.dump)),
            Format("page", ".page.xml", "application/vnd.prima.page+xml", True, _one_page(page.dump)),
            Format("hocr", ".hocr", "text/vnd.hocr+html", False, _whole(hocr.dump)),
            Format("csv", ".csv", "text/csv; charset=utf-8", False, _whole(dump_csv)),
            Format("pdf", ".pdf", "application/pdf", False, pdf.write),
        )
    }
)
"""All formats by name."""


def save(document: Document, images: Iterable[PageImage], format: Format, folder: Path, stem: str) -> list[Path]:
    """``save(document, load_pages(path), FORMATS["txt"], Path("out"), "letter") == [Path("out/letter.txt")]``.

    Formats that hold one page a file give ``stem_0001.suffix`` and so on where the document has several pages (see
    `page_numbers`). A file appears under its name only when it is complete, and then replaces what was there.

    Raises:
        OutputError: where a file cannot be written.
    """
    return _save_all(document, images, format, folder / stem, format.suffix)


def save_with_layer(
    source: Path,
    document: Document,
    path: Path,
    *,
    text: PdfText = "skip",
    upright: bool = False,
    archival: bool = False,
) -> list[Path]:
    """``save_with_layer(Path("scan.pdf"), document, Path("out/scan.pdf"))``: the PDF itself, with a layer of text.

    See `inkread.formats.pdf_layer.add_text_layer`.

    Raises:
        InputError: the PDF cannot be opened for changes.
        OutputError: the file cannot be written.
    """
    images = load_chosen_pages(source, (page.index for page in document.pages)) if text == "force" else iter(())
    with replacing(path) as stream:
        pdf_layer.add_text_layer(source, document, stream, text=text, upright=upright, archival=archival, images=images)
    return [path]


def save_as(document: Document, path: str | Path, format: str | None = None, images: Input | None = None) -> list[Path]:
    """``save_as(document, "letter.txt") == [Path("letter.txt")]``: see `Document.save`."""
    path = Path(path)
    kind = _format(path.name, format)
    suffix = kind.suffix if path.name.lower().endswith(kind.suffix) else path.suffix
    place = path.with_name(path.name[: len(path.name) - len(suffix)])
    sources = {page.source for page in document.pages}
    if kind.name == "pdf" and images is None and len(sources) == 1:
        source = Path(*sources)
        if source.is_file() and is_pdf(source):
            return save_with_layer(source, document, path)
    supply = _images(document) if images is None else load_pages(images)
    return _save_all(document, _matched(document, supply), kind, place, path.name[len(place.name) :])


def _format(file_name: str, name: str | None) -> Format:
    if name is not None:
        if name not in FORMATS:
            raise OutputError(f"{name} is no format, take one of {', '.join(FORMATS)}")
        return FORMATS[name]
    for kind in FORMATS.values():
        if file_name.lower().endswith(kind.suffix):
            return kind
    suffixes = ", ".join(kind.suffix for kind in FORMATS.values())
    raise OutputError(f"{file_name}: the suffix names no format, write one of {suffixes}, or say which with format=")


def _images(document: Document) -> Iterator[PageImage]:
    """The images of the pages, from the files that they came from."""
    for source, pages in groupby(document.pages, key=lambda page: page.source):
        if not Path(source).is_file():
            missing = f"{source} is not there" if source else "these pages came from no file"
            raise OutputError(f"a PDF shows the images of the pages, and {missing}: give them with images=")
        yield from load_chosen_pages(source, (page.index for page in pages))


def _matched(document: Document, images: Iterable[PageImage]) -> Iterator[PageImage]:
    for one, image in zip_longest(document.pages, images):
        shown = image and (image.full_size or (image.width, image.height))
        if one is None or image is None or (one.width, one.height) != shown:
            raise OutputError("the images are not those that the document was read from: number or size differ")
        yield image


def _save_all(document: Document, images: Iterable[PageImage], format: Format, place: Path, suffix: str) -> list[Path]:
    if not format.per_page or len(document.pages) == 1:
        return [_save(document, images, format, place.with_name(f"{place.name}{suffix}"))]
    return [
        _save(replace(document, pages=(one,)), (), format, place.with_name(f"{place.name}_{number:04}{suffix}"))
        for number, one in zip(page_numbers(document), document.pages, strict=True)
    ]


def page_numbers(document: Document) -> Sequence[int]:
    """The numbers of the pages in their file, from 1, which has more where one could not be read.

    Pages of several files are counted through.
    """
    numbers = [page.index + 1 for page in document.pages]
    from_one_file = len({page.source for page in document.pages}) == 1 and len(set(numbers)) == len(numbers)
    return numbers if from_one_file else range(1, len(numbers) + 1)


def _save(document: Document, images: Iterable[PageImage], format: Format, path: Path) -> Path:
    with replacing(path) as stream:
        format.write(document, images, stream)
    return path
