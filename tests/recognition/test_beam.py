import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, beam_search, greedy
from inkread.recognition.language_model import LanguageModel

AB = Alphabet("ab")
EVERYTHING = 10_000
NO_FLOORS = {"class_floor": 0.0, "prefix_floor": 0.0, "paper_floor": 0.0}
FRAMES = arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-5, 0, width=32))


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def all_texts(log_probs: NDArray[np.float32], alphabet: Alphabet) -> dict[str, float]:
    """Probability of every text, by adding up every path."""
    found: dict[str, float] = defaultdict(float)
    probabilities = np.exp(log_probs.astype(float))
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        text = alphabet.decode(label for label, _ in itertools.groupby(path))
        found[text] += math.prod(probabilities[frame, label] for frame, label in enumerate(path))
    return found


def exact(log_probs: NDArray[np.float32], n_best: int = 1, **options: object) -> list[Hypothesis]:
    return beam_search(log_probs, AB, width=EVERYTHING, n_best=n_best, **NO_FLOORS, **options)  # type: ignore[arg-type]


@settings(deadline=None)
@given(FRAMES.map(softmax))
def test_a_search_without_limits_is_exact(log_probs: NDArray[np.float32]) -> None:
    expected = all_texts(log_probs, AB)

    hypotheses = exact(log_probs, n_best=EVERYTHING)

    assert {hypothesis.text for hypothesis in hypotheses} == set(expected)
    for hypothesis in hypotheses:
        assert math.exp(hypothesis.score) == pytest.approx(expected[hypothesis.text], rel=1e-4)
    assert expected[hypotheses[0].text] == pytest.approx(max(expected.values()), rel=1e-4)
    assert sum(math.exp(hypothesis.score) for hypothesis in hypotheses) == pytest.approx(1, rel=1e-4)


@settings(deadline=None)
@given(FRAMES.map(softmax), st.floats(0.1, 1.5), st.floats(-1, 2))
def test_with_a_language_model_the_search_is_exact_too(
    model: LanguageModel, log_probs: NDArray[np.float32], weight: float, bonus: float
) -> None:
    expected = {
        text: math.log(probability) + weight * model.score_line(text) + bonus * len(text)
        for text, probability in all_texts(log_probs, AB).items()
    }

    hypotheses = exact(log_probs, EVERYTHING, language_model=model, weight=weight, length_bonus=bonus)

    assert len(hypotheses) == len(expected)
    for hypothesis in hypotheses:
        assert hypothesis.score == pytest.approx(expected[hypothesis.text], abs=1e-3)


@settings(deadline=None)
@given(FRAMES.map(softmax), st.integers(1, 8))
def test_a_narrow_search_finds_texts_that_exist_in_falling_order(log_probs: NDArray[np.float32], width: int) -> None:
    expected = all_texts(log_probs, AB)

    hypotheses = beam_search(log_probs, AB, width=width, n_best=5)

    assert 1 <= len(hypotheses) <= min(width, 5)
    assert len({hypothesis.text for hypothesis in hypotheses}) == len(hypotheses)
    scores = [hypothesis.score for hypothesis in hypotheses]
    assert scores == sorted(scores, reverse=True)
    for hypothesis in hypotheses:
        assert math.exp(hypothesis.score) <= expected[hypothesis.text] * (1 + 1e-4)


def test_the_language_model_decides_where_the_ink_does_not(model: LanguageModel) -> None:
    log_probs = np.log(np.array([[0.1, 0.8, 0.1], [0.98, 0.01, 0.01], [0.1, 0.46, 0.44]], np.float32))

    assert beam_search(log_probs, AB)[0].text == "aa"
    fused = beam_search(log_probs, AB, language_model=model, weight=0.5, length_bonus=0.7)[0]
    assert (fused.text, fused.plain) == ("ab", "aa"), "and it is known what it changed"


def test_a_temperature_leaves_more_to_the_language_model(model: LanguageModel) -> None:
    log_probs = np.log(np.array([[0.1, 0.8, 0.1], [0.98, 0.01, 0.01], [0.1, 0.6, 0.3]], np.float32))

    texts = {
        temperature: beam_search(
            log_probs, AB, language_model=model, weight=0.5, length_bonus=0.7, temperature=temperature
        )[0].text
        for temperature in (0.1, 1.0, 10.0)
    }
    flatter = softmax((log_probs / 10).astype(np.float32))
    same = beam_search(flatter, AB, language_model=model, weight=0.5, length_bonus=0.7)[0]

    assert (texts[0.1], texts[10.0]) == ("aa", same.text)
    assert "b" in same.text


def test_the_length_bonus_favours_longer_texts() -> None:
    log_probs = np.log(np.array([[0.8, 0.1, 0.1]] * 3, np.float32))

    assert beam_search(log_probs, AB)[0].text == ""
    assert len(beam_search(log_probs, AB, length_bonus=3.0, paper_floor=0.05)[0].text) >= 2


@pytest.mark.parametrize("frames", [0, 1, 40])
def test_a_strip_without_ink_reads_as_nothing(model: LanguageModel, frames: int) -> None:
    log_probs = np.log(np.tile(np.array([[0.998, 0.001, 0.001]], np.float32), (frames, 1)))

    for hypothesis in (
        *beam_search(log_probs, AB, n_best=3)[:1],
        *beam_search(log_probs, AB, language_model=model, weight=0.5, length_bonus=1.0)[:1],
    ):
        assert (hypothesis.text, hypothesis.spans, hypothesis.confidences) == ("", (), ())
        assert math.isfinite(hypothesis.score)


def test_only_the_best_text_is_placed_on_the_frames() -> None:
    log_probs = softmax(np.random.default_rng(1).normal(size=(12, 3)).astype(np.float32))

    best, *others = beam_search(log_probs, AB, n_best=4)

    assert len(best.spans) == len(best.confidences) == len(best.text)
    assert others
    assert all(other.spans == () and other.confidences == () for other in others)


def test_a_sure_network_reads_the_same_with_and_without_search(model: LanguageModel) -> None:
    path = [0, 1, 1, 0, 1, 2, 0, 2, 0]
    log_probs = np.full((len(path), 3), -np.inf, np.float32)
    log_probs[np.arange(len(path)), path] = 0

    plain = greedy(log_probs, AB)
    searched = beam_search(log_probs, AB, language_model=model, weight=0.5)[0]

    assert searched.text == plain.text == "aabb"
    assert searched.spans == plain.spans
    assert searched.confidences == plain.confidences == (1.0,) * 4


def test_characters_unknown_to_the_language_model_can_be_read(model: LanguageModel) -> None:
    alphabet = Alphabet("aé⁊")
    log_probs = np.log(np.array([[0.02, 0.02, 0.94, 0.02], [0.02, 0.02, 0.02, 0.94]], np.float32))

    assert beam_search(log_probs, alphabet, language_model=model, weight=0.4, length_bonus=1.0)[0].text == "é⁊"


def test_a_line_of_thousands_of_frames_does_not_underflow(model: LanguageModel) -> None:
    log_probs = softmax(np.random.default_rng(2).normal(size=(3000, 3)).astype(np.float32))

    best = beam_search(log_probs, AB, language_model=model, weight=0.5, length_bonus=0.5)[0]

    assert math.isfinite(best.score)
    assert len(best.text) > 100


@pytest.mark.case
def test_nothing_is_written_over_blank_paper() -> None:
    """There the network gives each frame a few per cent for common letters, as many frames as there are."""
    ink = [[0.1, 0.85, 0.05], [0.97, 0.02, 0.01]]
    log_probs = np.log(np.array(ink + [[0.955, 0.02, 0.025]] * 175, np.float32))

    best, *others = beam_search(log_probs, AB, length_bonus=1.0, n_best=5)
    anywhere = beam_search(log_probs, AB, length_bonus=1.0, paper_floor=0.0)[0]

    assert best.text == "a"
    assert all(len(other.text) <= 3 for other in others)
    assert len(anywhere.text) > 3, "so that it is the floor that helps"


def test_a_line_reads_the_same_to_the_last_digit_after_any_others(model: LanguageModel) -> None:
    rng = np.random.default_rng(3)
    lines = [softmax(rng.normal(0, 2, (40, 3)).astype(np.float32)) for _ in range(12)]
    fresh = LanguageModel(model.characters, model.levels)

    warm = [beam_search(line, AB, language_model=model, weight=0.6, length_bonus=0.6, n_best=4) for line in lines]
    cold = [beam_search(line, AB, language_model=fresh, weight=0.6, length_bonus=0.6, n_best=4) for line in lines[::-1]]

    assert cold[::-1] == warm
