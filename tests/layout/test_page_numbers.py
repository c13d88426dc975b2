"""Page numbers become regions of their own, and nothing else does."""

from inkread.document import Line, Page, Region
from inkread.layout.page_numbers import with_page_numbers


def page(*texts: str, kind: str = "text") -> Page:
    lines = tuple(
        Line(f"l{n}", ((0.0, 50.0 * n), (90.0, 50.0 * n)), ((0.0, 50.0 * n - 20), (90.0, 50.0 * n)), text)
        for n, text in enumerate(texts, start=1)
    )
    return Page(100, 1000, (Region("r1", ((0.0, 0.0), (90.0, 900.0)), lines, kind),))


def kinds(read: Page) -> list[tuple[str, str]]:
    return [(region.kind, region.text) for region in with_page_numbers(read).regions]


def test_a_number_at_the_head_or_foot_is_set_apart() -> None:
    assert kinds(page("- 12 -", "Dear Sir,", "thank you")) == [
        ("page-number", "- 12 -"),
        ("text", "Dear Sir,\nthank you"),
    ]
    assert kinds(page("Dear Sir,", "7")) == [("text", "Dear Sir,"), ("page-number", "7")]


def test_numbers_within_the_text_years_with_words_and_cells_stay() -> None:
    for read in (
        page("Dear Sir,", "1905", "thank you"),
        page("May 1905", "Dear Sir,"),
        page("3", "12.50", kind="table"),
    ):
        assert with_page_numbers(read) == read


def test_a_page_with_one_line_is_left_alone() -> None:
    assert with_page_numbers(page("12")) == page("12")
