"""Recognition alone: read the lines a transcription marks, and compare.

Usage: ``for lines in read_given_lines(reader, source.pages): print(lines[0].written, lines[0].read)``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from inkread.document import Line, Page
from inkread.evaluation.sources import PageFile
from inkread.evaluation.text import normalise, right_words
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
        source: data set it comes from.
        writer: "" where unknown.
        box: left, top, right and bottom of the line in its image; None where the image is the line.
        words: calibrated confidence of each word read, and whether it is what was written there.
    """

    document: str
    page: str
    id: str
    written: str
    read: str
    confidence: float | None
    source: str = ""
    writer: str = ""
    box: tuple[float, float, float, float] | None = None
    words: tuple[tuple[float, bool], ...] = ()


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
        source = page.document.partition("/")[0]
        yield [
            compared(line.text, read.get(line.id), page.document, str(page.image), line.id, source, box=_box(line))
            for line in written.lines
            if normalise(line.text)
        ]


def compared(
    written: str,
    read: Line | None,
    document: str,
    page: str,
    name: str,
    source: str,
    writer: str = "",
    box: tuple[float, float, float, float] | None = None,
) -> ReadLine:
    """One line beside its reading; None for a line that was not read."""
    if read is None:
        return ReadLine(document, page, name, written, "", None, source, writer, box)
    rated = [(word.text, word.confidence) for word in read.words if word.confidence is not None]
    right = right_words(normalise(written).split(), [text for text, _ in rated])
    words = tuple((confidence, is_right) for (_, confidence), is_right in zip(rated, right, strict=True))
    return ReadLine(document, page, name, written, read.text, read.confidence, source, writer, box, words)


def _box(line: Line) -> tuple[float, float, float, float] | None:
    if not line.polygon:
        return None
    x, y = zip(*line.polygon, strict=True)
    return min(x), min(y), max(x), max(y)


def first_page(page: PageFile) -> PageImage:
    """The image of a transcribed page; a transcription describes the first page of its file."""
    return next(load_pages(page.image))
