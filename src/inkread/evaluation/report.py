"""The figures of an evaluation: by source, by slice, with intervals.

Usage: ``summarise(lines, pages)``; ``slices(lines)``
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.markup import escape
from rich.table import Table

from inkread.document import Setting
from inkread.evaluation.calibration import rated_words, word_error
from inkread.evaluation.compare import ReadLine, ReadPage
from inkread.evaluation.coverage import COVERAGES, cer_at, perfect_coverage, risk_coverage, word_coverage
from inkread.evaluation.sources import DOCUMENT_RULE, century
from inkread.evaluation.statistics import INTERVAL, Estimate, rate_by_document
from inkread.evaluation.text import NORMALISATION, Errors, character_errors, confusions, word_errors

LENGTHS = (10, 20, 40, 80)
CONFIDENCES = (0.5, 0.7, 0.8, 0.9, 0.95)
MOST_WRITERS = 40


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines that have something in common, and their CER over documents."""

    dimension: str
    name: str
    lines: int
    characters: int
    cer: Estimate


def slices(lines: Sequence[ReadLine]) -> list[Slice]:
    """All slices in order, without dimensions in which all lines are alike; of writers the first forty."""
    found = []
    for dimension, name_of in DIMENSIONS.items():
        groups: dict[str, list[ReadLine]] = defaultdict(list)
        for line in lines:
            if name := name_of(line):
                groups[name].append(line)
        if len(groups) > 1:
            found += [_slice(dimension, name, groups[name]) for name in sorted(groups, key=_natural)[:MOST_WRITERS]]
    return found


def band(value: float, bounds: Sequence[float], unit: str) -> str:
    """``band(12, (10, 20), " characters") == "10 to 20 characters"``; a bound belongs to the band above it."""
    places = sum(value >= bound for bound in bounds)
    if places == 0:
        return f"below {bounds[0]:g}{unit}"
    if places == len(bounds):
        return f"from {bounds[-1]:g}{unit}"
    return f"{bounds[places - 1]:g} to {bounds[places]:g}{unit}"


def _slice(dimension: str, name: str, lines: Sequence[ReadLine]) -> Slice:
    errors = [character_errors(line.written, line.read) for line in lines]
    parts = [(line.document, error.edits, error.length) for line, error in zip(lines, errors, strict=True)]
    rate = rate_by_document(parts)
    assert rate is not None
    return Slice(dimension, name, len(lines), sum(error.length for error in errors), rate)


def _natural(name: str) -> tuple[float, str]:
    number = re.search(r"[\d.]+", name)
    start = 0.0 if name.startswith("below") else float(number.group().rstrip(".") or 0) if number else 0.0
    return start, name


DIMENSIONS: dict[str, Callable[[ReadLine], str]] = {
    "source": lambda line: line.source,
    "writer": lambda line: line.writer,
    "century": lambda line: century(line.source),
    "length": lambda line: band(len(line.written), LENGTHS, " characters"),
    "confidence": lambda line: "none" if line.confidence is None else band(line.confidence, CONFIDENCES, ""),
}


COMMON_CONFUSIONS = 50
MEASURES = {
    "cer": "character edits / written characters over the transcribed lines, read one by one",
    "wer": "word edits / written words over the same lines",
    "page_cer": "character edits / written characters of whole pages in reading order, a line break being a space",
    "page_wer": "word edits / written words of whole pages in reading order",
    "page_cer_any_order": "character edits / written characters of whole pages, lines paired one to one",
    "page_cer_transcribed": "as page_cer_any_order, without lines found where the transcription marks none",
    "order_cost": "page_cer less page_cer_any_order: lines in a wrong order; below 0 where lines are joined",
    "untranscribed_cost": "page_cer_any_order less page_cer_transcribed: text that was read and is not transcribed",
    "line_cost": "page_cer_transcribed less cer: lines missed, joined, split or cut badly",
    "line_recall": "coverage of the written baselines, tolerance 0.25 of the line distance (READ-BAD, DAS 2018)",
    "line_precision": "coverage of the found baselines, paired one to one, same tolerance",
}
OF_LINES = ("cer", "wer")
OF_PAGES = tuple(name for name in MEASURES if name not in (*OF_LINES, "page_wer"))
UNDEFINED = "undefined"
HEADINGS = {
    "whole_pages": "pages",
    "page_cer_any_order": "any order",
    "page_cer_transcribed": "transcribed",
    "line_recall": "recall",
    "line_precision": "precision",
}


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The figures of one source; a figure that was not measured, or is undefined because of no text, is None.

    Attributes:
        name, split: which pages.
        pages, documents, lines: sample sizes; ``lines`` are those with a transcription.
        whole_pages: how many pages were read as a whole.
        cer, wer, page_cer, page_wer, page_cer_any_order, page_cer_transcribed, order_cost, untranscribed_cost,
            line_cost, line_recall, line_precision: see ``MEASURES``.
        characters, words: edit counts over the lines.
        confusions: (written, read, count) of characters over the lines, most frequent first.
    """

    name: str
    split: str
    pages: int
    documents: int
    lines: int
    whole_pages: int
    cer: Estimate | None
    wer: Estimate | None
    page_cer: Estimate | None
    page_wer: Estimate | None
    page_cer_any_order: Estimate | None
    page_cer_transcribed: Estimate | None
    order_cost: float | None
    untranscribed_cost: float | None
    line_cost: float | None
    line_recall: Estimate | None
    line_precision: Estimate | None
    characters: Errors
    words: Errors
    confusions: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of some sources, of all together, how they came about, and the compared lines.

    Attributes:
        settings: what the report says about the reader.
        sources: the figures.
        lines: every compared line.
        left_out: how many images or transcriptions could not be read.
    """

    settings: Mapping[str, Setting]
    sources: tuple[SourceReport, ...]
    lines: tuple[ReadLine, ...] = ()
    left_out: int = 0

    def json(self) -> str:
        """The report as indented JSON, the definitions of its figures included."""
        content = {
            "normalisation": NORMALISATION,
            "interval": INTERVAL,
            "document": DOCUMENT_RULE,
            "measures": MEASURES,
            "settings": dict(self.settings),
            "left_out": self.left_out,
            "sources": [asdict(source) for source in self.sources],
        }
        if self.lines:
            content |= confidence_figures(self.lines)
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    def tables(self) -> list[Table]:
        """The report as a table of given lines and one of whole pages; what was not measured is left out."""
        found = []
        lines = any(source.lines for source in self.sources)
        if lines:
            found.append(self._table("given lines", ("pages", "documents", "lines"), OF_LINES))
        if any(source.whole_pages for source in self.sources):
            shown = [name for name in OF_PAGES if lines or name != "line_cost"]
            found.append(self._table("whole pages", ("whole_pages",), shown))
        if found:
            found[-1].caption = f"Text: {NORMALISATION}. Brackets: {INTERVAL}. Document: {DOCUMENT_RULE}."
        return found

    def _table(self, title: str, sizes: Sequence[str], figures: Sequence[str]) -> Table:
        table = Table(title=title)
        table.add_column("source", overflow="fold")
        for name in (*sizes, *figures):
            table.add_column(HEADINGS.get(name, name.replace("_", " ")), justify="right")
        for source in self.sources:
            cells = [str(getattr(source, name)) for name in sizes]
            cells += [escape(_shown(getattr(source, name))) for name in figures]
            table.add_row(f"{source.name}/{source.split}".rstrip("/"), *cells)
        return table


def _shown(figure: Estimate | float | None) -> str:
    if figure is None:
        return UNDEFINED
    return f"{figure:+.3f}" if isinstance(figure, float) else str(figure).replace(" [", "\n[")


def summarise(name: str, split: str, lines: Sequence[ReadLine], pages: Sequence[ReadPage]) -> SourceReport:
    """The figures of one source, or of several together.

    Args:
        name, split: what the pages are called.
        lines: compared lines; none where recognition was not measured alone.
        pages: compared pages; none where whole pages were not read.
    """
    characters = [character_errors(line.written, line.read) for line in lines]
    words = [word_errors(line.written, line.read) for line in lines]
    counts = confusions((line.written, line.read) for line in lines)
    compared: list[ReadLine | ReadPage] = [*lines, *pages]
    cer = _error_rate(lines, characters)
    in_order = _error_rate(pages, [page.characters for page in pages])
    any_order = _error_rate(pages, [page.any_order for page in pages])
    transcribed = _error_rate(pages, [page.transcribed for page in pages])
    return SourceReport(
        name=name,
        split=split,
        pages=len({item.page for item in compared}),
        documents=len({item.document for item in compared}),
        lines=len(lines),
        whole_pages=len(pages),
        cer=cer,
        wer=_error_rate(lines, words),
        page_cer=in_order,
        page_wer=_error_rate(pages, [page.words for page in pages]),
        page_cer_any_order=any_order,
        page_cer_transcribed=transcribed,
        order_cost=_difference(in_order, any_order),
        untranscribed_cost=_difference(any_order, transcribed),
        line_cost=_difference(transcribed, cer),
        line_recall=rate_by_document((page.document, page.lines.covered, page.lines.written) for page in pages),
        line_precision=rate_by_document((page.document, page.lines.correct, page.lines.found) for page in pages),
        characters=sum(characters, Errors()),
        words=sum(words, Errors()),
        confusions=tuple((*pair, count) for pair, count in counts.most_common(COMMON_CONFUSIONS)),
    )


def confidence_figures(lines: Sequence[ReadLine]) -> dict[str, Any]:
    """CER at coverages of lines and words, for lines in the best possible order too; calibration error; for JSON."""
    curve, perfect, rated = risk_coverage(lines), perfect_coverage(lines), rated_words(lines)
    of_words = word_coverage(lines)
    return {
        "cer_at_coverage": {f"{share:g}": cer_at(curve, share) for share in COVERAGES},
        "cer_at_coverage_in_the_best_order": {f"{share:g}": cer_at(perfect, share) for share in COVERAGES},
        "cer_at_coverage_of_words": {f"{share:g}": cer_at(of_words, share) for share in COVERAGES},
        "word_ece": word_error(rated),
        "words_rated": len(rated),
    }


def _error_rate(compared: Iterable[ReadLine | ReadPage], errors: Iterable[Errors]) -> Estimate | None:
    return rate_by_document(
        (item.document, error.edits, error.length) for item, error in zip(compared, errors, strict=True)
    )


def _difference(more: Estimate | None, less: Estimate | None) -> float | None:
    return None if more is None or less is None else more.value - less.value
