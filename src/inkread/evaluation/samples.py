"""Lines and words of a data set folder as lines to measure on.

Usage: ``lines = read_samples(line_reader, Path("dataset"), "test")``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from inkread.data.manifest import MANIFEST, Sample, read_manifest
from inkread.document import Line
from inkread.errors import DatasetError
from inkread.evaluation.lines import ReadLine, compared
from inkread.evaluation.text import normalise
from inkread.imaging.load import load_pages
from inkread.imaging.strip import cut_strip, whole_line
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
    samples = [sample for sample in read_manifest(folder) if sample.kind != "page" and normalise(sample.text)]
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
