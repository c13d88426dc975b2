"""Lines of a page: rulings, fragments of the detector's map, their joining, baselines and outlines."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.layout.detector import TextMap
from inkread.layout.lines import Fragment, find_fragments, find_rulings, join_fragments, line_geometry, part_at
from inkread.layout.settings import DEFAULT_LAYOUT


def page() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.full((900, 600), 220, np.uint8)


def test_a_table_rule_is_found_where_it_stands() -> None:
    grey = page()
    cv2.line(grey, (200, 100), (203, 800), 60, 2)
    found = find_rulings(grey)
    assert found[450, 195:210].any()
    assert not found[:, :180].any()
    assert not found[:, 225:].any()


def test_writing_and_level_rules_are_none() -> None:
    grey = page()
    for y in range(100, 800, 50):
        cv2.putText(grey, "illlness, Will", (50, y), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 30, 2)
        cv2.line(grey, (20, y + 10), (580, y + 10), 100, 1)
    assert not find_rulings(grey).any()


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


def test_a_word_that_touches_the_line_below_it_is_told_apart() -> None:
    canvas = np.zeros((120, 600), np.float32)
    ribbon(canvas, (20, 60), (580, 60))
    ribbon(canvas, (300, 40), (340, 40))
    canvas[40:60, 315:320] = 0.4
    found = find_fragments(text_map(canvas)).level
    assert sorted(round(piece.length, -1) for piece in found) == [50, 570]


def test_upright_writing_is_kept_apart() -> None:
    canvas = np.zeros((400, 200), np.float32)
    ribbon(canvas, (100, 50), (100, 350))
    found = find_fragments(text_map(canvas))
    assert not found.level
    assert found.upright[0].length == pytest.approx(310, abs=12)


def test_letters_of_writing_up_the_margin_belong_to_it() -> None:
    canvas = np.zeros((400, 400), np.float32)
    ribbon(canvas, (30, 60), (30, 200))
    for y in (225, 255):
        canvas[y : y + 12, 26:36] = 0.9
    for y in (100, 140, 180):
        ribbon(canvas, (120, y), (380, y))
    found = find_fragments(text_map(canvas))
    assert len(found.level) == 3
    (margin,) = join_fragments(found.upright)
    assert margin.x[-1] == pytest.approx(266, abs=2)


def test_a_short_word_of_a_line_beside_upright_writing_stays_in_its_line() -> None:
    canvas = np.zeros((400, 400), np.float32)
    ribbon(canvas, (30, 60), (30, 200))
    canvas[225:237, 26:36] = 0.9
    ribbon(canvas, (60, 231), (380, 231))
    found = find_fragments(text_map(canvas))
    assert len(found.level) == 2
    assert len(join_fragments(found.level)) == 1


def test_digits_below_each_other_in_a_register_are_cells() -> None:
    canvas = np.zeros((400, 400), np.float32)
    canvas[40:240, 200:208] = 0.4
    for y in range(40, 240, 25):
        canvas[y : y + 14, 198:210] = 0.95
    assert len(find_fragments(text_map(canvas)).upright) == 1
    found = find_fragments(text_map(canvas), cells=True)
    assert len(found.level) == 8
    assert not found.upright


def test_specks_and_faint_smears_are_no_text() -> None:
    canvas = np.zeros((100, 100), np.float32)
    canvas[10:12, 10:13] = 0.9
    canvas[50:60, 10:90] = 0.4
    assert not find_fragments(text_map(canvas)).level


def piece(x0: float, x1: float, y: float, slope: float = 0.0, thickness: float = 10.0) -> Fragment:
    x = np.arange(x0, x1, dtype=np.float32)
    return Fragment(x, (y + slope * x).astype(np.float32), thickness)


def test_pieces_of_a_line_are_joined_over_a_gap() -> None:
    joined = join_fragments([piece(120, 300, 50), piece(0, 100, 50), piece(330, 400, 52)])
    assert len(joined) == 1
    assert (joined[0].x[0], joined[0].x[-1]) == (0, 399)


def test_a_slanted_line_goes_on_along_its_slant() -> None:
    assert len(join_fragments([piece(0, 200, 0, 0.2), piece(240, 400, 0, 0.2)])) == 1


def test_other_lines_wide_gaps_and_other_sizes_stay_apart() -> None:
    assert len(join_fragments([piece(0, 100, 50), piece(110, 200, 85)])) == 2
    assert len(join_fragments([piece(0, 100, 50), piece(300, 400, 50)])) == 2
    assert len(join_fragments([piece(0, 100, 50), piece(110, 200, 50, thickness=30)])) == 2


def test_nothing_is_joined_across_a_ruling() -> None:
    rulings = np.zeros((100, 300), np.bool_)
    pieces = [piece(0, 100, 50), piece(120, 200, 50)]
    assert len(join_fragments(pieces, rulings)) == 1
    rulings[:, 110] = True
    assert len(join_fragments(pieces, rulings)) == 2


RULING = np.array([(150.0, 0.0), (150.0, 200.0)])


def test_cells_that_the_detector_joined_are_parted_at_the_ruling_between_them() -> None:
    canvas = np.full((200, 400), 0.99, np.float32)
    canvas[:, 148:153] = 0.8
    left, right = part_at([piece(50, 250, 100)], [RULING], canvas)
    assert left.x[0] == 50
    assert right.x[-1] == 249
    assert left.x[-1] < 150 < right.x[0], "outlines must not reach into the next cell"


def test_writing_across_a_ruling_stays_whole() -> None:
    sure = np.full((200, 400), 0.99, np.float32)
    assert len(part_at([piece(50, 250, 100)], [RULING], sure)) == 1


def test_a_ruling_that_many_lines_run_across_parts_none() -> None:
    canvas = np.full((400, 400), 0.99, np.float32)
    canvas[90:110, 148:153] = 0.8
    lines = [piece(50, 250, y) for y in (100, 150, 200, 250, 300, 350)]
    assert len(part_at(lines, [RULING * (1, 2)], canvas)) == len(lines)


def test_each_end_is_joined_once() -> None:
    joined = join_fragments([piece(0, 100, 50), piece(110, 200, 48), piece(112, 200, 55)])
    assert sorted(round(item.length) for item in joined) in ([88, 200], [90, 200])


def test_two_columns_that_stand_close_stay_two() -> None:
    left = [piece(0, 150 + 5 * row, 40 * row) for row in range(5)]
    right = [piece(200 + row % 2, 350, 40 * row) for row in range(5)]
    assert len(join_fragments([*left, *right])) == 10


def test_verse_numbers_in_the_margin_belong_to_their_lines() -> None:
    numbers = [piece(0, 25, 40 * row) for row in range(5)]
    lines = [piece(60, 350, 40 * row) for row in range(5)]
    assert len(join_fragments([*numbers, *lines])) == 5


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
