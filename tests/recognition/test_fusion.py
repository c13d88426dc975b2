"""What the language model adds to a character, looked up once a context."""

import numpy as np
import pytest

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.language_model import Fusion, LanguageModel

AB = Alphabet("ab")


def test_without_a_model_only_the_bonus_counts() -> None:
    fusion = Fusion(AB, None, length_bonus=1.0)
    assert not fusion.active
    assert list(fusion.factors(fusion.start)) == pytest.approx([1.0, np.e, np.e])
    assert fusion.extend(fusion.start, 1) == fusion.start


def test_a_factor_is_the_weighted_probability_with_the_bonus(model: LanguageModel) -> None:
    fusion = Fusion(AB, model, weight=0.5, length_bonus=0.2)
    after_a = fusion.extend(fusion.start, 1)
    expected = np.exp(model.score("\na", "b")) ** 0.5 * np.exp(0.2)
    assert fusion.factors(after_a)[2] == pytest.approx(expected, rel=1e-3)
    assert fusion.step(after_a, 2)[0] == pytest.approx(expected, rel=1e-3)


def test_the_end_of_the_line_gets_no_bonus(model: LanguageModel) -> None:
    plain, generous = Fusion(AB, model, weight=0.5), Fusion(AB, model, weight=0.5, length_bonus=2.0)
    assert plain.factors(plain.start)[BLANK] == pytest.approx(generous.factors(generous.start)[BLANK])


def test_the_same_arguments_share_what_was_looked_up(model: LanguageModel) -> None:
    assert Fusion.of(AB, model, weight=0.5, length_bonus=0.0) is Fusion.of(AB, model, weight=0.5, length_bonus=0.0)
