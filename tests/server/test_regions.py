"""Regions that people draw: their lines, kind, outline and order are kept and exported."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from inkread.document import CAPTURE_ADVICE, FAINT, Cell, Document, Insertion, Line, Page, Region
from inkread.formats import FORMATS, read_layout
from inkread.server.documents import models
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


@pytest.fixture
def inserted(page: Content) -> Content:
    """The first line was written above the second one, before its "2"; the third is a cell of a table."""
    lines = list(page.page.lines)
    lines[0] = replace(lines[0], text="no", insertion=Insertion("l2", 5))
    lines[2] = replace(lines[2], cell=Cell(3, 1))
    [region] = page.page.regions
    return Content(replace(page.page, regions=(replace(region, lines=tuple(lines), kind="table"),)))


def sent(content: Content, **texts: str) -> Content:
    """The lines come back with these texts, as the workbench sends them."""
    lines = [given.model_copy(update={"text": texts.get(given.id, given.text)}) for given in content.lines()]
    return content.corrected(lines, "ada", content)


def test_an_insertion_follows_the_words_that_it_stands_between(inserted: Content) -> None:
    """It is shown, kept, and written into PAGE XML, though both lines are corrected."""
    assert inserted.lines()[0].insertion == models.Insertion(line="l2", at=5)
    longer = sent(inserted, l1="not", l2="the line 2")
    assert longer.page.lines[0].insertion == Insertion("l2", 9)
    assert sent(longer, l2="line 2").page.lines[0].insertion == Insertion("l2", 5)
    assert sent(inserted, l2="line").page.lines[0].insertion is None, "its place is gone"
    assert inserted.corrected(inserted.lines()[:1], "ada", inserted).page.lines[0].insertion is None, "its line is gone"
    alone = [given.model_copy() for given in inserted.lines()]
    alone[0] = alone[0].model_copy(update={"insertion": models.Insertion(line="l3", at=99)})
    assert inserted.corrected(alone, "ada", inserted).page.lines[0].insertion == Insertion("l3", len("line 3"))


def test_both_halves_of_a_cell_that_was_split_stay_in_it(inserted: Content) -> None:
    lines = inserted.lines()
    half = lines[2].model_copy(update={"id": "new", "text": "3"})
    split = [*lines[:2], lines[2].model_copy(update={"text": "line"}), half, *lines[3:]]
    assert [line.cell for line in inserted.corrected(split, "ada", inserted).page.lines] == [
        *(None, None),
        *(Cell(3, 1), Cell(3, 1)),
        *(None, None),
    ]


def test_a_program_that_does_not_know_cells_and_insertions_keeps_them(inserted: Content) -> None:
    lines = [models.Line.model_validate(given.model_dump(exclude={"cell", "insertion"})) for given in inserted.lines()]
    kept = inserted.corrected(lines, "ada", inserted).page.lines
    assert (kept[0].insertion, kept[2].cell) == (Insertion("l2", 5), Cell(3, 1))
