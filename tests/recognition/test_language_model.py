import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.errors import BundleError
from inkread.recognition.language_model import BOUNDARY, LEAST, OTHER, LanguageModel, languages_of

TEXT = st.text(st.sampled_from("ab\n€"), max_size=12)


def byte(value: int) -> float:
    return math.exp(-value / 16)


def test_probabilities_follow_the_formula_of_the_file_format(model: LanguageModel) -> None:
    cases = {
        ("", "a"): byte(10),
        ("", "€"): byte(40) / 4,
        ("a", "b"): byte(4),
        ("a", "a"): byte(24) * byte(10),
        ("\na", "b"): byte(2),
        ("\na", "a"): byte(30) * byte(24) * byte(10),
        ("ba", "€"): byte(24) * byte(40) / 4,
    }
    for (context, character), expected in cases.items():
        assert model.score(context, character) == pytest.approx(math.log(expected))


@settings(deadline=None)
@given(TEXT)
def test_only_the_last_characters_of_a_context_matter(model: LanguageModel, text: str) -> None:
    assert [model.score(text + "ba", c) for c in "ab\n€"] == [model.score("ba", c) for c in "ab\n€"]


@settings(deadline=None)
@given(TEXT)
def test_a_line_is_the_sum_of_its_characters_and_its_end(model: LanguageModel, text: str) -> None:
    line = BOUNDARY + text + BOUNDARY
    expected = sum(model.score(line[:place], line[place]) for place in range(1, len(line)))

    assert model.score_line(text) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(TEXT, max_size=4))
def test_lines_are_worth_the_same_together_as_alone(model: LanguageModel, texts: list[str]) -> None:
    assert model.score_lines(texts) == [model.score_line(text) for text in texts]


def test_a_context_names_the_longest_end_of_a_text_that_the_model_has(model: LanguageModel) -> None:
    start = model.extend((0,), 1)
    after_a = model.extend(start, 2)

    assert (start, after_a) == ((0, 0), (0, 1, 0))
    assert model.extend(after_a, 3) == (0, 2, 1)
    assert model.extend(model.extend(after_a, 3), OTHER) == (0,)


def test_nothing_is_impossible(model: LanguageModel) -> None:
    levels = [replace(level, backoffs=np.full_like(level.backoffs, 255)) for level in model.levels]
    strict = LanguageModel(model.characters, levels)

    assert strict.score("\na", "€") == math.log(LEAST)


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
    for context, character in itertools.product(("", "a", "ab", "\na", "zz"), "ab\n€"):
        assert loaded.score(context, character) == model.score(context, character)


def test_a_language_takes_half_of_each_probability_from_its_own_model(model: LanguageModel, tmp_path: Path) -> None:
    likelier_a = [replace(level, probabilities=level.probabilities // 2) for level in model.levels]
    own = LanguageModel(model.characters, likelier_a)
    path = tmp_path / "lm.bin"
    path.write_bytes(LanguageModel(model.characters, model.levels, languages={"fr": likelier_a, "en": []}).to_bytes())

    loaded = LanguageModel.load(path)

    assert languages_of(path) == ("en", "fr")
    assert loaded.of(None) is loaded.of("en") is loaded, "English has no n-grams of its own"
    assert loaded.of("fr") is loaded.of("fr")
    for context, character in itertools.product(("", "a", "ab", "\na", "zz"), "ab\n€"):
        half = (math.exp(model.score(context, character)) + math.exp(own.score(context, character))) / 2
        assert loaded.of("fr").score(context, character) == pytest.approx(math.log(half))
        assert loaded.score(context, character) == model.score(context, character)
    with pytest.raises(KeyError):
        loaded.of("de")


def test_a_file_that_is_no_model_knows_no_language(model: LanguageModel, tmp_path: Path) -> None:
    for content in (b"", b"INKLM\x00\x02\x00\x05\x00\x00\x00nope!", model.to_bytes()):
        (tmp_path / "lm.bin").write_bytes(content)
        assert languages_of(tmp_path / "lm.bin") == ()
    assert languages_of(tmp_path / "missing.bin") == ()


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


def test_a_model_of_the_first_format_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "lm.bin").write_bytes(b"INKLM\x00\x01\x00" + bytes(100))

    with pytest.raises(BundleError, match=r"lm\.bin: a language model of Inkread 0\.1; read with --no-lm"):
        LanguageModel.load(tmp_path / "lm.bin")


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"lm\.bin: the language model cannot be read"):
        LanguageModel.load(tmp_path / "lm.bin")


@pytest.mark.parametrize("part", ["firsts", "continued", "backoffs"])
def test_levels_that_do_not_belong_together_are_refused(model: LanguageModel, part: str) -> None:
    first, second, third = model.levels
    wrong = replace(second, **{part: getattr(second, part)[:-1] if part == "backoffs" else ~getattr(second, part)})

    with pytest.raises(ValueError, match="contexts"):
        LanguageModel(model.characters, [first, wrong, third])
