"""Lines of facing pages do not go on across the fold, lines of one column do."""

import math

import pytest

from inkread.document import Cell, Line, Word
from inkread.recognition.continuation import MOST, continuation, continuation_of_cells

GUTTER = ((500.0, 0.0), (500.0, 1000.0))


def line(number: int, y: float, words: dict[int, str]) -> Line:
    placed = tuple(
        Word(text, ((x, y - 20.0), (x + 80.0, y - 20.0), (x + 80.0, y), (x, y))) for x, text in words.items()
    )
    return Line(f"l{number}", ((min(words), y), (max(words) + 80.0, y)), (), " ".join(words.values()), words=placed)


def expected(context: str, text: str) -> float:
    """A language model that knows which word follows which."""
    following = {"the ": "garden", "a ": "patient"}
    right = any(context.endswith(end) and text.startswith(word) for end, word in following.items())
    return len(text) * math.log(0.5 if right else 0.1)


def test_one_column_goes_on_across_a_wide_space() -> None:
    lines = [line(n, 100.0 + 50 * n, {100: "the", 600: "garden"}) for n in range(6)]
    gain, weighed = continuation(lines, GUTTER, expected)
    assert gain > 2
    assert weighed == 10


def test_facing_pages_go_on_below() -> None:
    left = [line(n, 100.0 + 50 * n, {100: "garden", 300: "the"}) for n in range(6)]
    right = [line(10 + n, 103.0 + 50 * n, {600: "patient", 800: "a"}) for n in range(6)]
    assert continuation([*left, *right], GUTTER, expected)[0] == pytest.approx(-MOST)


def test_a_side_without_lines_says_nothing() -> None:
    lines = [line(n, 100.0 + 50 * n, {100: "the"}) for n in range(6)]
    assert continuation(lines, GUTTER, expected) == (0.0, 0)
    assert continuation([], GUTTER, expected) == (0.0, 0)


def table(*rows: str) -> list[Line]:
    """A row of a table for each text, with a bar between its cells; a cell that is empty is missing."""
    return [
        Line(f"l{row}_{column}", (), (), text, cell=Cell(row, column))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts.split("|"))
        if text
    ]


def test_prose_in_columns_goes_on_below_and_the_rows_of_a_table_to_the_right() -> None:
    prose = table(*["garden the|patient a"] * 4)
    gain, weighed = continuation_of_cells([prose], expected)
    assert gain == pytest.approx(-MOST)
    assert weighed == 3
    rows = table(*["the|garden"] * 4)
    gain, weighed = continuation_of_cells([rows], expected)
    assert gain > 2
    assert weighed == 3


def test_a_missing_cell_is_passed_over_and_no_cell_goes_on_in_another_table() -> None:
    gappy = table("garden the||patient a", "garden the|patient a|", "garden the||patient a")
    gain, weighed = continuation_of_cells([gappy], expected)
    assert gain == pytest.approx(-MOST)
    assert weighed == 2
    assert continuation_of_cells([table("garden the|patient a")] * 3, expected) == (0.0, 0)


def test_cells_of_several_lines_do_not_count() -> None:
    entries = [*table(*["the|garden"] * 4), *table(*["the|garden"] * 4)]
    assert continuation_of_cells([entries], expected) == (0.0, 0)
