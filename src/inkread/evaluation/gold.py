"""Gold lines, on which the gate compares bundles, and what a bundle reads in them: int8, with its language model.

Usage: ``lines = gold_lines(Path("gold"), "test"); errors, seconds = read_gold(Bundle.open(), lines)``
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkread.bundle import Bundle
from inkread.data.dataset import Dataset, Sample
from inkread.data.store import CutSettings, LineStore, line_images
from inkread.document import Line
from inkread.errors import DatasetError
from inkread.evaluation.gate import GoldLine, LineErrors
from inkread.evaluation.sources import century
from inkread.evaluation.text import character_errors, word_errors
from inkread.recognition.line_images import Grey, Strip
from inkread.recognition.line_reader import LineReader

SLICED = ("source", "writer_id", "language", "kind", "style")


@dataclass(frozen=True, slots=True)
class GoldImage:
    """A line image uint8 [48, width], what is written in it, and where it belongs."""

    image: Grey
    text: str
    place: GoldLine


def gold_lines(dataset: Path | Dataset, split: str) -> list[GoldImage]:
    """The transcribed lines of a split of a dataset; all where it has no splits.

    Raises:
        DatasetError: there is none.
    """
    opened = dataset if isinstance(dataset, Dataset) else Dataset.open(dataset)
    chosen = Dataset(opened.folder, opened.of_split(split)).lines()
    written = [sample for sample in chosen if sample.text.strip()]
    lines = [
        GoldImage(image, sample.text, place_of(sample))
        for sample, image in line_images(opened, written, CutSettings(), context=False)
    ]
    if not lines:
        raise DatasetError(f"{opened.folder}: there is no transcribed line in split {split}")
    return lines


def place_of(sample: Sample) -> GoldLine:
    """The document of a sample, and its slices as far as the manifest says; the century by the name of the source."""
    found = [(kind.removesuffix("_id"), str(getattr(sample, kind))) for kind in SLICED]
    found.append(("century", century(sample.source)))
    return GoldLine(sample.document_id, tuple((kind, name) for kind, name in found if name))


def gold_of_store(store: LineStore) -> list[GoldImage]:
    """The lines of a store as they are read; it knows their sources and documents only."""
    return [
        GoldImage(store.image(index), line.text, GoldLine(line.document_id, (("source", line.source),)))
        for index, line in enumerate(store.lines)
    ]


def read_gold(bundle: Bundle, lines: Sequence[GoldImage]) -> tuple[list[LineErrors], float]:
    """What a bundle reads wrong in each line, and the seconds of CPU time that reading took."""
    reader = LineReader(bundle, alternatives=0)
    read_images(reader, [lines[0].image])  # the first call also prepares the network
    begun = time.process_time()
    read = read_images(reader, [line.image for line in lines])
    seconds = time.process_time() - begun
    errors = [
        LineErrors(character_errors(line.text, found.text), word_errors(line.text, found.text), found.text)
        for line, found in zip(lines, read, strict=True)
    ]
    return errors, seconds


def read_images(reader: LineReader, images: Sequence[Grey]) -> list[Line]:
    """Read line images whose place on a page does not matter."""
    places = [Line(str(number), (), ()) for number in range(len(images))]
    return reader(places, [_alone(image) for image in images])


def _alone(image: Grey) -> Strip:
    height, width = image.shape
    baseline = ((0.0, float(height)), (float(width), float(height)))
    return Strip(image, (0.0, 0.0), (1.0, 0.0), np.zeros(width, np.float32), 0.0, float(height), 1.0, baseline)
