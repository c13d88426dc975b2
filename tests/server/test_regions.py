"""Regions that people draw: their lines, kind, outline and order are kept and exported."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from inkread.document import CAPTURE_ADVICE, FAINT, Document, Line, Page, Region
from inkread.formats import FORMATS, read_layout
from inkread.server.documents.content import Content, unpack

FRAME = ((10.0, 90.0), (300.0, 90.0), (300.0, 210.0), (10.0, 210.0))


def line(number: int) -> Line:
    y = 50.0 * number
    return Line(
        f"l{number}", ((20, y), (200, y)), ((20, y - 20), (200, y - 20), (200, y + 5), (20, y + 5)), f"line {number}"
    )


@pytest.fixture
def page() -> Content:
    outline = ((0.0, 0.0), (400.0, 0.0), (400.0, 400.0), (0.0, 400.0))
    return Content(Page(500, 500, (Region("r1", outline, tuple(line(number) for number in range(1, 6))),)))


def drawn(page: Content, ids: set[str], frame: tuple[tuple[float, float], ...] = FRAME) -> Content:
    """Some lines become a heading with an outline, as the workbench sends it."""
    lines = page.lines()
    first = True
    for at, given in enumerate(lines):
        if given.id in ids:
            changed = {"region": "n1", "kind": "heading", "frame": list(frame) if first else []}
            lines[at], first = given.model_copy(update=changed), False
    return page.corrected(lines, "ada", page)


def regions(content: Content) -> list[tuple[str, str, list[str]]]:
    return [(region.id, region.kind, [line.id for line in region.lines]) for region in content.page.regions]


@pytest.mark.parametrize("name", ["page", "alto"])
def test_a_region_has_its_lines_its_kind_and_its_outline_in_every_export(
    page: Content, tmp_path: Path, name: str
) -> None:
    changed = unpack(drawn(page, {"l2", "l3"}).pack())
    assert regions(changed) == [("r1", "text", ["l1"]), ("n1", "heading", ["l2", "l3"]), ("r1_2", "text", ["l4", "l5"])]
    assert changed.page.regions[1].polygon == FRAME
    body = BytesIO()
    FORMATS[name].write(Document((changed.page,)), (), body)
    (tmp_path / "page.xml").write_bytes(body.getvalue())
    exported = read_layout(tmp_path / "page.xml")
    assert [(region.kind, len(region.lines)) for region in exported.regions] == [
        ("text", 1),
        ("heading", 2),
        ("text", 2),
    ]
    assert exported.regions[1].polygon == FRAME

    again = changed.corrected(changed.lines(), "bob", page)
    assert regions(again) == regions(changed), "who sends back what was told changes nothing"
    assert again.page.regions[1].polygon == FRAME


def test_regions_are_ordered_by_their_lines_and_get_another_outline(page: Content) -> None:
    changed = drawn(page, {"l2", "l3"})
    lines = changed.lines()
    lines = [*lines[1:3], lines[0], *lines[3:]]
    wider = [(0.0, 80.0), (400.0, 80.0), (400.0, 220.0), (0.0, 220.0)]
    lines[0] = lines[0].model_copy(update={"frame": wider})
    moved = changed.corrected(lines, "ada", page)
    assert [ids for _, _, ids in regions(moved)] == [["l2", "l3"], ["l1"], ["l4", "l5"]]
    assert list(moved.page.regions[0].polygon) == wider


def test_a_name_that_xml_does_not_take_is_no_region(page: Content) -> None:
    lines = page.lines()
    lines[1] = lines[1].model_copy(update={"region": "no id"})
    assert regions(page.corrected(lines, "ada", page)) == [("r1", "text", ["l1", "l2", "l3", "l4", "l5"])]


def test_the_notes_of_a_page_tell_lines_of_the_other_side_and_no_specks() -> None:
    page = Page(10, 10, flags=("faint", "show-through 3", "noise 2"))
    assert Content(page).notes() == [CAPTURE_ADVICE[FAINT], "of paper that shows its other side, lines left out: 3"]
    assert Content(Page(10, 10, flags=("noise 2",))).notes() == []
