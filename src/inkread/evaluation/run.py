"""Evaluate a reader on the pages, lines and words of datasets.

Usage: ``run(reader, open_sources(Path("letters"), split="val"), {}).tables()``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeVar, cast

from inkread.data.dataset import Dataset, Sample
from inkread.document import Line, Setting
from inkread.errors import DatasetError, InkreadError, InputError, LayoutFileError
from inkread.evaluation.compare import PageReader, ReadLine, ReadPage, compared, read_given_lines, read_whole_pages
from inkread.evaluation.report import Report, SourceReport, summarise
from inkread.evaluation.sources import PageFile, Source
from inkread.recognition.line_images import Strip, cut_lines
from inkread.recognition.line_reader import LineReader

BATCH = 64

Item = TypeVar("Item")
OnError = Callable[[InkreadError], None]


class ReaderOfLines(Protocol):
    """What is needed of a reader where a source has lines or words; `inkread.reader.Reader` has it."""

    lines: LineReader


def run(
    reader: PageReader,
    sources: Sequence[Source],
    settings: Mapping[str, Setting],
    *,
    with_lines: bool = True,
    with_pages: bool = True,
    on_page: Callable[[], None] = lambda: None,
    on_error: OnError | None = None,
) -> Report:
    """Read everything in the sources and report on each source, and on all where there are several.

    Args:
        reader: what is measured; it needs ``lines`` where a source has lines or words.
        sources: what it is measured on.
        settings: what the report should say about the reader.
        with_lines: read the transcribed lines one by one.
        with_pages: find and read the lines of whole pages.
        on_page: called after each page of either pass, and after each line or word.
        on_error: called once for each image or transcription that is left out, with the reason; None raises.

    Raises:
        InputError: an image cannot be read and there is no ``on_error``.
        LayoutFileError: a transcription cannot be read, or has no line, and there is no ``on_error``.
        DatasetError: nothing could be read.
    """
    left_out = _LeftOut(on_error)
    lines: list[ReadLine] = []
    pages: list[ReadPage] = []
    reports: list[SourceReport] = []
    for source in sources:
        for reason in source.left_out:
            left_out.note(DatasetError(reason))
        of_lines = list(_each(_lines(reader, source, left_out), on_page)) if with_lines else []
        of_pages = list(_each(read_whole_pages(reader, source.pages, left_out.page), on_page)) if with_pages else []
        reports.append(summarise(source.name, source.split, list(chain(*of_lines)), of_pages))
        lines.extend(chain(*of_lines))
        pages.extend(of_pages)
    if not lines and not pages:
        raise DatasetError(f"{', '.join(source.name for source in sources)}: there is nothing to evaluate")
    if len(reports) > 1:
        splits = sorted({report.split for report in reports})
        reports.append(summarise("all", "+".join(splits), lines, pages))
    return Report(settings, tuple(reports), tuple(lines), left_out.count)


class _LeftOut:
    """Counts what cannot be read and passes the reason on; raises it where nobody wants to know."""

    def __init__(self, on_error: OnError | None) -> None:
        self.count = 0
        self._on_error = on_error
        self._pages: set[PageFile] = set()

    def note(self, reason: InkreadError) -> None:
        if self._on_error is None:
            raise reason
        self.count += 1
        self._on_error(reason)

    def page(self, page: PageFile, reason: InkreadError) -> None:
        """A page counts once: given lines and whole page both meet it."""
        if page not in self._pages:
            self._pages.add(page)
            self.note(reason)


def _lines(reader: PageReader, source: Source, left_out: _LeftOut) -> Iterator[list[ReadLine]]:
    yield from read_given_lines(reader, source.pages, left_out.page)
    if source.samples and source.dataset:
        lines = cast(ReaderOfLines, reader).lines
        for line in read_samples(lines, source.dataset, source.samples, left_out.note):
            yield [line]


def _each(items: Iterator[Item], on_item: Callable[[], None]) -> Iterator[Item]:
    for item in items:
        yield item
        on_item()


def read_samples(
    reader: LineReader, dataset: Dataset, samples: Sequence[Sample], on_error: OnError
) -> Iterator[ReadLine]:
    """Read samples that are lines or words; ``on_error`` is called with what cannot be read."""
    for first in range(0, len(samples), BATCH):
        batch: list[tuple[Sample, Line, Strip]] = []
        for sample in samples[first : first + BATCH]:
            try:
                line, strip = _cut(dataset, sample, reader.height)
            except (InputError, LayoutFileError) as error:
                on_error(error)
            else:
                batch.append((sample, line, strip))
        readings = reader([line for _, line, _ in batch], [strip for *_, strip in batch])
        for (sample, *_), read in zip(batch, readings, strict=True):
            image, name = str(dataset.folder / sample.image), sample.sample_id
            yield compared(sample.text, read, sample.document_id, image, name, sample.source, sample.writer_id)


def _cut(dataset: Dataset, sample: Sample, height: int) -> tuple[Line, Strip]:
    image = dataset.image(sample)
    if sample.line is None:
        (strip,) = cut_lines(image.grey, height=height)
    else:
        strip = cut_lines(image.grey, dataset.page(sample, image).lines, height=height)[sample.line]
    return Line(sample.sample_id, strip.baseline, ()), strip
