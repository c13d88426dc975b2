"""Rare things are drawn more often, but not without bound."""

import pytest

from inkread.data.dataset import Sample
from inkread.data.split import WeightSettings, class_weights, line_weights


def rows(*texts: str) -> list[Sample]:
    return [Sample(text, "i", text, "line", "s", "d") for text in texts]


def test_a_rare_character_raises_the_weight_of_its_line_up_to_a_bound() -> None:
    weights = line_weights(rows(*["aa"] * 99, "aþ"), WeightSettings(rarity=0.5))
    bounded = line_weights(rows(*["aa"] * 99, "aþ"), WeightSettings(rarity=0.5, most=2))
    assert weights[-1] == pytest.approx(5 * weights[0], rel=0.2)
    assert bounded[-1] < weights[-1]
    assert sum(weights) / len(weights) == pytest.approx(1, abs=1e-4)


def test_without_rarity_all_lines_weigh_alike() -> None:
    assert line_weights(rows("a", "b", "bb"), WeightSettings(rarity=0)) == [1, 1, 1]
    assert line_weights([], WeightSettings()) == []


def test_classes_weigh_the_same_together() -> None:
    weights = class_weights(["the"] * 3 + ["sea"])
    assert weights == {"sea": 2.0, "the": pytest.approx(2 / 3, abs=1e-6)}
