from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inkread.document import Polyline
from inkread.layout.order import reading_order


def column(x0: float, x1: float, count: int, top: float = 100, spacing: float = 50) -> list[Polyline]:
    return [((x0, top + i * spacing), (x1, top + i * spacing)) for i in range(count)]


def order(lines: Sequence[Polyline], **options: Any) -> list[int]:
    return [number for block in reading_order(lines, **options) for number in block.lines]


def rotated(lines: list[Polyline], degrees: float) -> list[Polyline]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [tuple((x * cosine - y * sine, x * sine + y * cosine) for x, y in line) for line in lines]


def test_a_column_is_read_from_top_to_bottom() -> None:
    assert [block.lines for block in reading_order(column(0, 500, 6)[::-1])] == [[5, 4, 3, 2, 1, 0]]


def test_facing_pages_are_read_one_after_the_other() -> None:
    lines = column(0, 400, 5) + column(500, 900, 5, top=90)
    assert [block.lines for block in reading_order(lines)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_a_heading_over_two_columns_comes_first() -> None:
    lines = column(0, 400, 4, top=200) + column(500, 900, 4, top=200) + [((100, 100), (800, 100))]
    assert order(lines) == [8, 0, 1, 2, 3, 4, 5, 6, 7]


def test_columns_above_and_below_a_full_line_are_read_in_their_part() -> None:
    upper = column(0, 400, 3) + column(500, 900, 3)
    lower = column(0, 400, 3, top=400) + column(500, 900, 3, top=400)
    assert order([*upper, ((0, 300), (900, 300)), *lower]) == list(range(13))


def test_skew_does_not_mix_the_lines_of_two_columns() -> None:
    lines = rotated(column(0, 400, 8) + column(500, 900, 8), 6)
    assert order(lines) == list(range(16))


def test_a_marginal_note_is_a_block_of_its_own() -> None:
    lines = column(200, 900, 8) + column(0, 150, 2, top=180, spacing=30)
    assert [(block.kind, block.lines) for block in reading_order(lines)] == [
        ("text", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("marginalia", [8, 9]),
    ]


def test_head_and_close_of_a_letter_are_read_from_above() -> None:
    place, date, address, greeting = (
        ((500, 100), (800, 100)),
        ((560, 150), (800, 150)),
        ((0, 200), (300, 200)),
        ((60, 250), (250, 250)),
    )
    close, name, enclosure = ((450, 610), (700, 610)), ((520, 660), (800, 660)), ((0, 710), (250, 710))
    assert order([place, date, address, greeting, *column(0, 800, 5, top=310), close, name, enclosure]) == list(
        range(12)
    )


def test_a_word_over_the_gutter_does_not_part_its_columns() -> None:
    lines = [*column(0, 400, 8), *column(450, 850, 8), ((405, 275), (445, 275))]
    found = order(lines, gutters=[((425, 80), (425, 480))])
    assert [number for number in found if number < 16] == list(range(16))


def test_a_gutter_orders_the_few_lines_of_facing_pages() -> None:
    lines = [*column(0, 400, 4), *column(450, 850, 2, top=120)]
    assert order(lines, gutters=[((425, 80), (425, 280))]) == list(range(6))
    assert order(lines) != list(range(6))


def test_short_lines_at_the_head_of_facing_pages_are_no_table() -> None:
    left = column(0, 60, 3) + column(0, 400, 9, top=350)
    right = column(500, 560, 3) + column(500, 900, 9, top=350)
    heads = column(100, 150, 3)
    lines = left + right + heads
    gutter = ((450, 80), (450, 780))
    assert {block.kind for block in reading_order(lines)} == {"text", "table"}
    blocks = reading_order(lines, gutters=[gutter])
    assert {block.kind for block in blocks} == {"text"}
    assert set([number for block in blocks for number in block.lines][:15]) == {*range(12), 24, 25, 26}


def test_a_table_whose_columns_a_gutter_parts_stays_one() -> None:
    lines = column(0, 60, 8) + column(200, 260, 8) + column(500, 560, 8)
    (block,) = reading_order(lines, gutters=[((400, 80), (400, 480))])
    assert block.kind == "table"


def test_columns_that_could_be_a_table_are_read_by_column_where_there_are_none() -> None:
    lines = column(0, 60, 8) + column(200, 260, 8) + column(500, 560, 8)
    assert [block.kind for block in reading_order(lines)] == ["table"]
    blocks = reading_order(lines, tables=False)
    assert {block.kind for block in blocks} == {"text"}
    assert [number for block in blocks for number in block.lines] == list(range(24))


def test_nothing_gives_nothing() -> None:
    assert reading_order([]) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 500), st.floats(-60, 60)), min_size=1, max_size=25
    )
)
def test_every_line_is_read_once_however_they_lie(lines: list[tuple[float, float, float, float]]) -> None:
    baselines = [((x, y), (x + width, y + rise)) for x, y, width, rise in lines]
    assert sorted(order(baselines)) == list(range(len(lines)))
