"""A scan shows paper, rules and ink in the tones asked for."""

import numpy as np
import pytest

from inkread.synthesis.ink import Paper

PLAIN = Paper(tone=200, ink=40, rule=120, shading=0, fading=0, blur=0, noise=0)


def test_ink_and_paper_have_their_tones() -> None:
    coverage = np.zeros((20, 30), np.uint8)
    coverage[5:10] = 255
    coverage[10:15] = 128
    image = PLAIN.scan(coverage, np.random.default_rng(0))
    assert image.dtype == np.uint8
    assert image[0, 0] == 200
    assert image[7, 3] == 40
    assert image[12, 3] == pytest.approx(120, abs=1)


def test_rules_are_printed_under_the_ink() -> None:
    coverage = np.zeros((20, 30), np.uint8)
    coverage[:, 20:] = 255
    image = PLAIN.scan(coverage, np.random.default_rng(0), rows=[8], columns=[4])
    assert image[8, 10] == image[2, 4] == 120
    assert image[8, 25] == 40


def test_sampled_papers_stay_readable() -> None:
    rng = np.random.default_rng(0)
    for paper in (Paper.sample(rng) for _ in range(200)):
        assert paper.tone - paper.ink >= 80
        assert 0 <= paper.ink < paper.rule < paper.tone <= 250
