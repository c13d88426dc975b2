"""Noise is as smooth as asked for and of unit size."""

import numpy as np
import pytest

from inkread.synthesis.ink import smooth_noise


def test_noise_has_the_shape_and_about_unit_deviation() -> None:
    field = smooth_noise(np.random.default_rng(0), (300, 500), 10)
    assert field.shape == (300, 500)
    assert field.dtype == np.float32
    assert float(field.std()) == pytest.approx(1, abs=0.4)


def test_a_longer_period_changes_more_slowly() -> None:
    fast, slow = (smooth_noise(np.random.default_rng(0), (1, 2000), period)[0] for period in (10, 100))
    assert np.abs(np.diff(slow)).mean() < np.abs(np.diff(fast)).mean() / 4
