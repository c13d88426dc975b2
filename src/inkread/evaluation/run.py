"""Evaluate a reader on sources: transcribed pages, and images of lines and words.

Usage: ``run(reader, [find_source(Path("letters"), split="val")], {}).tables()``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, cast

from inkread.document import Line, Setting
from inkread.errors import DatasetError, InkreadError, InputError
from inkread.evaluation.compare import PageReader, ReadLine, ReadPage, compared, read_given_lines, read_whole_pages
from inkread.evaluation.report import Report, SourceReport, summarise
from inkread.evaluation.sources import LineImage, PageFile, Source
from inkread.io.inputs import load_pages
from inkread.recognition.line_images import Strip, cut_strip, whole_line
from inkread.recognition.line_reader import LineReader

BATCH = 64

OnError = Callable[[object], None]


class ReaderOfLines(Protocol):
    """What is needed of a reader where a source has line images; `inkread.reader.Reader` has it."""

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
        reader: what is measured; it needs ``lines`` where a source has line images.
        sources: what it is measured on.
        settings: what the report should say about the reader.
        with_lines: read the transcribed lines one by one.
        with_pages: find and read the lines of whole pages.
        on_page: called after each page of either pass, and after each line image.
        on_error: called once for each image or transcription that is left out, with the reason; None raises.

    Raises:
        InputError: an image cannot be read and there is no ``on_error``.
        LayoutFileError: a transcription cannot be read, or has no line, and there is no ``on_error``.
        DatasetError: nothing could be read.
    """
    all_lines: list[ReadLine] = []
    all_pages: list[ReadPage] = []
    reports: list[SourceReport] = []
    failed: set[PageFile] = set()
    left_out = 0

    def leave_out(reason: object) -> None:
        nonlocal left_out
        if on_error is None:
            raise reason if isinstance(reason, InkreadError) else DatasetError(reason)
        left_out += 1
        on_error(reason)

    def leave_out_page(page: PageFile, error: InkreadError) -> None:
        if page not in failed:  # both passes meet it
            failed.add(page)
            leave_out(error)

    for source in sources:
        for reason in source.left_out:
            leave_out(reason)
        lines: list[ReadLine] = []
        pages: list[ReadPage] = []
        if with_lines:
            for page_lines in read_given_lines(reader, source.pages, leave_out_page):
                lines.extend(page_lines)
                on_page()
            if source.lines:
                for line in read_line_images(cast(ReaderOfLines, reader).lines, source.lines, leave_out):
                    lines.append(line)
                    on_page()
        if with_pages:
            for page in read_whole_pages(reader, source.pages, leave_out_page):
                pages.append(page)
                on_page()
        reports.append(summarise(source.name, source.split, lines, pages))
        all_lines.extend(lines)
        all_pages.extend(pages)
    if not all_lines and not all_pages:
        raise DatasetError(f"{', '.join(source.name for source in sources)}: there is nothing to evaluate")
    if len(reports) > 1:
        splits = sorted({report.split for report in reports})
        reports.append(summarise("all", "+".join(splits), all_lines, all_pages))
    return Report(settings, tuple(reports), tuple(all_lines), left_out)


def read_line_images(reader: LineReader, images: Sequence[LineImage], on_error: OnError) -> Iterator[ReadLine]:
    """Read images that show one line or word each; ``on_error`` is called with what cannot be read."""
    for first in range(0, len(images), BATCH):
        batch: list[tuple[LineImage, Line, Strip]] = []
        for image in images[first : first + BATCH]:
            try:
                grey = next(load_pages(image.image)).grey
            except InputError as error:
                on_error(error)
                continue
            baseline, ascent, descent = whole_line(grey)
            strip = cut_strip(grey, baseline, ascent=ascent, descent=descent, height=reader.height)
            batch.append((image, Line(image.name, baseline, ()), strip))
        readings = reader([line for _, line, _ in batch], [strip for *_, strip in batch])
        for (image, *_), reading in zip(batch, readings, strict=True):
            yield compared(
                image.text, reading, image.document, str(image.image), image.name, image.source, image.writer
            )
