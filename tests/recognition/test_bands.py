import pytest

from inkread.document import Polygon, Polyline
from inkread.recognition.line_images import AROUND_BOUNDS, ASCENT_SHARE, REACH, line_bands


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


def test_a_word_between_two_lines_does_not_flatten_them() -> None:
    lines = [*ruled(20, 80), ((300, 220), (500, 220))]
    for band in line_bands(lines, [()] * 21):
        assert band.ascent + band.descent >= AROUND_BOUNDS[0] * REACH * 80 - 1e-6


def test_a_gap_after_a_paragraph_does_not_stretch_its_last_line() -> None:
    alone = ((100, 2000), (900, 2000))
    assert line_bands([*ruled(20, 80), alone], [()] * 21)[-1].ascent <= AROUND_BOUNDS[1] * ASCENT_SHARE * REACH * 80 + 1


def test_each_size_of_writing_on_a_page_keeps_its_own_band() -> None:
    large = [((100, 2000 + i * 160), (900, 2000 + i * 160)) for i in range(20)]
    bands = line_bands([*ruled(20, 80), *large], [()] * 40)
    assert bands[0].ascent == pytest.approx(ASCENT_SHARE * REACH * 80)
    assert bands[-1].ascent == pytest.approx(ASCENT_SHARE * REACH * 160)


@pytest.mark.parametrize("shift", [-900, 900])
def test_an_outline_elsewhere_on_the_page_is_ignored(shift: int) -> None:
    lines = ruled(5, 80)
    elsewhere = [outline(((x0, y0 + shift), (x1, y1 + shift)), 200, 300) for (x0, y0), (x1, y1) in lines]
    assert line_bands(lines, elsewhere) == line_bands(lines, [()] * 5)
