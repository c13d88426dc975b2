"""Rendered pages carry ground truth that lies on their ink."""

import numpy as np
import pytest

from inkread.document import Page
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Hand, Paper, find_fonts
from inkread.synthesis.lines import read_texts
from inkread.synthesis.pages import Block, render_page, sample_pages, turn_page

PAPER = Paper(tone=230, ink=30, shading=0, fading=0, blur=0, noise=0)


def rendered(footer: str = "", height: int = 400) -> tuple[Grey, Page]:
    blocks = [Block("mumm oven\nruns", 60, 100, 500), Block("note", 20, 260, 100, "marginalia", 0.8)]
    hand = Hand(find_fonts()[0], 20)
    return render_page(blocks, hand, PAPER, (640, height), np.random.default_rng(0), footer=footer)


def ink_share(image: Grey, page: Page) -> list[float]:
    """Share of dark pixels in a small box just above the middle of each baseline."""
    shares = []
    for line in page.lines:
        x, y = np.mean(line.baseline, axis=0).astype(int)
        shares.append(float((image[y - 18 : y + 2, x - 25 : x + 25] < 130).mean()))
    return shares


def test_ground_truth_names_regions_lines_and_text() -> None:
    _, page = rendered(footer="printed")
    assert page.text == "mumm oven\nruns\nnote\nprinted"
    assert [region.kind for region in page.regions] == ["text", "marginalia", "footer"]
    assert len({line.id for line in page.lines}) == 4


def test_every_baseline_lies_under_ink_and_inside_its_polygon() -> None:
    image, page = rendered()
    assert all(share > 0.08 for share in ink_share(image, page))
    for line in page.lines:
        rows = [y for _, y in line.polygon]
        assert all(min(rows) <= y <= max(rows) for _, y in line.baseline)


@pytest.mark.parametrize(("degrees", "orientation"), [(3, 0), (-90, 90), (88, 270), (180, 180)])
def test_a_turned_page_keeps_its_ground_truth_on_the_ink(degrees: float, orientation: int) -> None:
    image, page = rendered()
    turned, moved = turn_page(image, page, degrees)
    assert (moved.height, moved.width) == turned.shape
    assert moved.orientation == orientation
    back, upright = turn_page(turned, moved, -degrees)
    assert all(share > 0.06 for share in ink_share(back, upright))


def test_lines_below_the_sheet_are_left_out_of_image_and_truth() -> None:
    _, page = rendered(height=200)
    assert page.text == "mumm oven\nruns"


def test_sampled_pages_repeat_by_seed() -> None:
    first, second = (list(sample_pages(read_texts(), find_fonts(), 1, seed=4)) for _ in range(2))
    assert np.array_equal(first[0][0], second[0][0])
    assert first[0][1] == second[0][1]
    assert len(first[0][1].lines) > 5
