"""A report goes into model cards and promotion gates: its figures must be those of the pages it names."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from inkread.data.dataset import MANIFEST, Sample, write_samples
from inkread.document import Line, Page
from inkread.errors import DatasetError, InputError
from inkread.evaluation.compare import PageReader
from inkread.evaluation.run import run
from inkread.evaluation.sources import Source, open_sources
from inkread.formats import page as page_format
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.reader import Reader


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


def test_pages_that_cannot_be_read_are_named_once_and_left_out(
    source: Source, make_reader: Callable[..., PageReader]
) -> None:
    reader = make_reader(source)
    first, second, third = source.pages
    first.image.write_bytes(b"damaged")
    third.layout.write_text("<PcGts>")
    with pytest.raises(InputError, match=r"letter_1\.png"):
        run(reader, [source], {})
    reasons: list[str] = []
    report = run(reader, [source], {}, on_error=lambda reason: reasons.append(str(reason)))
    assert [("letter_1.png" in reason, "note_1.xml" in reason) for reason in reasons] == [(True, False), (False, True)]
    assert (report.sources[0].pages, report.left_out) == (1, 2)
    assert {line.page for line in report.lines} == {str(second.image)}


def test_a_page_without_lines_is_left_out(source: Source, make_reader: Callable[..., PageReader]) -> None:
    reader = make_reader(source)
    source.pages[2].layout.write_bytes(page_format.dump(Page(800, 600)))
    reasons: list[str] = []
    assert run(reader, [source], {}, on_error=lambda reason: reasons.append(str(reason))).sources[0].pages == 2
    assert reasons[0].endswith("note_1.xml: there is no line in it")
    with pytest.raises(DatasetError, match="nothing to evaluate"):
        run(reader, [replace(source, pages=source.pages[2:])], {}, on_error=lambda _: None)


LETTER = Path(__file__).parents[1] / "pages" / "letter-1905-en.webp"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A line and a page in val, a line in train, an image that is damaged, one without text."""
    grey = next(load_pages(LETTER)).grey
    line = max(read_layout(LETTER.with_suffix(".xml")).lines, key=lambda line: len(line.text))
    x, y = zip(*line.polygon, strict=True)
    cv2.imwrite(str(tmp_path / "a.png"), grey[int(min(y)) : int(max(y)), int(min(x)) : int(max(x))])
    (tmp_path / "bad.png").write_bytes(b"no image")
    for suffix in (".webp", ".xml"):
        (tmp_path / f"page{suffix}").write_bytes(LETTER.with_suffix(suffix).read_bytes())
    samples = [
        Sample("line", "a.png", line.text, "line", "s", "d", "w", split="val"),
        Sample("bad", "bad.png", "tea", "line", "s", "d", split="val"),
        Sample("blank", "a.png", " ", "line", "s", "d", split="val"),
        Sample("other", "a.png", "x", "line", "s", "e", split="train"),
        Sample("page", "page.webp", "", "page", "s", "f", "v", split="val", layout="page.xml"),
        Sample("first", "page.webp", "Washington, D.C.", "line", "t", "g", split="val", layout="page.xml", line=0),
    ]
    write_samples(tmp_path / MANIFEST, samples)
    return tmp_path


def test_what_is_in_the_split_is_read_and_compared(dataset: Path) -> None:
    sources = open_sources(dataset, split="val")
    reasons: list[object] = []
    report = run(Reader(language_model=False), sources, {}, on_error=reasons.append)
    figures, other, _ = report.sources
    assert (figures.name, figures.split, figures.lines, figures.whole_pages) == ("s", "val", 14, 1)
    assert (other.name, other.lines, other.whole_pages) == ("t", 1, 0)
    assert other.cer is not None
    assert other.cer.value < 0.3, "the line is cut out of its page"
    assert figures.cer is not None
    assert figures.cer.value < 0.15
    (line,) = [line for line in report.lines if line.id == "line"]
    assert (line.source, line.writer, line.document) == ("s", "w", "d")
    assert len(line.words) == len(line.read.split())
    assert {line.writer for line in report.lines if line.document == "f"} == {"v"}
    assert {line.source for line in report.lines} == {"s", "t"}
    assert ["bad.png" in str(reason) for reason in reasons] == [True]


def test_a_split_that_is_not_there_is_named(dataset: Path) -> None:
    with pytest.raises(DatasetError, match="no test"):
        open_sources(dataset, split="test")
