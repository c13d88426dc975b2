"""Readings compared with transcriptions: given lines, and whole pages.

Usage: ``read_given_lines(reader, pages)``; ``read_whole_pages(reader, pages)``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from inkread.document import Line, Page
from inkread.errors import InputError, LayoutFileError
from inkread.evaluation.detection import Detection, match_baselines, over_written
from inkread.evaluation.sources import PageFile
from inkread.evaluation.text import Errors, character_errors, normalise, right_words, word_errors
from inkread.formats.reading import layout_of
from inkread.io.inputs import PageImage, load_pages


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
        source: of the dataset that it comes from.
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


OnError = Callable[[PageFile, InputError | LayoutFileError], None]
"""Called with a page whose image or transcription cannot be read, and the reason; the page is left out."""


def read_given_lines(
    reader: PageReader, pages: Iterable[PageFile], on_error: OnError | None = None
) -> Iterator[list[ReadLine]]:
    """Yield for each page its lines; a line whose transcription is empty is left out.

    Raises:
        InputError: an image cannot be read and there is no ``on_error``.
        LayoutFileError: a transcription cannot be read, or has no line, and there is no ``on_error``.
    """
    for page, written, reading in _read(reader, pages, on_error, given=True):
        read = {line.id: line for line in reading.lines}
        place = (page.document, str(page.image))
        yield [
            compared(line.text, read.get(line.id), *place, line.id, page.source, page.writer, _box(line))
            for line in written.lines
            if normalise(line.text)
        ]


def _read(
    reader: PageReader, pages: Iterable[PageFile], on_error: OnError | None, *, given: bool
) -> Iterator[tuple[PageFile, Page, Page]]:
    """Each readable page with its transcription and its reading, of the transcribed lines or of lines it finds."""
    begun: list[tuple[PageFile, Page]] = []

    def images() -> Iterator[PageImage]:
        for page in pages:
            try:
                image = first_page(page)
                # what cannot be used was named when the dataset was opened or made
                written = layout_of(page.layout, image, lambda _: None)
            except (InputError, LayoutFileError) as error:
                if on_error is None:
                    raise
                on_error(page, error)
                continue
            begun.append((page, written))
            yield image

    # a reader takes an image, then its layout, so the layout stands in ``begun`` when it is asked for
    layouts = (begun[number][1] if given else None for number in count())
    for number, reading in enumerate(reader.read_pages(images(), layouts)):
        yield *begun[number], reading


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
    """A transcribed line beside its reading; ``read`` is None for a line that was not read."""
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


@dataclass(frozen=True, slots=True)
class ReadPage:
    """How well one page was read.

    Attributes:
        document: the document it belongs to.
        page: image file.
        characters, words: edits between the texts in reading order.
        any_order: character edits after the best assignment of lines.
        transcribed: as ``any_order``, without lines found where the transcription marks none.
        lines: coverage of the baselines.
    """

    document: str
    page: str
    characters: Errors
    words: Errors
    any_order: Errors
    transcribed: Errors
    lines: Detection


def read_whole_pages(
    reader: PageReader, pages: Iterable[PageFile], on_error: OnError | None = None
) -> Iterator[ReadPage]:
    """Find and read the lines of each page, and compare with its transcription.

    Raises:
        InputError: an image cannot be read and there is no ``on_error``.
        LayoutFileError: a transcription cannot be read, or has no line, and there is no ``on_error``.
    """
    for page, written, reading in _read(reader, pages, on_error, given=False):
        yield compare_page(page, written, reading)


def compare_page(page: PageFile, written: Page, read: Page) -> ReadPage:
    """Compare one page with its transcription; lines with an empty transcription count for detection only."""
    baselines = [line.baseline for line in written.lines if line.baseline]
    found = [line for line in read.lines if line.baseline]
    over = over_written(baselines, [line.baseline for line in found], written.height)
    # where no baseline says which lines were transcribed, all count
    within = [line.text for line, kept in zip(found, over, strict=True) if kept or not baselines]
    detection = match_baselines(baselines, [line.baseline for line in found], written.height)
    texts = [line.text for line in written.lines]
    return ReadPage(
        page.document,
        str(page.image),
        character_errors(written.text, read.text),
        word_errors(written.text, read.text),
        any_order_errors(texts, [line.text for line in read.lines]),
        any_order_errors(texts, within),
        detection,
    )


def any_order_errors(written: Sequence[str], read: Sequence[str]) -> Errors:
    """Character edits between two bags of lines, each line paired with at most one of the other bag."""
    size = max(len(written), len(read))
    # An empty partner costs a line's whole length, which is what a line left over counts.
    references = [normalise(text) for text in written] + [""] * (size - len(written))
    readings = [normalise(text) for text in read] + [""] * (size - len(read))
    if not size:
        return Errors()
    from scipy.optimize import linear_sum_assignment

    costs = cdist(references, readings, scorer=Levenshtein.distance, dtype=np.int32)
    pairs = zip(*linear_sum_assignment(costs), strict=True)
    return sum((character_errors(references[i], readings[j]) for i, j in pairs), Errors())
