"""Bins of confidences."""

from inkread.evaluation.calibration import reliability


def test_bins_hold_means_and_counts_and_empty_ones_are_left_out() -> None:
    low, high = reliability([(0.05, False), (0.02, True), (1.0, True)])
    assert (round(low.confidence, 3), low.right, low.count) == (0.035, 0.5, 2)
    assert (high.confidence, high.right, high.count) == (1.0, 1.0, 1)
    assert reliability([]) == []
