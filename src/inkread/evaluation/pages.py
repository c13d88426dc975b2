"""The whole way from image to text: read pages as a user would, and compare with their transcriptions.

Usage: ``for page in read_whole_pages(reader, source.pages): print(page.characters.rate, page.lines.recall)``

Three figures tell mistakes of recognition, of reading order, and text apart that the transcription leaves out. The page
CER compares the page's text as read with its transcription, both in the order of their lines, each as one string in
which a line break is a space. The CER in any order gives each written line at most one read line and each read line at
most one written one, so that the edits become fewest (an assignment problem); lines left over count as wholly deleted
or inserted. The CER of transcribed text is that in any order, without the lines that were found where the
transcription marks none: printed heads and forms, stamps, notes, but also what is no writing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from scipy.optimize import linear_sum_assignment

from inkread.document import Page
from inkread.evaluation.detection import Detection, match_baselines, over_written
from inkread.evaluation.lines import PageReader, first_page
from inkread.evaluation.sources import PageFile
from inkread.evaluation.text import Errors, character_errors, normalise, word_errors
from inkread.formats import read_layout


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


def read_whole_pages(reader: PageReader, pages: Sequence[PageFile]) -> Iterator[ReadPage]:
    """Find and read the lines of each page, and compare with its transcription.

    Raises:
        InputError: an image cannot be read.
        LayoutFileError: a transcription cannot be read.
    """
    readings = reader.read_pages(first_page(page) for page in pages)
    for page, reading in zip(pages, readings, strict=True):
        yield compare_page(page, read_layout(page.layout), reading)


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
    costs = cdist(references, readings, scorer=Levenshtein.distance, dtype=np.int32)
    pairs = zip(*linear_sum_assignment(costs), strict=True)
    return sum((character_errors(references[i], readings[j]) for i, j in pairs), Errors())
