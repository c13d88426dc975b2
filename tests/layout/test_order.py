import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inkread.document import Polyline
from inkread.layout.order import reading_order


def column(x0: float, x1: float, count: int, top: float = 100, spacing: float = 50) -> list[Polyline]:
    return [((x0, top + i * spacing), (x1, top + i * spacing)) for i in range(count)]


def rotated(lines: list[Polyline], degrees: float) -> list[Polyline]:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [tuple((x * cosine - y * sine, x * sine + y * cosine) for x, y in line) for line in lines]


def test_a_column_is_read_from_top_to_bottom() -> None:
    assert reading_order(column(0, 500, 6)[::-1]) == [[5, 4, 3, 2, 1, 0]]


def test_facing_pages_are_read_one_after_the_other() -> None:
    lines = column(0, 400, 5) + column(500, 900, 5, top=90)
    assert reading_order(lines) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_a_heading_over_two_columns_comes_first() -> None:
    lines = column(0, 400, 4, top=200) + column(500, 900, 4, top=200) + [((100, 100), (800, 100))]
    order = [number for block in reading_order(lines) for number in block]
    assert order == [8, 0, 1, 2, 3, 4, 5, 6, 7]


def test_columns_above_and_below_a_full_line_are_read_in_their_part() -> None:
    upper = column(0, 400, 2) + column(500, 900, 2)
    lower = column(0, 400, 2, top=400) + column(500, 900, 2, top=400)
    order = [number for block in reading_order([*upper, ((0, 300), (900, 300)), *lower]) for number in block]
    assert order == list(range(9))


def test_skew_does_not_mix_the_lines_of_two_columns() -> None:
    lines = rotated(column(0, 400, 8) + column(500, 900, 8), 6)
    assert [number for block in reading_order(lines) for number in block] == list(range(16))


def test_a_marginal_note_is_a_block_of_its_own() -> None:
    lines = column(200, 900, 8) + column(0, 150, 2, top=180, spacing=30)
    assert sorted(map(sorted, reading_order(lines))) == [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9]]


def test_nothing_gives_nothing() -> None:
    assert reading_order([]) == []


@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 500), st.floats(-60, 60)), min_size=1, max_size=25
    )
)
def test_every_line_is_read_once_however_they_lie(lines: list[tuple[float, float, float, float]]) -> None:
    baselines = [((x, y), (x + width, y + rise)) for x, y, width, rise in lines]
    order = [number for block in reading_order(baselines) for number in block]
    assert sorted(order) == list(range(len(lines)))
