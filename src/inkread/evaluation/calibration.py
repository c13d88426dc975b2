"""Make confidences mean what they say, and measure whether they do.

Usage: ``calibration = fit_calibration(confidences, right); calibration.apply(0.8)``
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from inkread.recognition.confidence import EDGE, Calibration

BINS = 15
PULL = 1e-3
"""Strength of the pull towards the identity, which decides where the data do not."""
LEAST_SCALE, MOST_SCALE = 0.02, 20.0
UNCHANGED = np.array([1.0, 1.0, 0.0, 0.0, 0.0])

Values = NDArray[np.float64]


def fit_calibration(
    confidences: Sequence[float], right: Sequence[float], words: Sequence[tuple[int, float]] = ()
) -> Calibration:
    """The calibration with the least cross-entropy (Kull et al. 2017).

    Args:
        confidences: raw, in [0, 1].
        right: 1 or True for right, 0 for wrong, or the share that is right.
        words: of each its length and how much of it was changed, where these are words.

    Returns:
        The identity where there is nothing to fit.
    """
    if not len(confidences):
        return Calibration()
    clipped = np.clip(np.asarray(confidences, float), EDGE, 1 - EDGE)
    lengths, changes = np.asarray(words or [(1, 0.0)] * len(clipped), float).T
    evidence = np.stack([np.log(clipped), -np.log1p(-clipped), np.ones_like(clipped), np.log(lengths), changes], axis=1)
    target = np.asarray(right, float)

    def loss(parameters: Values) -> tuple[float, Values]:
        values = evidence @ parameters
        away = parameters - UNCHANGED
        total = float(np.mean(np.logaddexp(0, values) - target * values) + PULL * away @ away)
        return total, (expit(values) - target) @ evidence / len(target) + 2 * PULL * away

    bounds = [(LEAST_SCALE, MOST_SCALE), (LEAST_SCALE, MOST_SCALE), *[(None, None)] * 3]
    best = minimize(loss, UNCHANGED, jac=True, bounds=bounds).x
    scale, scale_wrong, shift, length, changed = (round(float(value), 4) for value in best)
    return Calibration(scale, shift, scale_wrong, length, changed)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[float], bins: int = BINS) -> float:
    """Mean distance between confidence and share of right ones over equally wide bins (Guo et al., ICML 2017)."""
    values, target = np.asarray(confidences, float), np.asarray(right, float)
    if not len(values):
        return 0.0
    places = np.minimum((values * bins).astype(int), bins - 1)
    gaps = np.bincount(places, values - target, bins)
    return float(np.abs(gaps).sum() / len(values))


def area_under_roc(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Probability that a right one has a higher confidence than a wrong one; 0.5 where one kind is missing."""
    target = np.asarray(right, bool)
    positives, negatives = int(target.sum()), int((~target).sum())
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(confidences)
    return float((ranks[target].sum() - positives * (positives + 1) / 2) / (positives * negatives))
