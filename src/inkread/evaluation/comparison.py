"""Measurements of engines beside each other, as JSON and as a table.

Usage: ``print(Comparison.of(measurements, pages, layouts, settings).json())``
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from inkread.data.dataset import document_name
from inkread.document import Setting
from inkread.evaluation.compare import any_order_errors
from inkread.evaluation.sources import DOCUMENT_RULE
from inkread.evaluation.speed import Measurement
from inkread.evaluation.statistics import INTERVAL, Estimate, rate_by_document
from inkread.evaluation.text import NORMALISATION, Errors, character_errors
from inkread.formats import read_layout


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The figures of one engine.

    Attributes:
        engine, version: which.
        load_seconds: until it could read.
        pages_a_minute, lines_a_second: of the median run.
        run_seconds: each run's sum over the pages.
        time_ratio: time of the first engine over this one's, the median over runs; below 1 the first is faster.
        peak_mebibytes: highest resident memory.
        page_cer, page_cer_any_order: over the transcribed pages, None where none is transcribed.
    """

    engine: str
    version: str
    load_seconds: float
    pages_a_minute: float
    lines_a_second: float
    run_seconds: tuple[float, ...]
    time_ratio: float
    peak_mebibytes: float
    page_cer: Estimate | None
    page_cer_any_order: Estimate | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All engines, and what they read with which settings."""

    settings: Mapping[str, Setting]
    engines: tuple[EngineReport, ...]

    @classmethod
    def of(
        cls,
        measurements: Sequence[Measurement],
        pages: Sequence[Path],
        layouts: Mapping[Path, Path],
        settings: Mapping[str, Setting],
    ) -> Comparison:
        """Compare measurements on the same pages; the first is what the others are compared with.

        Args:
            measurements: one an engine, with a reading for each page.
            pages: the images.
            layouts: transcriptions of some of them.
            settings: what the report should say about the runs.
        """
        written = {page: [line.text for line in read_layout(layouts[page]).lines] for page in pages if page in layouts}
        sizes = {"pages": len(pages), "transcribed_pages": len(written)}
        reports = (_report(measurement, measurements[0], pages, written) for measurement in measurements)
        return cls({**settings, **sizes}, tuple(reports))

    def json(self) -> str:
        """The comparison as indented JSON."""
        content = {
            "normalisation": NORMALISATION,
            "interval": INTERVAL,
            "document": DOCUMENT_RULE,
            "settings": dict(self.settings),
            "engines": [asdict(engine) for engine in self.engines],
        }
        return json.dumps(content, ensure_ascii=False, indent=2) + "\n"

    def table(self) -> Table:
        """The comparison as a table, one row an engine."""
        settings = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.settings.items())
        table = Table(caption=f"{settings}. Text: {NORMALISATION}. Brackets: {INTERVAL}.")
        table.add_column("engine")
        first = self.engines[0].engine
        for heading in ("pages a minute", "lines a second", f"time of {first} / its time", "peak MiB", "load s"):
            table.add_column(heading, justify="right")
        for heading in ("page CER", "page CER, any order"):
            table.add_column(heading, justify="right")
        for engine in self.engines:
            cers = (engine.page_cer, engine.page_cer_any_order)
            table.add_row(
                f"{engine.engine} {engine.version}",
                f"{engine.pages_a_minute:.1f}",
                f"{engine.lines_a_second:.1f}",
                f"{engine.time_ratio:.2f}",
                f"{engine.peak_mebibytes:.0f}",
                f"{engine.load_seconds:.1f}",
                *(escape(str(cer).replace(" [", "\n[")) if cer else "" for cer in cers),
            )
        return table


def _report(
    measurement: Measurement, first: Measurement, pages: Sequence[Path], written: Mapping[Path, Sequence[str]]
) -> EngineReport:
    readings = {page: lines for page, lines in zip(pages, measurement.readings, strict=True) if page in written}
    seconds = statistics.median(measurement.run_seconds)
    return EngineReport(
        engine=measurement.engine,
        version=measurement.version,
        load_seconds=measurement.load_seconds,
        pages_a_minute=60 * len(pages) / seconds,
        lines_a_second=sum(len(lines) for lines in measurement.readings) / seconds,
        run_seconds=measurement.run_seconds,
        time_ratio=statistics.median(
            mine / theirs for mine, theirs in zip(first.run_seconds, measurement.run_seconds, strict=True)
        ),
        peak_mebibytes=measurement.peak_bytes / 2**20,
        page_cer=_error_rate(
            (page, character_errors(" ".join(written[page]), " ".join(lines))) for page, lines in readings.items()
        ),
        page_cer_any_order=_error_rate(
            (page, any_order_errors(written[page], lines)) for page, lines in readings.items()
        ),
    )


def _error_rate(errors: Iterable[tuple[Path, Errors]]) -> Estimate | None:
    return rate_by_document(
        (str(page.with_name(document_name(page.stem))), error.edits, error.length) for page, error in errors
    )
