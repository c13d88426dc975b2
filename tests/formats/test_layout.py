import pytest
from lxml import etree

from inkread.document import Line, Page, Region
from inkread.formats.geometry import as_layout, check_page, check_points, in_order, quarter_turns

NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, -1), (10**9, 5)])
def test_a_page_needs_a_size(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="size"):
        check_page(Page(width, height))


@pytest.mark.parametrize(
    ("page", "message"),
    [(Page(9, 9, orientation=45), "quarter"), (Page(9, 9, dpi=0.0), "resolution"), (Page(9, 9, dpi=INFINITY), "resol")],
)
def test_a_page_can_be_drawn(page: Page, message: str) -> None:
    """Such values in a file made by hand would otherwise fail much later, when the page is written."""
    with pytest.raises(ValueError, match=message):
        check_page(page)


def test_lines_without_a_place() -> None:
    """A transcribed line must not vanish silently; an empty one does no harm."""
    empty, lost = Line("empty", (), ()), Line("lost", (), (), "text")
    assert as_layout(Page(9, 9, (Region("r", (), (empty,)),))).lines == ()
    with pytest.raises(ValueError, match="lost"):
        as_layout(Page(9, 9, (Region("r", (), (empty, lost)),)))


@pytest.mark.parametrize("value", [NAN, INFINITY])
def test_coordinates_are_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        check_points(Page(9, 9, (Region("r", (), (Line("l", ((0, value), (1, 2)), ()),)),)))


def test_named_elements_come_first() -> None:
    elements = [etree.Element("a", {"id": name}) for name in "abcd"]
    assert [element.get("id") for element in in_order(elements, "id", ["c", "x", "a", "c"])] == ["c", "a", "b", "d"]


def test_orientation_is_a_quarter_turn() -> None:
    assert [quarter_turns(degrees) for degrees in (None, 2.5, 88, -90, 179, 358)] == [0, 0, 90, 270, 180, 0]
