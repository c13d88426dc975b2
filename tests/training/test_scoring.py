"""Wrong scores choose wrong models."""

import numpy as np
import pytest

from inkread.recognition.alphabet import Alphabet
from inkread.training.scoring import cer, cer_by_source, greedy_text, pad_batch, read_lines

ALPHABET = Alphabet(" ab")


def test_repeats_merge_unless_a_blank_parts_them() -> None:
    assert greedy_text(np.array([2, 2, 0, 2, 3, 3, 0, 1, 0]), ALPHABET) == "aab"


def test_lines_come_back_in_order_whatever_their_width() -> None:
    images = [np.full((4, width), grey, np.uint8) for width, grey in ((9000, 2), (30, 3), (500, 2), (20, 2))]

    def frames(batch: np.ndarray) -> np.ndarray:
        return np.asarray(np.eye(4, dtype=np.float32)[batch[:, 0, 0, :2].astype(int)])

    assert read_lines(frames, images, ALPHABET) == ["a", "b", "a", "a"]


def test_padding_is_mid_grey_on_the_right() -> None:
    batch = pad_batch([np.zeros((2, 3), np.uint8), np.zeros((2, 9), np.uint8)])
    assert batch.shape == (2, 1, 2, 16)
    assert batch[0, 0, 0].tolist() == [0] * 3 + [128] * 13


def test_long_lines_weigh_more_and_sources_stand_apart() -> None:
    assert cer(["ab", "abababab"], ["", "abababab"]) == pytest.approx(0.2)
    assert cer([], []) == 0
    scores = cer_by_source(["x", "y", "x"], ["a", "b", "a"], ["a", "a", "b"])
    assert scores == pytest.approx({"x": 0.5, "y": 1.0, "all": 2 / 3})
