import math

import pytest

from inkread.document import Character, Line, Page, Polygon, Polyline, Region, Word
from inkread.errors import LayoutFileError
from inkread.formats.geometry import (
    band_around,
    baseline_in,
    box_of,
    box_polygon,
    complete,
    direction_of,
    fit,
    fit_image,
    frame_of,
    on_grid,
)

BOX = box_polygon((100, 200, 300, 240))


def page_with(*lines: Line, orientation: int = 0) -> Page:
    return Page(400, 800, (Region("r", (), lines),), orientation=orientation)


@pytest.mark.parametrize(
    ("orientation", "baseline"),
    [
        (0, ((100, 230), (300, 230))),
        (90, ((250, 240), (250, 200))),
        (180, ((300, 210), (100, 210))),
        (270, ((150, 200), (150, 240))),
    ],
)
def test_derived_baselines_run_in_reading_direction(orientation: int, baseline: Polyline) -> None:
    """A baseline in the wrong direction gives text upside down."""
    assert baseline_in(BOX, orientation) == baseline


def test_a_band_lies_mostly_above_its_baseline() -> None:
    assert box_of(band_around(((10, 100), (90, 100)), 50, 0)) == (10, 70, 90, 115)
    assert box_of(band_around(((100, 90), (100, 10)), 50, 90)) == (70, 10, 115, 90)


def test_completed_lines_can_be_cut() -> None:
    """Lines of files that give only baselines, or only outlines, would otherwise be unreadable."""
    only_baselines = [Line(f"l{index}", ((10, 100 + 40 * index), (90, 100 + 40 * index)), ()) for index in range(3)]
    page = complete(page_with(*only_baselines, Line("outlined", (), BOX)))
    assert [box_of(line.polygon) for line in page.lines[:3]] == [(10, 76 + 40 * i, 90, 112 + 40 * i) for i in range(3)]
    assert page.lines[3].baseline == ((100.0, 230.0), (300.0, 230.0))
    assert box_of(page.regions[0].polygon) == (10, 76, 300, 240)


def test_a_single_baseline_gets_a_usual_height() -> None:
    (line,) = complete(page_with(Line("l", ((10, 100), (90, 100)), ()))).lines
    assert box_of(line.polygon) == (10, 88, 90, 106)


def test_a_region_without_lines_is_the_page() -> None:
    assert complete(page_with()).regions[0].polygon == box_polygon((0, 0, 400, 800))


def test_complete_leaves_what_is_there() -> None:
    page = Page(400, 800, (Region("r", BOX, (Line("l", ((1, 2), (3, 4)), BOX),)),))
    assert complete(page) == page


def test_directions_and_frames_belong_together() -> None:
    direction = direction_of(((0, 0), (30, 40)))
    assert direction == (0.6, 0.8)
    assert frame_of([(30, 40)], direction)[0] == pytest.approx((50, 0))
    assert direction_of(((5, 5), (5, 5))) == (1, 0)
    assert math.hypot(*direction_of(((3, 1), (-8, 4)))) == pytest.approx(1)


def test_the_grid_ends_at_the_page() -> None:
    """PAGE forbids negative coordinates."""
    assert on_grid([(-3.2, 5.5), (1e9, 7.4)], 100, 50) == ((0, 6), (100, 7))


def test_fit_scales_everything() -> None:
    """Lines of a layout made on a large scan would otherwise be cut in the wrong places of a small one."""

    def at(scale: int) -> Page:
        outline: Polygon = ((2 * scale, 4 * scale), (6 * scale, 4 * scale), (6 * scale, 8 * scale))
        word = Word("a", outline, characters=(Character("a", outline),))
        line = Line("l", outline[:2], outline, "a", words=(word,))
        return Page(10 * scale, 20 * scale, (Region("r", outline, (line,)),), dpi=100.0 * scale)

    assert fit(at(3), 10, 20) == at(1)
    assert fit(at(1), 30, 60) == at(3)


@pytest.mark.case
@pytest.mark.parametrize(("size", "right"), [((100, 60), 50.0), ((50, 30), 25.0), ((201, 120), 100.5)])
def test_a_layout_is_scaled_where_the_sides_agree_in_proportion(size: tuple[int, int], right: float) -> None:
    line = Line("l", ((0.0, 50.0), (50.0, 50.0)), ())
    page = fit_image(Page(100, 60, (Region("r", (), (line,)),)), *size, "a.xml")
    assert (page.width, page.height) == size
    assert page.lines[0].baseline[1][0] == pytest.approx(right)


@pytest.mark.case
@pytest.mark.parametrize("size", [(60, 100), (100, 70), (200, 60)])
def test_a_layout_of_an_image_of_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(LayoutFileError, match="a.xml: it describes a page of 100 x 60"):
        fit_image(Page(100, 60), *size, "a.xml")
