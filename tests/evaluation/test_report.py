"""A figure without its dataset, sample size, normalisation and interval cannot be compared with another."""

import json
from collections.abc import Callable

import pytest
from rich.console import Console

from inkread.evaluation.compare import PageReader, ReadLine, ReadPage
from inkread.evaluation.detection import Detection
from inkread.evaluation.report import Report, band, slices, summarise
from inkread.evaluation.run import run
from inkread.evaluation.sources import Source, century
from inkread.evaluation.text import Errors


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
    whole = _shown(run(make_reader(source), [source], {}, with_lines=False))
    assert "page cer" in whole
    assert "line cost" not in whole, "it compares with the given lines"


def test_a_wrong_order_is_a_cost_of_its_own(source: Source, make_reader: Callable[..., PageReader]) -> None:
    (figures,) = run(make_reader(source, backwards=True), [source], {}).sources
    assert figures.page_cer is not None
    assert figures.order_cost == figures.page_cer.value > 0.3
    assert figures.untranscribed_cost == figures.line_cost == 0


def test_costs_are_differences_of_the_rates_beside_them() -> None:
    line = ReadLine("d", "p.png", "1", "abcdefghij", "abcdefghix", None)
    page = ReadPage("d", "p.png", Errors(9, 0, 0, 10), Errors(), Errors(5, 0, 0, 10), Errors(3, 0, 0, 10), Detection())
    figures = summarise("s", "", [line], [page])
    costs = (figures.order_cost, figures.untranscribed_cost, figures.line_cost)
    assert costs == pytest.approx((0.4, 0.2, 0.2))


@pytest.mark.case
def test_a_page_on_which_nothing_is_transcribed_has_no_cer() -> None:
    page = ReadPage("d", "p.png", Errors(0, 9, 0, 0), Errors(0, 2, 0, 0), Errors(), Errors(), Detection(1, 1, 1, 1))
    figures = summarise("empty", "", [], [page])
    assert figures.page_cer is None
    assert figures.line_recall is not None
    assert "undefined" in _shown(Report({}, (figures,)))


def _shown(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        for table in report.tables():
            console.print(table)
    return capture.get()


def test_each_dimension_holds_all_lines() -> None:
    lines = [
        ReadLine("a", "p", "1", "tea", "tea", 0.99, "mss18-fr", "w1"),
        ReadLine(
            "b", "p", "2", "tea for two and two for tea", "tee for two and two for tea", 0.6, "letters-1911", "w2"
        ),
        ReadLine("b", "p", "3", "x" * 90, "x" * 90, None, "letters-1911", "w2"),
    ]
    parts = slices(lines)
    for dimension in ("source", "writer", "century", "length", "confidence"):
        chosen = [part for part in parts if part.dimension == dimension]
        assert sum(part.lines for part in chosen) == 3, dimension
        assert sum(part.characters for part in chosen) == 3 + 27 + 90
    by_name = {part.name: part for part in parts}
    assert by_name["18th century"].cer.value == 0
    assert by_name["0.5 to 0.7"].cer.value == pytest.approx(1 / 27)
    assert [part.name for part in parts if part.dimension == "length"] == [
        "below 10 characters",
        "20 to 40 characters",
        "from 80 characters",
    ]


def test_a_dimension_that_does_not_part_is_left_out() -> None:
    assert [part.dimension for part in slices([ReadLine("a", "p", "1", "tea", "tea", 0.9, "s")])] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mss18-fr", "18th century"),
        ("letters-1871", "19th century"),
        ("hooker-en", ""),
        ("copiste-2019-x", "21th century"),
    ],
)
def test_centuries(name: str, expected: str) -> None:
    assert century(name) == expected.replace("21th", "21st")


def test_bands() -> None:
    assert [band(value, (10, 20), " px") for value in (9, 10, 20)] == ["below 10 px", "10 to 20 px", "from 20 px"]
