from collections.abc import Callable

from inkread.document import Document, Line, Page, Region
from inkread.formats import writing as txt


def page(*texts: str) -> Page:
    return Page(9, 9, tuple(Region(text, (), (Line("l", (), (), text),)) for text in texts))


def test_one_line_of_text_a_line() -> None:
    """A line break inside a reading would shift all lines after it."""
    document = Document((page("b", "a\u2028\r\n c"), page("", "é")))
    assert txt.dump(document) == "b\na c\n\n\né\n".encode()


def test_an_empty_page_is_an_empty_line() -> None:
    assert txt.dump(Document((Page(9, 9),))) == b"\n"


def test_text_of_the_sample(sample: Document, check_golden: Callable[[str, bytes], None]) -> None:
    check_golden("sample.txt", txt.dump(sample))
