from dataclasses import replace

from inkread import Document, Line, Page, Region, Word
from inkread.document import Character, within_page


def line(text: str, confidence: float | None = None) -> Line:
    return Line(text, ((0, 10), (50, 10)), ((0, 0), (50, 0), (50, 14), (0, 14)), text, confidence)


def page(*lines: Line) -> Page:
    return Page(100, 100, (Region("r1", ()), Region("r2", (), lines)))


def test_text_follows_the_reading_order_one_line_a_line() -> None:
    document = Document((page(line("one"), line("two")), page(line("three"))))
    assert document.pages[0].text == "one\ntwo"
    assert document.text == "one\ntwo\n\nthree"
    assert [item.text for item in document.lines] == ["one", "two", "three"]


def test_page_confidence_weighs_lines_by_their_length() -> None:
    assert page(line("abc", 1.0), line("d", 0.0), line("unrated")).confidence == 0.75


def test_page_without_rated_lines_has_no_confidence() -> None:
    assert page(line("abc")).confidence is None
    assert Page(10, 10).confidence is None


def test_equal_content_is_equal() -> None:
    assert Word("a", confidence=0.5) == Word("a", confidence=0.5)
    assert page(line("a")) == page(line("a"))


def test_only_a_page_with_points_outside_it_is_changed() -> None:
    inside = Line("l1", ((10.0, 50.0), (90.0, 50.0)), ())
    whole = Page(100, 80, (Region("r1", (), (inside,)),))
    assert within_page(whole) is whole
    character = Character("a", ((95.0, 40.0), (104.0, 40.0), (104.0, 90.0), (-2.0, 90.0)))
    outside = replace(inside, words=(Word("a", (), characters=(character,)),))
    [line] = within_page(replace(whole, regions=(Region("r1", (), (outside,)),))).lines
    assert line.words[0].characters[0].polygon == ((95.0, 40.0), (100.0, 40.0), (100.0, 80.0), (0.0, 80.0))
    assert line.baseline == inside.baseline
