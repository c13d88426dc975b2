from inkread import Document, Line, Page, Region, Word


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
