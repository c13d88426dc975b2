"""A report goes into model cards and promotion gates: its figures must be those of the pages it names."""

from collections.abc import Callable
from dataclasses import replace

from inkread.document import Line
from inkread.evaluation.compare import PageReader
from inkread.evaluation.run import run
from inkread.evaluation.sources import Source


def misread(line: Line) -> Line:
    return replace(line, text=line.text.replace("d", "cl"))


def test_a_report_counts_what_was_misread(source: Source, make_reader: Callable[..., PageReader]) -> None:
    report = run(make_reader(source, misread), [source], {"model": "parrot 1"})
    (figures,) = report.sources
    assert (figures.pages, figures.documents, figures.lines) == (3, 2, 6)
    assert (figures.characters.substitutions, figures.characters.insertions) == (4, 4)
    assert figures.confusions[0][2] == 4
    assert figures.cer is not None
    assert figures.cer.value == 8 / figures.characters.length
    assert figures.line_recall is not None
    assert figures.line_recall.value == 1


def test_several_sources_are_also_reported_together(source: Source, make_reader: Callable[..., PageReader]) -> None:
    report = run(make_reader(source), [source, replace(source, name="again")], {})
    assert [figures.name for figures in report.sources] == ["letters", "again", "all"]
    assert report.sources[2].lines == 12


def test_only_what_is_asked_for_is_measured(source: Source, make_reader: Callable[..., PageReader]) -> None:
    seen: list[None] = []
    report = run(make_reader(source), [source], {}, with_pages=False, on_page=lambda: seen.append(None))
    assert report.sources[0].page_cer is None
    assert report.sources[0].wer is not None
    assert len(seen) == 3
    report = run(make_reader(source), [source], {}, with_lines=False)
    assert report.sources[0].cer is None
    assert (report.sources[0].pages, report.sources[0].documents) == (3, 2)
