import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.confidence import (
    TEMPER,
    Calibration,
    character_confidences,
    line_confidence,
    shares,
    word_confidence,
    word_ranges,
)
from inkread.recognition.decoding import beam_search
from inkread.recognition.fusion import Fusion
from inkread.recognition.language_model import LanguageModel

AB = Alphabet("ab")
UNIT = st.floats(0, 1)


def test_blank_frames_are_no_evidence() -> None:
    sure, blank = [0.05, 0.9, 0.05], [0.6, 0.2, 0.2]
    close = np.log(np.array([sure, sure, blank], np.float32))
    wide = np.log(np.array([sure, sure, *[blank] * 50], np.float32))

    spans = [(0, 2)]

    assert character_confidences(close, [1], spans) == character_confidences(wide, [1], spans) == pytest.approx((0.9,))


def test_with_a_language_model_a_character_is_judged_against_its_rivals_in_their_context(model: LanguageModel) -> None:
    log_probs = np.log(np.array([[0.1, 0.8, 0.1], [0.2, 0.36, 0.44]], np.float32))
    weight, bonus = 0.7, 0.4

    def likelihood(posterior: float, text: str) -> float:
        fused = posterior * math.exp(weight * model.score_line(text) + bonus * len(text))
        unchanged = math.exp(weight * model.score("\n", "a") + bonus)
        return math.pow(fused / unchanged, TEMPER)

    own = likelihood(0.44, "ab")
    expected = own / (own + likelihood(0.36, "aa") + likelihood(0.2, "a"))
    fusion = Fusion(AB, model, weight=weight, length_bonus=bonus)

    assert character_confidences(log_probs, [1, 2], [(0, 1), (1, 2)], fusion)[1] == pytest.approx(expected, rel=1e-4)


def test_the_language_model_lowers_the_confidence_of_an_unlikely_letter(model: LanguageModel) -> None:
    log_probs = np.log(np.array([[0.1, 0.8, 0.1], [0.98, 0.01, 0.01], [0.1, 0.7, 0.2]], np.float32))

    plain = beam_search(log_probs, AB)[0]
    fused = beam_search(log_probs, AB, language_model=model, weight=0.15, length_bonus=0.3)[0]

    assert plain.text == fused.text == "aa"
    assert fused.confidences[1] < plain.confidences[1]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_confidences_are_probabilities(model: LanguageModel, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(0, 3, size=(20, 3))
    log_probs = np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)

    best = beam_search(log_probs, AB, language_model=model, weight=0.5, length_bonus=0.5)[0]

    assert all(0 <= confidence <= 1 + 1e-6 for confidence in best.confidences)


def test_a_word_is_right_when_all_its_characters_are() -> None:
    assert word_confidence([0.5, 0.8, 1.0]) == pytest.approx(0.4)
    assert word_confidence([]) == 1.0


def test_a_line_says_how_many_of_its_characters_are_right() -> None:
    assert line_confidence([0.5, 0.8, 1.0, 0.9]) == pytest.approx(0.8)
    assert line_confidence([]) == 0.0


@settings(deadline=None)
@given(st.text(st.sampled_from("ab  é\u00a0"), max_size=15))
def test_words_are_what_stands_between_spaces(text: str) -> None:
    assert [text[start:stop] for start, stop in word_ranges(text)] == [word for word in text.split(" ") if word]


@settings(deadline=None)
@given(st.lists(st.floats(-2000, 50), min_size=1, max_size=8))
def test_shares_of_alternatives_sum_to_one_and_keep_their_order(scores: list[float]) -> None:
    values = shares(scores)

    assert math.fsum(values) == pytest.approx(1)
    for (score, value), (other, other_value) in itertools.combinations(zip(scores, values, strict=True), 2):
        assert (value >= other_value) or score < other


def test_no_alternatives_have_no_shares() -> None:
    assert shares([]) == ()


@settings(deadline=None)
@given(st.lists(UNIT, min_size=2, max_size=2).map(sorted), st.floats(0.02, 20), st.floats(-20, 20))
def test_calibration_keeps_the_order_and_stays_a_probability(pair: list[float], scale: float, shift: float) -> None:
    low, high = (Calibration(scale, shift).apply(value) for value in pair)

    assert 0 <= low <= high <= 1


@settings(deadline=None)
@given(UNIT)
def test_the_identity_calibration_changes_nothing(value: float) -> None:
    assert Calibration().apply(value) == value


def test_calibration_follows_platt() -> None:
    assert Calibration(2.0, 0.5).apply(0.7) == pytest.approx(1 / (1 + math.exp(-(2 * math.log(0.7 / 0.3) + 0.5))))
