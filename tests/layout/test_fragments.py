import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.layout.detector import TextMap
from inkread.layout.lines import find_fragments

Map = NDArray[np.float32]


def text_map(probability: Map) -> TextMap:
    return TextMap(probability, np.zeros(probability.shape, np.uint8), 1.0, 1.0)


def ribbon(canvas: Map, start: tuple[int, int], end: tuple[int, int], thickness: int = 9) -> None:
    cv2.line(canvas, start, end, 0.95, thickness)


def test_each_ribbon_is_a_fragment_with_its_centre_and_thickness() -> None:
    canvas = np.zeros((200, 400), np.float32)
    ribbon(canvas, (50, 60), (350, 60))
    ribbon(canvas, (50, 120), (350, 150))
    found = find_fragments(text_map(canvas)).level
    assert len(found) == 2
    assert found[0].thickness == pytest.approx(10, abs=1)
    assert np.median(found[0].y) == pytest.approx(60.5, abs=0.6)
    assert found[1].y[-20] - found[1].y[20] == pytest.approx(30 * (len(found[1].y) - 40) / 300, abs=2)


def test_ribbons_that_touch_are_told_apart() -> None:
    canvas = np.zeros((120, 400), np.float32)
    ribbon(canvas, (20, 40), (380, 40))
    ribbon(canvas, (20, 60), (380, 60))
    canvas[40:60, 190:200] = 0.4
    assert len(find_fragments(text_map(canvas)).level) == 2


def test_upright_writing_is_kept_apart() -> None:
    canvas = np.zeros((400, 200), np.float32)
    ribbon(canvas, (100, 50), (100, 350))
    found = find_fragments(text_map(canvas))
    assert not found.level
    assert found.upright[0].length == pytest.approx(310, abs=12)


def test_specks_and_faint_smears_are_no_text() -> None:
    canvas = np.zeros((100, 100), np.float32)
    canvas[10:12, 10:13] = 0.9
    canvas[50:60, 10:90] = 0.4
    assert not find_fragments(text_map(canvas)).level
