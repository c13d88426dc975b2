"""Text is broken into lines that fit and loses no word."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.synthesis.ink import Hand, find_fonts
from inkread.synthesis.lines import read_texts
from inkread.synthesis.pages import sample_blocks, wrap

HAND = Hand(find_fonts()[0], x_height=18)


@settings(deadline=None)
@given(st.text(alphabet="abcde \n", max_size=120), st.floats(60, 800))
def test_wrapping_keeps_every_word_and_fits(text: str, width: float) -> None:
    lines = wrap(text, HAND, width)
    assert " ".join(lines).split() == text.split()
    assert all(HAND.width(line) <= width or " " not in line for line in lines)


def test_line_breaks_are_kept() -> None:
    assert wrap("Dear Sir,\n\nI write", HAND, 800) == ["Dear Sir,", "", "I write"]


def test_sampled_layouts_stay_on_the_page_and_apart() -> None:
    kinds = set()
    for seed in range(20):
        blocks = sample_blocks(read_texts(), HAND, (1240, 1754), np.random.default_rng(seed))
        kinds.add(tuple(block.kind for block in blocks))
        boxes = sorted((block.x, block.x + block.width) for block in blocks)
        assert boxes[0][0] > 0
        assert boxes[-1][1] < 1240
        assert all(right < left for (_, right), (left, _) in zip(boxes, boxes[1:], strict=False))
    assert kinds == {("text",), ("text", "text"), ("text", "marginalia")}
