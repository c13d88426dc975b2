"""Rows of a table are read one after the other; columns of prose are not taken for one."""

import numpy as np
import pytest

from inkread.document import Cell, Polyline
from inkread.layout.order import reading_order


def line(x0: float, x1: float, y: float) -> Polyline:
    return ((x0, y), (x1, y))


def order(lines: list[Polyline]) -> list[int]:
    return [number for block in reading_order(lines) for number in block.lines]


def test_three_columns_of_short_cells_are_read_by_row() -> None:
    cells = [line(x, x + 120, y + shift) for y in range(100, 500, 100) for x, shift in ((0, 0), (300, 4), (600, -5))]
    assert order(cells) == list(range(12))


def test_a_cell_that_is_missing_leaves_its_column_empty() -> None:
    cells = [line(x, x + 120, y) for y in range(100, 500, 100) for x in (0, 300, 600) if (x, y) != (300, 300)]
    (table,) = reading_order(cells)
    assert table.kind == "table"
    assert table.cells == tuple(Cell(row, column) for row in range(4) for column in range(3) if (row, column) != (2, 1))


def test_text_around_a_table_has_no_cells() -> None:
    title, close = line(0, 900, 0), line(0, 900, 560)
    cells = [line(x, x + 120, y) for y in range(120, 520, 100) for x in (0, 300, 600)]
    kinds = [(block.kind, len(block.cells)) for block in reading_order([title, *cells, close])]
    assert kinds == [("text", 0), ("table", 12), ("text", 0)]


def test_amounts_belong_to_their_items() -> None:
    rows = [
        (line(50, 50 + width, y), line(500 + width, 580 + width, y + 3))
        for y, width in ((100, 300), (180, 220), (260, 380), (340, 250))
    ]
    assert order([cell for row in rows for cell in row]) == list(range(8))


@pytest.mark.case
def test_amounts_at_the_end_of_uneven_items_belong_to_them() -> None:
    ends = (288, 362, 461, 410, 269, 366)
    rows = [(line(56, end, 94 + 125 * i), line(end + 285, end + 400, 92 + 125 * i)) for i, end in enumerate(ends)]
    items, amounts = zip(*rows, strict=True)
    assert order([*items, *amounts]) == [number for i in range(6) for number in (i, 6 + i)]


def test_text_above_and_below_a_table_stays_outside() -> None:
    above, below = line(0, 900, 40), line(0, 900, 560)
    cells = [line(x, x + 120, y) for y in range(120, 520, 100) for x in (0, 300, 600)]
    assert order([below, *cells, above]) == [13, *range(1, 13), 0]


def test_facing_pages_on_ruled_paper_are_no_table() -> None:
    rng = np.random.default_rng(1)
    left = [line(0, 400 - float(rng.uniform(0, 60)), 100 + 50 * i) for i in range(10)]
    right = [line(480, 880 - float(rng.uniform(0, 60)), 101 + 50 * i) for i in range(10)]
    assert order(left + right) == list(range(20))


def test_numbers_beside_entries_of_several_lines_do_not_cut_them() -> None:
    numbers = [line(0, 60, 100 + 150 * i) for i in range(4)]
    entries = [line(100, 800, 100 + 50 * i) for i in range(12)]
    assert order(entries + numbers) == list(range(16))


def test_names_and_dates_that_fill_the_sheet_are_read_by_row() -> None:
    rng = np.random.default_rng(2)
    rows = [
        (
            line(0, float(rng.uniform(180, 300)), y),
            line(310, 480, y + 3),
            line(500, float(rng.uniform(650, 800)), y),
            line(810, 980, y),
        )
        for y in range(100, 900, 50)
    ]
    assert order([cell for row in rows for cell in row]) == list(range(4 * 16))


def test_three_columns_of_prose_are_read_one_after_the_other() -> None:
    rng = np.random.default_rng(4)
    columns = [[line(x, x + 300 - float(rng.uniform(0, 20)), 100 + 50 * i) for i in range(12)] for x in (0, 320, 640)]
    assert order([cell for column in columns for cell in column]) == list(range(36))


def test_a_lone_cell_in_the_last_row_belongs_to_the_table() -> None:
    cells = [line(x, x + 120, y) for y in (100, 200, 300) for x in (0, 300, 600)]
    total = line(600, 720, 400)
    assert order([*cells, total])[-1] == 9
