"""Recognition alone: read the lines a transcription marks, and compare.

Usage: ``for lines in read_given_lines(reader, source.pages): print(lines[0].written, lines[0].read)``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from inkread.document import Page
from inkread.evaluation.sources import PageFile
from inkread.evaluation.text import normalise
from inkread.formats import read_layout
from inkread.imaging.load import PageImage, load_pages


class PageReader(Protocol):
    """What evaluation needs of a reader."""

    def read_pages(self, pages: Iterable[PageImage], layouts: Iterable[Page | None] | None = None) -> Iterator[Page]:
        """Yield each page with its text; lines come from ``layouts`` where given, else they are looked for."""
        ...


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One transcribed line and what was read.

    Attributes:
        document: the document it belongs to.
        page: image file it stands in.
        id: of the line in the transcription.
        written: transcription.
        read: reading.
        confidence: of the reading, None where it has none.
    """

    document: str
    page: str
    id: str
    written: str
    read: str
    confidence: float | None


def read_given_lines(reader: PageReader, pages: Sequence[PageFile]) -> Iterator[list[ReadLine]]:
    """Yield for each page its lines; a line whose transcription is empty is left out.

    Raises:
        InputError: an image cannot be read.
        LayoutFileError: a transcription cannot be read.
    """
    layouts = [read_layout(page.layout) for page in pages]
    readings = reader.read_pages((first_page(page) for page in pages), layouts)
    for page, written, reading in zip(pages, layouts, readings, strict=True):
        read = {line.id: line for line in reading.lines}
        yield [
            ReadLine(
                page.document,
                str(page.image),
                line.id,
                line.text,
                read[line.id].text if line.id in read else "",
                read[line.id].confidence if line.id in read else None,
            )
            for line in written.lines
            if normalise(line.text)
        ]


def first_page(page: PageFile) -> PageImage:
    """The image of a transcribed page; a transcription describes the first page of its file."""
    return next(load_pages(page.image))
