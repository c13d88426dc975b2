"""Readings must be compared with the transcription of their own line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from inkread.document import Line
from inkread.evaluation.compare import PageReader, read_given_lines
from inkread.evaluation.sources import Source, find_source


def test_lines_are_compared_by_their_id_whatever_their_order(
    source: Source, make_reader: Callable[..., PageReader]
) -> None:
    pages = list(read_given_lines(make_reader(source, backwards=True), source.pages))
    assert [len(page) for page in pages] == [3, 2, 1]
    assert all(line.read == line.written for page in pages for line in page)


def test_lines_without_transcription_are_left_out(source: Source, make_reader: Callable[..., PageReader]) -> None:
    _, page, _ = read_given_lines(make_reader(source), source.pages)
    assert [line.written for line in page] == ["Yours truly", "J. D. H."]


def test_a_line_that_is_not_read_counts_as_read_empty(source: Source, make_reader: Callable[..., PageReader]) -> None:
    def rename(line: Line) -> Line:
        return replace(line, id="other") if line.id == "l0" else line

    first, *_ = read_given_lines(make_reader(source, rename), source.pages)
    assert [line.read for line in first] == ["", "the plants came safe", "and in good order."]


def test_real_pages_read_as_transcribed_have_no_errors(
    shared_data: Path, make_reader: Callable[..., PageReader]
) -> None:
    pages = find_source(shared_data / "hooker-en", split="val", limit=2)
    lines = [line for page in read_given_lines(make_reader(pages), pages.pages) for line in page]
    assert len(lines) > 20
    assert all(line.read == line.written for line in lines)
