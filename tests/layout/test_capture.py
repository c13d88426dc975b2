"""A page that was captured badly is told so, and a good one is not."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.document import Line
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout.capture import capture_flags, page_features

PAGES = Path(__file__).parents[1] / "pages"
Page = tuple[NDArray[np.uint8], tuple[Line, ...]]


@pytest.fixture(scope="module")
def letter() -> Page:
    return next(load_pages(PAGES / "letter-1905-en.webp")).grey, read_layout(PAGES / "letter-1905-en.xml").lines


def flags(grey: NDArray[np.uint8], lines: tuple[Line, ...]) -> tuple[str, ...]:
    return capture_flags(page_features(grey, lines), len(lines))


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.xml")), ids=lambda path: path.stem)
def test_real_pages_are_well_captured(path: Path) -> None:
    grey = next(load_pages(path.with_suffix(".webp"))).grey
    assert flags(grey, read_layout(path, image_size=lambda: grey.shape[::-1]).lines) == ()


def test_a_blurred_a_dark_and_a_faint_page_are_told(letter: Page) -> None:
    grey, lines = letter
    assert flags(np.asarray(cv2.GaussianBlur(grey, (0, 0), 6), np.uint8), lines) == ("blurred",)
    assert flags((grey * 0.3).astype(np.uint8), lines) == ("dark",)
    assert flags((225 + grey * 0.1).astype(np.uint8), lines) == ("faint",)


def test_a_page_that_is_cut_off_is_told(letter: Page) -> None:
    grey, lines = letter
    left, right = (int(np.quantile([x for line in lines for x, _ in line.baseline], share)) for share in (0.25, 0.75))
    moved = tuple(
        Line(line.id, tuple((min(max(x, left), right) - left, y) for x, y in line.baseline), (), line.text)
        for line in lines
    )
    assert "cut off" in flags(np.ascontiguousarray(grey[:, left:right]), moved)


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
