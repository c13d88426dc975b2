"""What the language model adds to a character."""

import math

import numpy as np
import pytest

from inkread.recognition import fusion as fusion_module
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.fusion import Fusion
from inkread.recognition.language_model import LanguageModel

AB = Alphabet("ab")


def test_without_a_model_only_the_bonus_counts() -> None:
    fusion = Fusion(AB, None, length_bonus=1.0)
    start = fusion.start()
    assert not fusion.active
    assert [fusion.factor(start, label) for label in range(3)] == pytest.approx([1.0, math.e, math.e])
    assert fusion.step(start, 1) == start


def test_a_factor_is_the_weighted_probability_with_the_bonus(model: LanguageModel) -> None:
    fusion = Fusion(AB, model, weight=0.5, length_bonus=0.2)
    after_a = fusion.step(fusion.start(), 1)
    expected = math.exp(model.score("\na", "b")) ** 0.5 * math.exp(0.2)
    assert fusion.factor(after_a, 2) == pytest.approx(expected)


def test_the_end_of_the_line_gets_no_bonus(model: LanguageModel) -> None:
    plain, generous = Fusion(AB, model, weight=0.5), Fusion(AB, model, weight=0.5, length_bonus=2.0)
    assert plain.factor(plain.start(), BLANK) == generous.factor(generous.start(), BLANK)


def test_texts_after_which_the_same_is_expected_share_a_state(model: LanguageModel) -> None:
    fusion = Fusion(AB, model, weight=0.5)
    after_b = fusion.step(fusion.start(), 2)
    assert fusion.step(after_b, 2) == after_b
    assert fusion.step(after_b, 1) != after_b


def test_the_same_arguments_share_what_was_looked_up(model: LanguageModel) -> None:
    assert Fusion.of(AB, model, weight=0.5, length_bonus=0.0) is Fusion.of(AB, model, weight=0.5, length_bonus=0.0)


def test_what_is_kept_between_lines_is_bounded(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion_module, "KEPT_FACTORS", 3)
    fusion, fresh = Fusion(AB, model, weight=0.5), Fusion(AB, model, weight=0.5)
    for label in (1, 2, 1, 2):
        state = fusion.step(fusion.start(), label)
        expected = fresh.factor(fresh.step(fresh.start(), label), 1)
        assert fusion.factor(state, 1) == expected
        assert len(fusion._factors) <= 4


def test_many_factors_and_steps_are_those_of_each_one(model: LanguageModel) -> None:
    many, single = Fusion(AB, model, weight=0.5, length_bonus=0.2), Fusion(AB, model, weight=0.5, length_bonus=0.2)
    states, labels = np.array([0, 0, 0, 0]), np.array([1, 2, BLANK, 1])
    expected = [single.factor(0, label) for label in labels.tolist()]
    assert many.factors(states, labels).tolist() == expected
    assert many.factors(states, labels).tolist() == expected, "also when they are known"
    after = many.steps(states[:2], labels[:2])
    assert many.factors(after, labels[:2]).tolist() == [single.factor(single.step(0, x), x) for x in (1, 2)]
