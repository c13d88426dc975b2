"""A figure without its data set, sample size, normalisation and interval cannot be compared with another."""

import json
from collections.abc import Callable

from rich.console import Console

from inkread.evaluation.compare import PageReader
from inkread.evaluation.report import Report, summarise
from inkread.evaluation.run import run
from inkread.evaluation.sources import Source


def test_json_says_how_its_figures_came_about(source: Source, make_reader: Callable[..., PageReader]) -> None:
    report = json.loads(run(make_reader(source), [source], {"model": "parrot 1"}).json())
    assert report["settings"] == {"model": "parrot 1"}
    assert "NFC" in report["normalisation"]
    assert "95%" in report["interval"]
    (figures,) = report["sources"]
    assert (figures["name"], figures["split"], figures["documents"]) == ("letters", "val", 2)
    assert figures["cer"] == {"value": 0, "low": 0, "high": 0, "documents": 2}
    assert set(report["measures"]) <= set(figures)


def test_the_table_shows_what_was_measured_and_nothing_else(
    source: Source, make_reader: Callable[..., PageReader]
) -> None:
    shown = _shown(run(make_reader(source), [source], {}, with_pages=False))
    assert "letters/val" in shown
    assert "[0.000 0.000]" in shown
    assert "page cer" not in shown


def test_nothing_read_is_reported_as_nothing() -> None:
    figures = summarise("empty", "", [], [])
    assert figures.cer is None
    assert figures.line_recall is None
    assert "empty" in _shown(Report({}, (figures,)))


def _shown(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(report.table())
    return capture.get()
