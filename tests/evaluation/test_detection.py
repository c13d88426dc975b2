"""A detector is chosen by these two figures; each case here is a mistake that one of them must show."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.document import Polyline
from inkread.evaluation.detection import Detection, line_distances, match_baselines, over_written
from inkread.formats import paired, read_layout

HEIGHT = 2000.0
DISTANCE = 80.0


def lines(count: int = 5, shift: float = 0.0) -> list[Polyline]:
    return [((100.0, 200 + DISTANCE * i + shift), (1100.0, 200 + DISTANCE * i + shift)) for i in range(count)]


def test_the_same_lines_are_found() -> None:
    assert match_baselines(lines(), lines(), HEIGHT) == Detection(5.0, 5, 5.0, 5)


@pytest.mark.parametrize(("shift", "rate"), [(0.2, 1.0), (0.25, 1.0), (0.375, 0.75), (0.5, 0.5)])
def test_lines_off_by_more_than_a_quarter_of_their_distance_count_less(shift: float, rate: float) -> None:
    found = match_baselines(lines(), lines(shift=shift * DISTANCE), HEIGHT)
    assert found.recall == pytest.approx(rate)
    assert found.precision == pytest.approx(rate)


def test_a_line_three_quarters_of_the_distance_away_is_another_line() -> None:
    found = match_baselines(lines(2), lines(1, shift=1.75 * DISTANCE), HEIGHT)
    assert (found.recall, found.precision) == (0, 0)


def test_a_line_in_two_pieces_costs_precision_only() -> None:
    left, right = ((100.0, 200.0), (595.0, 200.0)), ((605.0, 200.0), (1100.0, 200.0))
    found = match_baselines(lines(), [left, right, *lines()[1:]], HEIGHT)
    assert found.recall == pytest.approx(1.0, abs=0.001)
    assert found.precision == pytest.approx(5 / 6)


def test_two_columns_read_as_one_line_cost_precision() -> None:
    columns: list[Polyline] = [((x, y), (x + 450.0, y)) for y in (200.0, 280.0, 360.0) for x in (100.0, 650.0)]
    across: list[Polyline] = [((100.0, y), (1100.0, y)) for y in (200.0, 280.0, 360.0)]
    found = match_baselines(columns, across, HEIGHT)
    assert found.recall == pytest.approx(1.0)
    assert found.precision == pytest.approx(0.47, abs=0.03)


def test_lines_beside_the_written_ones_are_told_apart() -> None:
    below: Polyline = ((100.0, 1500.0), (900.0, 1500.0))
    half_outside: Polyline = ((-900.0, 200.0), (1099.0, 200.0))
    mostly_outside: Polyline = ((-1100.0, 200.0), (1100.0, 200.0))
    found = [*lines(2, shift=0.3 * DISTANCE), below, half_outside, mostly_outside]
    assert over_written(lines(), found, HEIGHT) == [True, True, False, True, False]
    assert over_written([], found, HEIGHT) == [False] * 5


def test_a_missed_and_an_invented_line() -> None:
    invented: Polyline = ((100.0, 1500.0), (900.0, 1500.0))
    found = match_baselines(lines(), [*lines()[:4], invented], HEIGHT)
    assert found.recall == pytest.approx(0.8)
    assert found.precision == pytest.approx(0.8)


def test_one_found_twice_costs_precision() -> None:
    assert match_baselines(lines(), [*lines(), lines()[0]], HEIGHT).precision == pytest.approx(5 / 6)


def test_nothing_found_and_nothing_written() -> None:
    assert match_baselines(lines(), [], HEIGHT).recall == 0
    assert match_baselines([], lines(), HEIGHT).precision == 0
    assert match_baselines([], [], HEIGHT) == Detection()


def test_sums_weigh_pages_by_their_lines() -> None:
    total = match_baselines(lines(9), lines(9), HEIGHT) + match_baselines(lines(1), [], HEIGHT)
    assert total.recall == pytest.approx(0.9)


def test_slanted_lines_are_measured_across_their_direction() -> None:
    turn = np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    slanted = [np.linspace(line[0], line[1], 50) @ turn for line in lines()]
    assert line_distances(slanted, HEIGHT) == pytest.approx(np.full(5, DISTANCE), rel=0.02)


def test_a_piece_that_continues_a_line_is_not_its_neighbour() -> None:
    pieces = [np.array([[x, 200.0 + 3 * i], [x + 400, 200.0 + 3 * i]]) for i, x in enumerate((100.0, 510.0))]
    assert line_distances(pieces, HEIGHT) == pytest.approx([HEIGHT / 25, HEIGHT / 25])


@given(st.lists(st.tuples(*[st.floats(0, 1000)] * 4), min_size=1, max_size=6), st.data())
def test_rates_stay_in_bounds_for_any_polylines(boxes: list[tuple[float, ...]], data: st.DataObject) -> None:
    polylines: list[Polyline] = [((a, b), (c, d)) for a, b, c, d in boxes]
    found = data.draw(st.lists(st.sampled_from(polylines), max_size=8))
    result = match_baselines(polylines, found, 1000)
    assert 0 <= result.recall <= 1 + 1e-9
    assert 0 <= result.precision <= 1 + 1e-9
    assert match_baselines(polylines, polylines, 1000).recall == pytest.approx(1)


@pytest.mark.parametrize("source", ["hooker-en", "mss18-fr", "repertoires-fr"])
def test_real_transcriptions_find_themselves(shared_data: Path, source: str) -> None:
    _, layout = next(iter(paired(shared_data / source / "val")))
    page = read_layout(layout)
    baselines = [line.baseline for line in page.lines]
    result = match_baselines(baselines, baselines, page.height)
    assert result.recall == pytest.approx(1)
    assert result.precision == pytest.approx(1)
