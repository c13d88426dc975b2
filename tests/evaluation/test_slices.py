"""Slices part the lines without losing one."""

import pytest

from inkread.evaluation.compare import ReadLine
from inkread.evaluation.report import band, century, slices


def test_each_dimension_holds_all_lines() -> None:
    lines = [
        ReadLine("a", "p", "1", "tea", "tea", 0.99, "mss18-fr", "w1"),
        ReadLine(
            "b", "p", "2", "tea for two and two for tea", "tee for two and two for tea", 0.6, "letters-1911", "w2"
        ),
        ReadLine("b", "p", "3", "x" * 90, "x" * 90, None, "letters-1911", "w2"),
    ]
    parts = slices(lines)
    for dimension in ("source", "writer", "century", "length", "confidence"):
        chosen = [part for part in parts if part.dimension == dimension]
        assert sum(part.lines for part in chosen) == 3, dimension
        assert sum(part.characters for part in chosen) == 3 + 27 + 90
    by_name = {part.name: part for part in parts}
    assert by_name["18th century"].cer.value == 0
    assert by_name["0.5 to 0.7"].cer.value == pytest.approx(1 / 27)
    assert [part.name for part in parts if part.dimension == "length"] == [
        "below 10 characters",
        "20 to 40 characters",
        "from 80 characters",
    ]


def test_a_dimension_that_does_not_part_is_left_out() -> None:
    assert [part.dimension for part in slices([ReadLine("a", "p", "1", "tea", "tea", 0.9, "s")])] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mss18-fr", "18th century"),
        ("letters-1871", "19th century"),
        ("hooker-en", ""),
        ("copiste-2019-x", "21th century"),
    ],
)
def test_centuries(name: str, expected: str) -> None:
    assert century(name) == expected.replace("21th", "21st")


def test_bands() -> None:
    assert [band(value, (10, 20), " px") for value in (9, 10, 20)] == ["below 10 px", "10 to 20 px", "from 20 px"]
