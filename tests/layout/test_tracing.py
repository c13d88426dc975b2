import numpy as np
import pytest

from inkread.layout.detector import TextMap
from inkread.layout.lines import Fragment, line_geometry
from inkread.layout.settings import DEFAULT_LAYOUT

MAP = TextMap(np.zeros((300, 400), np.float32), np.zeros((300, 400), np.uint8), 0.5, 0.5)


def level_piece() -> Fragment:
    return Fragment(np.arange(100, 200, dtype=np.float32), np.full(100, 150, np.float32), 10.0)


def test_baseline_and_outline_are_in_page_pixels() -> None:
    baseline, outline = line_geometry(level_piece(), MAP)
    assert all(y == pytest.approx(2 * (150 + 10 * DEFAULT_LAYOUT.baseline_offset), abs=0.1) for _, y in baseline)
    assert (baseline[0][0], baseline[-1][0]) == (186, 412)
    ys = [y for _, y in outline]
    assert max(ys) - min(ys) == pytest.approx(2 * 10 * DEFAULT_LAYOUT.outline_height, abs=0.3)


def test_an_upright_line_runs_up_the_page_with_its_foot_to_the_right() -> None:
    baseline, _ = line_geometry(level_piece(), MAP, upright=True)
    assert baseline[0][1] > baseline[-1][1]
    assert all(x > 300 for x, _ in baseline)


def test_geometry_stays_on_the_page() -> None:
    edge = Fragment(np.arange(0, 399, dtype=np.float32), np.full(399, 1, np.float32), 12.0)
    _, outline = line_geometry(edge, MAP)
    assert min(y for _, y in outline) >= 0
    assert max(x for x, _ in outline) <= 800
