"""Claims against other engines rest on these ratios: their direction and their sample must be right."""

import json

import pytest
from rich.console import Console

from inkread.evaluation.comparison import Comparison
from inkread.evaluation.sources import Source
from inkread.evaluation.speed import Measurement

OURS = Measurement("inkread", "1", 0.2, (2.0, 3.0, 4.0), 300 * 2**20, (("tea",), ("for", "two"), ()))
THEIRS = Measurement("rapidocr", "3", 0.1, (8.0, 6.0, 4.0), 600 * 2**20, (("tee",), ("for", "two"), ("x",)))


@pytest.fixture
def comparison(source: Source) -> Comparison:
    pages = [page.image for page in source.pages]
    layouts = {page.image: page.layout for page in source.pages[:2]}
    return Comparison.of([OURS, THEIRS], pages, layouts, {"threads": 2})


def test_speed_is_that_of_the_median_run_and_ratios_are_paired(comparison: Comparison) -> None:
    ours, theirs = comparison.engines
    assert (ours.pages_a_minute, ours.lines_a_second) == (60, 1)
    assert theirs.pages_a_minute == 30
    assert theirs.lines_a_second == pytest.approx(4 / 6)
    assert (ours.time_ratio, theirs.time_ratio) == (1, 0.5)
    assert (ours.peak_mebibytes, theirs.peak_mebibytes) == (300, 600)


def test_error_rates_are_of_the_transcribed_pages_only(comparison: Comparison) -> None:
    assert comparison.settings == {"threads": 2, "pages": 3, "transcribed_pages": 2}
    ours, _ = comparison.engines
    assert ours.page_cer is not None
    assert ours.page_cer.documents == 1
    assert 0.7 < ours.page_cer.value <= 1


def test_without_transcriptions_there_is_no_error_rate(source: Source) -> None:
    comparison = Comparison.of([OURS], [page.image for page in source.pages], {}, {})
    assert comparison.engines[0].page_cer is None
    assert "CER" in _shown(comparison)


def test_json_and_table_name_the_engines_and_the_terms(comparison: Comparison) -> None:
    content = json.loads(comparison.json())
    assert [engine["engine"] for engine in content["engines"]] == ["inkread", "rapidocr"]
    assert "NFC" in content["normalisation"]
    shown = _shown(comparison)
    assert "rapidocr 3" in shown
    assert "threads 2" in shown
    assert "[one document]" in shown


def _shown(comparison: Comparison) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(comparison.table())
    return capture.get()
