"""A page that was captured badly is told so, and a good one is not."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.document import Cell, Line
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout.capture import capture_flags, page_features, spread_flags

PAGES = Path(__file__).parents[1] / "pages"
Page = tuple[NDArray[np.uint8], tuple[Line, ...]]


@pytest.fixture(scope="module")
def letter() -> Page:
    return next(load_pages(PAGES / "letter-1905-en.webp")).grey, read_layout(PAGES / "letter-1905-en.xml").lines


def flags(grey: NDArray[np.uint8], lines: tuple[Line, ...]) -> tuple[str, ...]:
    return capture_flags(page_features(grey, lines), len(lines))


def writing(grey: NDArray[np.uint8], lines: tuple[Line, ...]) -> NDArray[np.uint8]:
    """The part of a page that its lines cover."""
    x, y = zip(*(point for line in lines for point in (*line.polygon, *line.baseline)), strict=True)
    return grey[max(int(min(y)), 0) : int(max(y)) + 1, max(int(min(x)), 0) : int(max(x)) + 1]


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.xml")), ids=lambda path: path.stem)
def test_real_pages_are_well_captured(path: Path) -> None:
    grey = next(load_pages(path.with_suffix(".webp"))).grey
    assert flags(grey, read_layout(path, image_size=lambda: grey.shape[::-1]).lines) == ()


def test_a_blurred_a_dark_and_a_faint_page_are_told(letter: Page) -> None:
    grey, lines = letter
    assert flags(np.asarray(cv2.GaussianBlur(grey, (0, 0), 6), np.uint8), lines) == ("blurred",)
    assert flags((grey * 0.3).astype(np.uint8), lines) == ("dark",)
    assert flags((225 + grey * 0.1).astype(np.uint8), lines) == ("faint",)


def test_what_is_wrong_is_told_from_fewer_figures_too(letter: Page) -> None:
    grey, lines = letter
    every, few = page_features(grey, lines), page_features(grey, lines, style=False)
    assert set(every) - set(few) == {"ink", "stroke", "slant", "noise"}
    assert few == {name: every[name] for name in few}
    assert every["paper"] == pytest.approx(np.percentile(writing(grey, lines), 80) / 255, abs=0.005)


def test_a_page_that_is_cut_off_is_told(letter: Page) -> None:
    grey, lines = letter
    left, right = (int(np.quantile([x for line in lines for x, _ in line.baseline], share)) for share in (0.25, 0.75))
    moved = tuple(
        Line(line.id, tuple((min(max(x, left), right) - left, y) for x, y in line.baseline), (), line.text)
        for line in lines
    )
    assert "cut off" in flags(np.ascontiguousarray(grey[:, left:right]), moved)


def column(left: float, right: float, count: int = 12) -> list[Line]:
    rows = [100.0 + 60 * number for number in range(count)]
    return [
        Line(f"l{left}-{y}", ((left, y), (right, y)), ((left, y - 40), (right, y - 40), (right, y + 10))) for y in rows
    ]


def test_two_pages_side_by_side_are_told_and_a_wide_page_or_a_table_is_not() -> None:
    spread = (*column(100, 900), *column(1100, 1900))
    assert spread_flags(spread, 2000, 1300) == ("two pages",)
    assert spread_flags(spread, 2000, 2600) == (), "a page with two columns"
    assert spread_flags((*column(100, 1900), *column(100, 800)), 2000, 1300) == ()
    assert spread_flags((*spread, *column(300, 1700, 2)), 2000, 1300) == (), "headings across both"
    assert spread_flags((*column(100, 300), *column(1100, 1300)), 2000, 1300) == (), "words in columns"
    cells = [replace(line, cell=Cell(number % 12, number // 12)) for number, line in enumerate(spread)]
    assert spread_flags(cells, 2000, 1300) == ()


def test_slant_leans_to_the_right() -> None:
    page = np.full((200, 900), 240, np.uint8)
    line = Line("l", ((20.0, 150.0), (880.0, 150.0)), ((20.0, 40.0), (880.0, 40.0), (880.0, 160.0), (20.0, 160.0)))
    leaning = page.copy()
    for x in range(40, 840, 40):
        cv2.line(page, (x, 150), (x, 50), 20, 6)
        cv2.line(leaning, (x, 150), (x + 30, 50), 20, 6)
    assert abs(page_features(page, (line,))["slant"]) < 0.05
    assert 0.2 < page_features(leaning, (line,))["slant"] < 0.4


def test_nothing_is_said_of_a_page_without_lines() -> None:
    assert page_features(np.zeros((9, 9), np.uint8), ()) == {}
    assert capture_flags({}, 9) == ()
