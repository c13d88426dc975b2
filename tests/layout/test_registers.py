"""Ruled registers: by column, by entry or by row, as their cells stand; ruled notebooks are none."""

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Cell, Polyline
from inkread.layout.lines import find_rulings
from inkread.layout.order import reading_order
from inkread.layout.registers import Grid, find_grid

EDGES = (50, 130, 210, 330, 750, 830, 900)
"""Rulings of a register of six columns, the fourth with text."""


def sheet() -> NDArray[np.uint8]:
    page = np.full((960, 960), 220, np.uint8)
    for x in EDGES:
        cv2.line(page, (x, 60), (x, 900), 60, 2)
    cv2.line(page, (50, 140), (900, 140), 60, 2)
    return page


def grid_of(page: NDArray[np.uint8]) -> Grid | None:
    return find_grid(page, find_rulings(page), (1.0, 1.0))


def cell(column: int, y: float, share: float = 0.8) -> Polyline:
    left, right = EDGES[column], EDGES[column + 1]
    return ((left + 5, y), (left + 5 + share * (right - left - 10), y))


def order(lines: list[Polyline], grid: Grid | None) -> list[int]:
    return [number for block in reading_order(lines, grid=grid) for number in block.lines]


def test_the_rulings_of_a_register_and_of_its_headings_are_found() -> None:
    grid = grid_of(sheet())
    assert grid is not None
    assert [round(stroke[0][0], -1) for stroke in grid.uprights] == [round(x, -1) for x in EDGES]
    assert grid.head is not None
    assert 135 < grid.head < 145


def test_a_page_without_tall_rulings_has_no_grid() -> None:
    assert grid_of(np.full((960, 960), 220, np.uint8)) is None


def test_amounts_at_the_end_of_their_entries_are_read_by_column_after_the_headings() -> None:
    headings = [cell(number, 100) for number in range(6)]
    tops = range(180, 880, 100)
    numbers, dates, kinds = ([cell(column, y) for y in tops] for column in range(3))
    text = [cell(3, y + 30 * row) for y in tops for row in range(3)]
    sums = [[cell(column, y + 60) for y in tops] for column in (4, 5)]
    lines = [*headings, *numbers, *dates, *kinds, *text, *sums[0], *sums[1]]
    assert order(lines, grid_of(sheet())) == list(range(len(lines)))


def test_entries_whose_cells_stand_in_their_first_row_are_read_one_by_one() -> None:
    lines: list[Polyline] = []
    for y in range(180, 880, 100):
        lines += [
            cell(0, y),
            cell(1, y),
            cell(2, y),
            *(cell(3, y + 30 * row) for row in range(3)),
            cell(4, y),
            cell(5, y),
        ]
    (block,) = reading_order(lines, grid=grid_of(sheet()))
    assert (block.kind, block.lines) == ("table", list(range(len(lines))))
    assert block.cells[:8] == (*(Cell(0, column) for column in (0, 1, 2, 3, 3, 3, 4, 5)),)
    assert block.cells[-1] == Cell(6, 5)


def test_full_rows_are_read_by_row_as_a_table() -> None:
    lines = [cell(number, y) for y in range(180, 880, 50) for number in range(6)]
    (block,) = reading_order(lines, grid=grid_of(sheet()))
    assert (block.kind, block.lines) == ("table", list(range(len(lines))))


def test_headings_are_the_first_rows_and_may_stand_over_several_columns() -> None:
    over = ((EDGES[1] + 10, 85.0), (EDGES[3] - 10, 85.0))
    headings = [over, *(cell(number, 120) for number in range(6))]
    lines = [*headings, *(cell(number, y) for y in range(180, 880, 50) for number in range(6))]
    (block,) = reading_order(lines, grid=grid_of(sheet()))
    assert (block.kind, block.lines) == ("table", list(range(len(lines))))
    assert block.cells[:3] == (Cell(0, 1, columns=2), Cell(1, 0), Cell(1, 1))
    assert block.cells[7] == Cell(2, 0), "the first row below the headings"


def test_accounts_with_an_amount_for_most_lines_are_read_by_row() -> None:
    lines: list[Polyline] = []
    for number, y in enumerate(range(180, 880, 40)):
        lines += [cell(0, y)] if number % 6 == 0 else []
        lines += [cell(3, y)]
        lines += [cell(4, y)] if number % 4 else []
        lines += [cell(5, y)] if number % 3 == 0 else []
        lines += [cell(2, y)] if number in (4, 9, 14) else []
    lines.sort(key=lambda line: (line[0][1], line[0][0]))
    (block,) = reading_order(lines, grid=grid_of(sheet()))
    assert (block.kind, block.lines) == ("table", list(range(len(lines))))
    found = [(at.row, at.column) for at in block.cells]
    assert found[:5] == [(0, 0), (0, 2), (0, 4), (1, 2), (1, 3)], "the empty second column is none"


def test_lines_across_the_rulings_of_a_notebook_are_read_from_above() -> None:
    lines: list[Polyline] = [((60, y), (880, y)) for y in range(100, 880, 40)]
    assert order(lines, grid_of(sheet())) == list(range(len(lines)))


def test_what_stands_above_a_register_comes_first_and_what_stands_below_last() -> None:
    cells = [cell(number, y) for y in range(180, 880, 50) for number in range(6)]
    title, note = ((100, 30), (800, 30)), ((100, 940), (500, 940))
    assert order([*cells, note, title], grid_of(sheet())) == [len(cells) + 1, *range(len(cells)), len(cells)]
