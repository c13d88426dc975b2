import numpy as np

from inkread.layout.lines import Fragment, join_fragments


def piece(x0: float, x1: float, y: float, slope: float = 0.0, thickness: float = 10.0) -> Fragment:
    x = np.arange(x0, x1, dtype=np.float32)
    return Fragment(x, (y + slope * x).astype(np.float32), thickness)


def test_pieces_of_a_line_are_joined_over_a_gap() -> None:
    joined = join_fragments([piece(120, 300, 50), piece(0, 100, 50), piece(330, 400, 52)])
    assert len(joined) == 1
    assert (joined[0].x[0], joined[0].x[-1]) == (0, 399)


def test_a_slanted_line_goes_on_along_its_slant() -> None:
    assert len(join_fragments([piece(0, 200, 0, 0.2), piece(240, 400, 0, 0.2)])) == 1


def test_other_lines_wide_gaps_and_other_sizes_stay_apart() -> None:
    assert len(join_fragments([piece(0, 100, 50), piece(110, 200, 85)])) == 2
    assert len(join_fragments([piece(0, 100, 50), piece(300, 400, 50)])) == 2
    assert len(join_fragments([piece(0, 100, 50), piece(110, 200, 50, thickness=30)])) == 2


def test_nothing_is_joined_across_a_ruling() -> None:
    rulings = np.zeros((100, 300), np.bool_)
    pieces = [piece(0, 100, 50), piece(120, 200, 50)]
    assert len(join_fragments(pieces, rulings)) == 1
    rulings[:, 110] = True
    assert len(join_fragments(pieces, rulings)) == 2


def test_each_end_is_joined_once() -> None:
    joined = join_fragments([piece(0, 100, 50), piece(110, 200, 48), piece(112, 200, 55)])
    assert sorted(round(item.length) for item in joined) in ([88, 200], [90, 200])


def test_two_columns_that_stand_close_stay_two() -> None:
    left = [piece(0, 150 + 5 * row, 40 * row) for row in range(5)]
    right = [piece(200 + row % 2, 350, 40 * row) for row in range(5)]
    assert len(join_fragments([*left, *right])) == 10


def test_verse_numbers_in_the_margin_belong_to_their_lines() -> None:
    numbers = [piece(0, 25, 40 * row) for row in range(5)]
    lines = [piece(60, 350, 40 * row) for row in range(5)]
    assert len(join_fragments([*numbers, *lines])) == 5
