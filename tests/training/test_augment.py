"""Augmentation that loses the text teaches the model to guess."""

import numpy as np

from inkread.training.augment import augment
from inkread.training.lines import CONTEXT_ROWS, exact_part
from inkread.training.network import HEIGHT


def context_strip(width: int = 300) -> np.ndarray:
    strip = np.full((CONTEXT_ROWS, width), 220, np.uint8)
    strip[25:45, 40 : width - 40 : 10] = 30
    return strip


def test_the_same_seed_gives_the_same_strip_and_another_seed_another() -> None:
    first, again, other = (augment(context_strip(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_ink_stays_inside_and_width_stays_near() -> None:
    for seed in range(100):
        strip = augment(context_strip(), np.random.default_rng(seed))
        assert strip.dtype == np.uint8
        assert strip.shape[0] == HEIGHT
        assert 190 < strip.shape[1] < 440
        assert np.ptp(strip.astype(int)) > 40, "the writing is still there"


def test_short_lines_stay_usable() -> None:
    for seed in range(20):
        assert augment(context_strip(34), np.random.default_rng(seed)).shape[1] >= 16
    assert exact_part(context_strip(12)).shape[0] == HEIGHT
