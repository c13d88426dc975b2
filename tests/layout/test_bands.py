import pytest

from inkread.document import Polygon, Polyline
from inkread.layout.bands import ASCENT_SHARE, REACH, line_bands


def ruled(count: int, spacing: float, slope: float = 0.0) -> list[Polyline]:
    return [((100, 100 + i * spacing), (900, 100 + i * spacing + 800 * slope)) for i in range(count)]


def outline(baseline: Polyline, above: float, below: float) -> Polygon:
    (x0, y0), (x1, y1) = baseline[0], baseline[-1]
    return ((x0, y0 - above), (x1, y1 - above), (x1, y1 + below), (x0, y0 + below))


def test_the_distance_to_the_nearest_line_sets_the_band() -> None:
    for band in line_bands(ruled(5, 80), [()] * 5):
        assert band.ascent + band.descent == pytest.approx(REACH * 80)
        assert band.ascent == pytest.approx(ASCENT_SHARE * REACH * 80)


def test_slanted_lines_have_the_bands_of_level_ones() -> None:
    level, slanted = line_bands(ruled(4, 80), [()] * 4), line_bands(ruled(4, 80, slope=0.1), [()] * 4)
    assert slanted[1].ascent == pytest.approx(level[1].ascent, rel=0.02)


def test_a_tight_outline_bounds_the_band_of_a_line_that_stands_alone_in_space() -> None:
    lines = ruled(2, 400)
    bands = line_bands(lines, [outline(line, 40, 20) for line in lines])
    assert bands[0].ascent + bands[0].descent == pytest.approx(1.5 * 60, rel=0.01)


def test_a_single_line_takes_its_outline() -> None:
    line = ruled(1, 0)[0]
    band = line_bands([line], [outline(line, 40, 20)])[0]
    assert band.ascent + band.descent == pytest.approx(60, rel=0.01)


def test_lines_in_the_other_column_do_not_count() -> None:
    left, right = ((0, 100), (400, 100)), ((500, 120), (900, 120))
    alone = line_bands([left], [outline(left, 40, 20)])
    assert line_bands([left, right], [outline(left, 40, 20), outline(right, 40, 20)])[0] == alone[0]


def test_a_page_without_lines_has_no_bands() -> None:
    assert line_bands([], []) == []
