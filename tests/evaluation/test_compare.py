"""Readings must be compared with their own lines, and a wrong order be told from wrong characters."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inkread.document import Line, Region
from inkread.evaluation.compare import PageReader, any_order_errors, compare_page, read_given_lines, read_whole_pages
from inkread.evaluation.sources import Source, open_sources
from inkread.evaluation.text import Errors, character_errors, normalise
from inkread.formats import read_layout


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
    (pages,) = open_sources(shared_data / "hooker-en", split="val", limit=2)
    lines = [line for page in read_given_lines(make_reader(pages), pages.pages) for line in page]
    assert len(lines) > 20
    assert all(line.read == line.written for line in lines)


bags = st.lists(st.text("abc", max_size=5), max_size=4)


def test_pages_read_as_transcribed_are_perfect(source: Source, make_reader: Callable[..., PageReader]) -> None:
    for page in read_whole_pages(make_reader(source), source.pages):
        assert page.characters.edits == page.words.edits == page.any_order.edits == 0
        assert (page.lines.recall, page.lines.precision) == (1, 1)


def test_a_wrong_order_shows_in_the_page_cer_only(source: Source, make_reader: Callable[..., PageReader]) -> None:
    page, *_ = read_whole_pages(make_reader(source, backwards=True), source.pages)
    assert page.characters.rate > 0.3
    assert page.any_order.edits == 0


def test_a_wrong_character_shows_in_both(source: Source, make_reader: Callable[..., PageReader]) -> None:
    def misread(line: Line) -> Line:
        return replace(line, text=line.text.replace("plants", "plauts"))

    page, *_ = read_whole_pages(make_reader(source, misread), source.pages)
    assert page.characters == Errors(1, 0, 0, len("My dear Sir, the plants came safe and in good order."))
    assert page.any_order.edits == page.words.edits == 1


def test_a_printed_head_that_nobody_transcribed_is_told_apart(source: Source) -> None:
    first = source.pages[0]
    written = read_layout(first.layout)
    head = Line("head", ((50, 560), (750, 560)), ((50, 500), (750, 500), (750, 570), (50, 570)), "ROYAL GARDENS")
    read = replace(written, regions=(Region("all", (), (*written.lines, head)),))
    page = compare_page(first, written, read)
    assert page.characters == Errors(0, len(" ROYAL GARDENS"), 0, len(normalise(written.text)))
    assert page.any_order.insertions == len("ROYAL GARDENS")
    assert page.transcribed.edits == 0
    assert compare_page(first, read, written).transcribed.deletions == len("ROYAL GARDENS")


def test_where_no_line_is_placed_all_text_counts_as_transcribed(source: Source) -> None:
    first = source.pages[0]
    written = read_layout(first.layout)
    nowhere = tuple(replace(line, baseline=()) for line in written.lines)
    page = compare_page(first, replace(written, regions=(Region("all", (), nowhere),)), written)
    assert (page.transcribed.edits, page.lines.written) == (0, 0)


def test_a_missed_and_an_invented_line_count_wholly() -> None:
    assert any_order_errors(["one", "two", "three"], ["three", "one"]) == Errors(0, 0, 3, 11)
    assert any_order_errors(["one"], ["xxxx", "one"]) == Errors(0, 4, 0, 3)
    assert any_order_errors([], []) == Errors()


@given(bags, bags)
def test_the_pairing_is_the_cheapest_of_all(written: list[str], read: list[str]) -> None:
    size = max(len(written), len(read))
    padded = written + [""] * (size - len(written))
    costs = (
        sum(character_errors(a, b).edits for a, b in zip(padded, order, strict=True))
        for order in permutations(read + [""] * (size - len(read)))
    )
    assert any_order_errors(written, read).edits == min(costs)
