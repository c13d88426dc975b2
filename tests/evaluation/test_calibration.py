"""Confidences must be probabilities, and the error that is stated must be theirs."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.bundle import CalibrationValues
from inkread.evaluation.calibration import (
    FOLDS,
    TuningLine,
    area_under_roc,
    calibrate,
    expected_calibration_error,
    fit_calibration,
    fold_of,
    rated_words,
    reliability,
    word_error,
)
from inkread.evaluation.compare import ReadLine
from inkread.evaluation.report import confidence_figures
from inkread.recognition.confidence import Calibration
from inkread.recognition.decoding import Hypothesis

JUDGED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def overconfident(count: int = 4000) -> tuple[list[float], list[float]]:
    """Confidences whose logits are twice too large and 0.5 too high."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0.3, 1.2, count)
    right = rng.random(count) < 1 / (1 + np.exp(-logits))
    return (1 / (1 + np.exp(-(2 * logits + 0.5)))).tolist(), right.astype(float).tolist()


def test_calibration_undoes_what_was_done_to_the_probabilities() -> None:
    confidences, right = overconfident()

    calibration = fit_calibration(confidences, right)

    for value in (0.05, 0.3, 0.5, 0.8, 0.97):
        wanted = 1 / (1 + np.exp(-(np.log(value / (1 - value)) - 0.5) / 2))
        assert calibration.apply(value) == pytest.approx(wanted, abs=0.04)


def test_doubt_and_certainty_are_corrected_apart() -> None:
    """Words that are too doubtful in the middle and too certain at the top, as with a language model."""
    truth = Calibration(1.2, 1.0, 0.4)
    raw = np.random.default_rng(4).uniform(0.01, 0.999, 20000).tolist()
    right = np.random.default_rng(5).random(20000) < [truth.apply(value) for value in raw]
    calibration = fit_calibration(raw, right.tolist())

    for value in (0.05, 0.3, 0.5, 0.8, 0.97, 0.995):
        assert calibration.apply(value) == pytest.approx(truth.apply(value), abs=0.03)


def test_length_and_change_of_words_are_corrected_too() -> None:
    rng = np.random.default_rng(6)
    truth = Calibration(0.8, 0.5, 0.6, -0.7, -3.0)
    raw = rng.uniform(0.01, 0.999, 20000).tolist()
    words = list(zip(rng.integers(1, 12, 20000).tolist(), rng.choice([0, 0.2, 1], 20000).tolist(), strict=True))
    right = rng.random(20000) < [truth.apply(value, *word) for value, word in zip(raw, words, strict=True)]
    calibration = fit_calibration(raw, right.tolist(), words)

    for word in ((1, 0.0), (8, 0.0), (3, 0.2), (5, 1.0)):
        for value in (0.05, 0.5, 0.97):
            assert calibration.apply(value, *word) == pytest.approx(truth.apply(value, *word), abs=0.06)


def test_calibrated_confidences_say_how_many_are_right() -> None:
    confidences, right = overconfident()
    calibration = fit_calibration(confidences[::2], right[::2])
    calibrated = [calibration.apply(value) for value in confidences[1::2]]

    assert expected_calibration_error(confidences[1::2], right[1::2]) > 0.08
    assert expected_calibration_error(calibrated, right[1::2]) < 0.04


def test_what_no_logistic_curve_can_say_is_corrected_too() -> None:
    raw = np.random.default_rng(8).uniform(0.01, 0.99, 20000)
    truth = raw + 0.04 * np.sin(4 * np.pi * raw)
    right = (np.random.default_rng(9).random(20000) < truth).astype(float).tolist()
    calibration = fit_calibration(raw.tolist(), right)
    unbent = replace(calibration, bend=())

    errors = [expected_calibration_error([each.apply(value) for value in raw], right) for each in (unbent, calibration)]

    assert errors[1] < 0.7 * errors[0]
    values = [calibration.apply(value / 100) for value in range(101)]
    assert values == sorted(values)
    assert CalibrationValues(**asdict(calibration)).bend == calibration.bend
    with pytest.raises(ValueError, match="its points must rise"):
        CalibrationValues(bend=((0.5, 0.6), (0.7, 0.5)))


def test_shares_that_are_right_can_be_fitted() -> None:
    calibration = fit_calibration([0.9] * 50 + [0.6] * 50, [0.7] * 50 + [0.3] * 50)

    assert calibration.apply(0.9) == pytest.approx(0.7, abs=0.02)
    assert calibration.apply(0.6) == pytest.approx(0.3, abs=0.02)


@settings(deadline=None)
@given(JUDGED)
def test_a_fit_is_always_monotone_and_finite(judged: list[tuple[float, bool]]) -> None:
    calibration = fit_calibration(*zip(*judged, strict=True))

    values = [calibration.apply(value / 100) for value in range(101)]
    assert values == sorted(values)
    assert np.isfinite(values).all()


def test_the_error_is_measured_on_documents_that_the_calibration_was_not_fitted_on() -> None:
    """One fold is all wrong and as sure as the others, which no calibration of the others can know."""
    lines = [TuningLine("s", f"document {number}", "sea", np.zeros((0, 0), np.float32)) for number in range(60)]
    lines = [replace(line, text="oak") if fold_of(line) == 0 else line for line in lines]
    readings = [Hypothesis("sea", ((0, 1), (1, 2), (2, 3)), (0.8, 0.8, 0.8), 0.0)] * 60
    confidences, figures = calibrate(lines, readings)
    right = [line.text == "sea" for line in lines]
    fitted = Calibration(**confidences.word_calibration.model_dump())
    assert expected_calibration_error([fitted.apply(0.8**3, 3)] * 60, right) < 0.02
    assert figures[f"word ECE calibrated, {FOLDS} folds"] > 0.2


def test_nothing_to_fit_is_the_identity() -> None:
    assert fit_calibration([], []) == Calibration()


def test_calibration_error_by_hand() -> None:
    assert expected_calibration_error([0.9, 0.9, 0.1, 0.1], [1, 0, 0, 0]) == pytest.approx((0.8 + 0.2) / 4)
    assert expected_calibration_error([1.0], [1]) == 0
    assert expected_calibration_error([], []) == 0


def test_area_under_roc_by_hand() -> None:
    assert area_under_roc([0.9, 0.8, 0.2], [True, True, False]) == 1
    assert area_under_roc([0.5, 0.5], [True, False]) == 0.5
    assert area_under_roc([0.1, 0.4, 0.35], [False, False, True]) == 0.5
    assert area_under_roc([0.3], [True]) == 0.5


def test_bins_hold_means_and_counts_and_empty_ones_are_left_out() -> None:
    low, high = reliability([(0.05, False), (0.02, True), (1.0, True)])
    assert (round(low.confidence, 3), low.right, low.count) == (0.035, 0.5, 2)
    assert (high.confidence, high.right, high.count) == (1.0, 1.0, 1)
    assert reliability([]) == []


LINE = ReadLine("d", "p", "1", "tea for", "tee for", 0.9, words=((0.5, False), (0.9, True)))


def test_figures_of_lines() -> None:
    assert rated_words([LINE, LINE]) == [(0.5, False), (0.9, True)] * 2
    result = confidence_figures([LINE])
    assert result["words_rated"] == 2
    assert result["cer_at_coverage"]["1"] == 1 / 7
    assert result["cer_at_coverage_of_words"]["1"] == 1 / 7
    assert abs(result["word_ece"] - (0.5 + 0.1) / 2) < 1e-9
    assert word_error([]) is None
