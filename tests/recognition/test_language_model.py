import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.errors import BundleError
from inkread.recognition.language_model import BOUNDARY, OTHER, LanguageModel, context_key, context_keys

AN_ODD_TEXT = st.text(st.one_of(st.sampled_from("ab\n"), st.characters()), max_size=12)


@settings(deadline=None)
@given(context=AN_ODD_TEXT)
def test_after_any_context_the_probabilities_sum_to_one(model: LanguageModel, context: str) -> None:
    distribution = model.distribution(context)

    assert distribution.shape == (4,)
    assert (distribution > 0).all()
    assert distribution.sum() == pytest.approx(1, abs=1e-5)


@settings(deadline=None)
@given(context=AN_ODD_TEXT, character=st.characters())
def test_a_single_probability_equals_its_place_in_the_distribution(
    model: LanguageModel, context: str, character: str
) -> None:
    symbol = model.encode(character)[0]
    fresh = LanguageModel(model.characters, model.levels)
    symbols = model.encode(context)[-2:]

    assert fresh.symbol_probability(symbols, symbol) == pytest.approx(
        float(model.distribution(context)[symbol]), rel=1e-5
    )
    assert model.score(context, character) == pytest.approx(
        float(np.log(model.distribution(context)[symbol])), rel=1e-5
    )


def test_interpolation_follows_the_formula_of_the_file_format(model: LanguageModel) -> None:
    def byte(value: int) -> float:
        return float(np.exp(-value / 16))

    raw = np.array([0, byte(20), byte(10), byte(14)])
    unigram = raw * (1 - byte(40)) / raw.sum() + byte(40) / 4
    raw = np.array([0, byte(30), 0, byte(4)])
    bigram = raw * (1 - byte(24)) / raw.sum() + byte(24) * unigram
    trigram = np.array([0, 0, 0, 1 - byte(30)]) + byte(30) * bigram

    assert model.distribution("") == pytest.approx(unigram, rel=1e-5)
    assert model.distribution("a") == pytest.approx(bigram, rel=1e-5)
    assert model.distribution("\na") == pytest.approx(trigram, rel=1e-5)


def test_only_the_last_characters_of_a_context_matter(model: LanguageModel) -> None:
    assert np.array_equal(model.distribution("bbbbaba"), model.distribution("ba"))


def test_the_state_of_a_context_predicts_what_the_context_does(model: LanguageModel) -> None:
    for context in itertools.product(range(4), repeat=2):
        state = model.state(context)
        assert len(state) <= 2
        assert np.array_equal(model.symbol_distribution(context), model.symbol_distribution(state))


def test_a_likely_line_scores_better_than_an_unlikely_one(model: LanguageModel) -> None:
    assert model.score_line("ab") > model.score_line("ba")
    assert model.score_line("ab") == pytest.approx(
        model.score(BOUNDARY, "a") + model.score(BOUNDARY + "a", "b") + model.score(BOUNDARY + "ab", BOUNDARY)
    )


def test_characters_it_never_saw_share_one_symbol(model: LanguageModel) -> None:
    assert model.encode("a€\U0001f600\u0301") == (2, OTHER, OTHER, OTHER)
    assert model.score("€", "\U0001f600") == model.score("é", "ß")


def test_a_saved_model_loads_as_it_was(model: LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "lm.bin"
    path.write_bytes(model.to_bytes())

    loaded = LanguageModel.load(path)

    assert loaded.to_bytes() == model.to_bytes()
    assert loaded.sources == model.sources
    assert loaded.characters == model.characters
    for context in ("", "a", "ab", "\na", "zz"):
        assert np.array_equal(loaded.distribution(context), model.distribution(context))


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_one_clear_error(
    model: LanguageModel, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = model.to_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(content[:cut])

    with pytest.raises(BundleError, match=r"damaged\.bin: no language model"):
        LanguageModel.load(path)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"lm\.bin: the language model cannot be read"):
        LanguageModel.load(tmp_path / "lm.bin")


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), max_size=8))
def test_keys_of_one_context_and_of_many_agree(context: list[int]) -> None:
    packed = int.from_bytes(bytes(context), "big")

    assert context_keys(np.array([packed], np.uint64))[0] == context_key(context)


def test_the_cache_of_distributions_is_bounded(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inkread.recognition.language_model.CACHED_CONTEXTS", 3)
    small = LanguageModel(model.characters, model.levels)

    for context in itertools.product("ab\n", repeat=2):
        assert np.array_equal(small.distribution("".join(context)), model.distribution("".join(context)))

    assert len(small._cache) <= 3
