"""Rendered lines repeat by seed and show their text with room around it."""

import numpy as np
import pytest

from inkread.errors import DatasetError
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts, sample_lines, some_words

FONTS = find_fonts()


def test_a_line_depends_on_seed_and_position_alone() -> None:
    once = list(sample_lines(read_texts(), FONTS, 5, seed=1))
    again = list(sample_lines(read_texts(), FONTS, 3, seed=1))
    for first, second in zip(once, again, strict=False):
        assert first.text == second.text
        assert np.array_equal(first.image, second.image)
    assert [line.text for line in once] != [line.text for line in sample_lines(read_texts(), FONTS, 5, seed=2)]


def test_lines_have_contrast_and_a_plausible_size() -> None:
    for line in sample_lines(read_texts(), FONTS, 30, seed=0):
        height, width = line.image.shape
        assert 12 <= height <= 250
        assert width > 4 * len(line.text)
        assert np.percentile(line.image, 90) - line.image.min() > 30, line


def test_words_are_neighbours_in_a_text() -> None:
    rng = np.random.default_rng(0)
    texts = ("one two three four", "cinq")
    for _ in range(50):
        words = some_words(texts, rng)
        assert words
        assert any(words in text for text in texts)


def test_text_that_no_font_has_is_an_error() -> None:
    with pytest.raises(DatasetError, match="漢"):
        next(sample_lines(["漢"], FONTS, 1, seed=0))
