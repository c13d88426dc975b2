from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.document import Page
from inkread.evaluation.detection import match_baselines
from inkread.formats import read_layout
from inkread.io.images import turn
from inkread.io.inputs import load_pages
from inkread.layout import Analyser
from inkread.layout.detector import Detector, TextMap

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def analyse() -> Analyser:
    path = Bundle.open().detector
    assert path is not None
    return Analyser(Detector(path, threads=1))


def written(name: str) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.uint8]], Page]:
    return next(load_pages(EXAMPLES / f"{name}.png")).grey, read_layout(EXAMPLES / f"{name}.xml")


@pytest.mark.parametrize("name", ["letter", "lettre"])
def test_lines_are_found_in_reading_order(analyse: Analyser, name: str) -> None:
    grey, truth = written(name)
    page = analyse(grey)
    found, expected = [line.baseline for line in page.lines], [line.baseline for line in truth.lines]
    score = match_baselines(expected, found, page.height)
    assert score.recall > 0.95
    assert score.precision > 0.9
    heights = [line.baseline[0][1] for region in page.regions for line in region.lines]
    assert heights == sorted(heights)


def test_small_writing_on_a_large_page_gets_a_second_look(analyse: Analyser) -> None:
    grey, truth = written("letter")
    page = np.full((2 * grey.shape[0], 2 * grey.shape[1]), 235, np.uint8)
    page[: grey.shape[0], : grey.shape[1]] = grey
    found = [line.baseline for line in analyse(page).lines]
    assert match_baselines([line.baseline for line in truth.lines], found, grey.shape[0]).recall > 0.9


def test_a_page_that_lies_on_its_side_is_recognised(analyse: Analyser) -> None:
    grey, _ = written("letter")
    assert analyse(turn(grey, 90)).orientation == 90
    assert analyse(grey).orientation == 0


class Seen:
    """A detector that sees the same ribbons on every page."""

    def __init__(self, *boxes: tuple[int, int, int, int]) -> None:
        self.boxes = boxes

    def __call__(self, grey: NDArray[np.uint8], _side: int) -> TextMap:
        probability = np.zeros(grey.shape, np.float32)
        for left, top, right, bottom in self.boxes:
            probability[top:bottom, left:right] = 0.95
        return TextMap(probability, grey, 1.0, 1.0)


@pytest.mark.parametrize(("length", "lines"), [(30, 4), (90, 5)])
def test_a_short_stroke_up_the_page_is_no_line(length: int, lines: int) -> None:
    level = [(50, y, 500, y + 10) for y in range(100, 500, 100)]
    detector = Seen(*level, (540, 150, 548, 150 + length))
    page = Analyser(cast(Detector, detector))(np.full((600, 600), 220, np.uint8))
    assert len(page.lines) == lines


def test_an_empty_page_has_no_lines(analyse: Analyser) -> None:
    page = analyse(np.full((500, 400), 240, np.uint8))
    assert page.lines == ()
    assert (page.width, page.height) == (400, 500)


def test_line_ids_are_unique_and_lines_lie_in_their_regions(analyse: Analyser) -> None:
    page = analyse(written("inventory")[0])
    ids = [line.id for line in page.lines]
    assert len(ids) == len(set(ids)) > 5
    for region in page.regions:
        (left, top), (right, bottom) = region.polygon[0], region.polygon[2]
        for line in region.lines:
            assert all(left <= x <= right and top <= y <= bottom for x, y in line.polygon)
