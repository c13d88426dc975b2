"""Augmentation that loses the text teaches the model to guess."""

import numpy as np

from inkread.recognition.line_images import CONTEXT_ROWS, HEIGHT, exact_part
from inkread.training.augmentation import Augmentation, augment, augmented_views

USUAL = Augmentation()


def context_strip(width: int = 300) -> np.ndarray:
    strip = np.full((CONTEXT_ROWS, width), 220, np.uint8)
    for column in range(40, width - 40, 10):
        strip[25:45, column : column + 2] = 30
    return strip


def test_the_same_seed_gives_the_same_strip_and_another_seed_another() -> None:
    first, again, other = (augment(context_strip(), np.random.default_rng(seed), USUAL) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_ink_stays_inside_and_width_stays_near() -> None:
    for seed in range(100):
        strip = augment(context_strip(), np.random.default_rng(seed), USUAL)
        assert strip.dtype == np.uint8
        assert strip.shape[0] == HEIGHT
        assert 170 < strip.shape[1] < 480
        assert np.ptp(strip.astype(int)) > 40, "the writing is still there"


def test_short_lines_stay_usable() -> None:
    for seed in range(20):
        assert augment(context_strip(34), np.random.default_rng(seed), USUAL).shape[1] >= 16
    assert exact_part(context_strip(12)).shape[0] == HEIGHT


def test_views_share_the_geometry_and_differ_in_ink_and_masks() -> None:
    for seed in range(20):
        one, other = augmented_views(context_strip(), np.random.default_rng(seed), 2, USUAL)
        assert one.shape == other.shape
        assert not np.array_equal(one, other)
    masked = np.concatenate(
        [augmented_views(flat_ink(), np.random.default_rng(seed), 1, USUAL)[0] for seed in range(60)], 1
    )
    share = float((np.ptp(masked[4:-4].astype(int), axis=0) < 12).mean())
    assert 0.02 < share < 0.25, "some letters are hidden, most are not"


def flat_ink() -> np.ndarray:
    """Ink with an edge in every column, on a strip wide enough for several masks."""
    strip = np.full((CONTEXT_ROWS, 900), 230, np.uint8)
    strip[30:42] = 20
    return strip
