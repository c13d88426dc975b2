"""Evaluate a reader on datasets and folders of transcribed pages.

Usage: ``run(reader, sources)``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from inkread.data.dataset import MANIFEST, Dataset, Sample
from inkread.document import Line, Setting
from inkread.errors import DatasetError
from inkread.evaluation.compare import PageReader, ReadLine, ReadPage, compared, read_given_lines, read_whole_pages
from inkread.evaluation.report import Report, SourceReport, summarise
from inkread.evaluation.sources import Source
from inkread.evaluation.text import normalise
from inkread.io.inputs import load_pages
from inkread.recognition.line_images import cut_strip, whole_line
from inkread.recognition.line_reader import LineReader

BATCH = 64


def is_dataset(folder: Path) -> bool:
    """Whether a folder is a data set with a manifest."""
    return (folder / MANIFEST).is_file()


def samples_of(folder: Path, split: str, limit: int | None = None) -> list[Sample]:
    """The lines and words of a split, or of the whole data set where it has no splits.

    Raises:
        DatasetError: there are none.
    """
    samples = [sample for sample in Dataset.open(folder).samples if sample.kind != "page" and normalise(sample.text)]
    if any(sample.split for sample in samples):
        samples = [sample for sample in samples if sample.split == split]
    if not samples:
        raise DatasetError(f"{folder}: there is no line or word with text here in split {split}")
    return samples[:limit]


def read_samples(
    reader: LineReader, folder: Path, samples: Sequence[Sample], on_line: Callable[[], None] = lambda: None
) -> Iterator[ReadLine]:
    """Read each sample's image as one line.

    Raises:
        InputError: an image cannot be read.
    """
    for first in range(0, len(samples), BATCH):
        batch = samples[first : first + BATCH]
        greys = [next(iter(load_pages(folder / sample.image))).grey for sample in batch]
        bands = [whole_line(grey) for grey in greys]
        strips = [
            cut_strip(grey, baseline, ascent=ascent, descent=descent, height=reader.height)
            for grey, (baseline, ascent, descent) in zip(greys, bands, strict=True)
        ]
        lines = [Line(sample.sample_id, baseline, ()) for sample, (baseline, *_) in zip(batch, bands, strict=True)]
        for sample, line in zip(batch, reader(lines, strips), strict=True):
            image, name = str(folder / sample.image), sample.sample_id
            yield compared(sample.text, line, sample.document_id, image, name, sample.source, sample.writer_id)
            on_line()


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
