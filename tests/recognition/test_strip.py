import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from inkread.document import Polyline
from inkread.recognition.line_images import cut_strip, whole_line


def page_with_band(baseline: Polyline, thickness: int = 10) -> NDArray[np.uint8]:
    grey = np.full((400, 600), 255, np.uint8)
    points = np.round(np.asarray(baseline)).astype(np.int32)
    cv2.polylines(grey, [points], False, 0, thickness)
    return grey


@pytest.mark.parametrize(
    "baseline",
    [
        ((100, 200), (500, 200)),
        ((100, 140), (500, 260)),
        ((500, 200), (100, 200)),
        ((300, 350), (300, 60)),
        tuple((x, 200 + 30 * np.sin((x - 100) / 127)) for x in range(100, 501, 10)),
    ],
    ids=["level", "slanted", "upside down", "upwards", "curved"],
)
def test_a_line_comes_out_level_along_its_baseline(baseline: Polyline) -> None:
    strip = cut_strip(page_with_band(baseline), baseline, ascent=40, descent=20, height=48)
    inner = strip.image[:, 12:-12]
    centres = [float(np.flatnonzero(column < 128).mean()) for column in inner.T]
    assert strip.image.shape[0] == 48
    assert np.ptp(centres) < 2.5
    assert np.median(centres) == pytest.approx(32, abs=1.5)


def test_a_strip_is_as_long_as_its_line_at_its_scale_with_a_margin_at_both_ends() -> None:
    strip = cut_strip(np.zeros((100, 500), np.uint8), ((100, 60), (400, 60)), ascent=40, descent=20, height=30)
    assert strip.scale == 0.5
    assert strip.image.shape[1] == pytest.approx((300 + 2 * 15) * 0.5, abs=1)


@given(x=st.floats(0, 150), y=st.floats(0, 48), slope=st.floats(-0.5, 0.5))
def test_points_lead_back_to_the_page(x: float, y: float, slope: float) -> None:
    start, end = (100.0, 200.0), (400.0, 200.0 + 300 * slope)
    strip = cut_strip(np.zeros((400, 500), np.uint8), (start, end), ascent=40, descent=20, height=48)
    px, py = strip.to_page(x, y)
    along = np.array([1, slope]) / np.hypot(1, slope)
    relative = np.array([px - start[0], py - start[1]])
    assert relative @ along == pytest.approx(strip.start + x / strip.scale, abs=1e-3)
    assert relative @ np.array([-along[1], along[0]]) == pytest.approx(y / strip.scale - 40, abs=1.0)


def test_lines_at_the_edge_of_the_page_and_without_length_are_cut_too() -> None:
    grey = np.full((50, 50), 200, np.uint8)
    for baseline in (((0, 0), (49, 0)), ((10, 10), (10, 10)), ((-20, 60), (90, 60))):
        strip = cut_strip(grey, baseline, ascent=30, descent=10, height=48)
        assert strip.image.shape[0] == 48
        assert strip.image.min() == 200


def test_an_image_of_one_line_becomes_a_strip_of_its_own_shape() -> None:
    grey = np.full((64, 300), 255, np.uint8)
    grey[10:54, 20:280] = 0
    baseline, ascent, descent = whole_line(grey)
    strip = cut_strip(grey, baseline, ascent=ascent, descent=descent, height=48).image
    rows, columns = np.nonzero(strip < 128)
    assert strip.shape[0] == 48
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(44 / 260, rel=0.05)
    assert rows.min() > 2
    assert rows.max() < 46


@pytest.mark.case
@pytest.mark.parametrize("turned", [False, True])
def test_a_line_longer_than_opencv_takes_is_cut(turned: bool) -> None:
    grey = np.tile(np.arange(0, 250, 5, dtype=np.uint8), (60, 800))
    baseline: Polyline = ((0.0, 40.0), (40_000.0, 40.0))
    if turned:
        grey, baseline = np.ascontiguousarray(grey.T), ((40.0, 0.0), (40.0, 40_000.0))
    part = grey[20_000:30_000] if turned else grey[:, 20_000:30_000]
    end = (40.0, 10_000.0) if turned else (10_000.0, 40.0)
    whole = cut_strip(grey, baseline, ascent=20, descent=10, height=30).image
    expected = cut_strip(part, ((40.0, 0.0) if turned else (0.0, 40.0), end), ascent=20, descent=10, height=30).image
    margin = round(0.25 * 30)
    assert whole.shape[0] == 30
    assert whole.shape[1] == pytest.approx(40_000 + 2 * margin, abs=2)
    inner = slice(20_100 + 8, 29_900 + 8)
    assert np.abs(whole[:, inner].astype(int) - expected[:, 100 + 8 : 9_900 + 8]).max() <= 1
