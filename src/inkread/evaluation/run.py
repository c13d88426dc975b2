"""Measure a reader on sources, from files to figures.

Usage: ``print(run(reader, [find_source(Path("letters"))], {"model": "mine 1.0"}).json())``
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inkread.document import Setting
from inkread.evaluation.lines import PageReader, ReadLine, read_given_lines
from inkread.evaluation.pages import ReadPage, read_whole_pages
from inkread.evaluation.report import Report, SourceReport, summarise
from inkread.evaluation.sources import Source


def run(
    reader: PageReader,
    sources: Sequence[Source],
    settings: Mapping[str, Setting],
    *,
    with_lines: bool = True,
    with_pages: bool = True,
    on_page: Callable[[], None] = lambda: None,
    samples: Sequence[tuple[str, str, Sequence[ReadLine]]] = (),
) -> Report:
    """Read every page of the sources and report on each source, and on all where there are several.

    Args:
        reader: what is measured.
        sources: what it is measured on.
        settings: what the report should say about the reader.
        with_lines: read the transcribed lines one by one.
        with_pages: find and read the lines of whole pages.
        on_page: called after each page of either pass.
        samples: name, split and lines of data sets that are read already, to report with the others.

    Raises:
        InputError: an image cannot be read.
        LayoutFileError: a transcription cannot be read.
    """
    all_lines: list[ReadLine] = []
    all_pages: list[ReadPage] = []
    reports: list[SourceReport] = []
    for name, split, read in samples:
        reports.append(summarise(name, split, read, []))
        all_lines.extend(read)
    for source in sources:
        lines: list[ReadLine] = []
        pages: list[ReadPage] = []
        if with_lines:
            for page_lines in read_given_lines(reader, source.pages):
                lines.extend(page_lines)
                on_page()
        if with_pages:
            for page in read_whole_pages(reader, source.pages):
                pages.append(page)
                on_page()
        reports.append(summarise(source.name, source.split, lines, pages))
        all_lines.extend(lines)
        all_pages.extend(pages)
    if len(reports) > 1:
        splits = sorted({report.split for report in reports})
        reports.append(summarise("all", "+".join(splits), all_lines, all_pages))
    return Report(settings, tuple(reports), tuple(all_lines))
