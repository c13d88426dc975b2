import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import align, greedy

ABC = Alphabet("abé")
FRAMES = arrays(np.float32, st.tuples(st.integers(0, 7), st.just(4)), elements=st.floats(-6, 0, width=32))


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def path_of(text: str) -> NDArray[np.float32]:
    """Frames of a network that is sure of a path; "-" is the blank."""
    log_probs = np.full((len(text), 4), np.log(0.02), np.float32)
    for frame, character in enumerate(text):
        log_probs[frame, 0 if character == "-" else ABC.encode(character)[0]] = np.log(0.94)
    return log_probs


@settings(deadline=None)
@given(FRAMES.map(softmax))
def test_greedy_is_the_best_path_with_repeats_merged_and_blanks_removed(log_probs: NDArray[np.float32]) -> None:
    best = log_probs.argmax(axis=1).tolist()
    expected = ABC.decode(label for label, _ in itertools.groupby(best))

    hypothesis = greedy(log_probs, ABC)

    assert hypothesis.text == expected
    assert hypothesis.score == pytest.approx(float(log_probs.max(axis=1, initial=-np.inf).sum()), abs=1e-4)
    assert len(hypothesis.spans) == len(hypothesis.confidences) == len(expected)
    for (start, stop), label, confidence in zip(
        hypothesis.spans, ABC.encode(expected), hypothesis.confidences, strict=True
    ):
        assert set(best[start:stop]) == {label}
        assert confidence == pytest.approx(float(np.exp(log_probs[start:stop, label].max())), rel=1e-5)


def test_greedy_keeps_a_double_letter_that_a_blank_parts() -> None:
    hypothesis = greedy(path_of("aa-a-bb"), ABC)

    assert hypothesis.text == "aab"
    assert hypothesis.spans == ((0, 2), (3, 4), (5, 7))


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_a_strip_without_ink_reads_as_nothing(frames: int) -> None:
    hypothesis = greedy(path_of("-" * frames), ABC)

    assert (hypothesis.text, hypothesis.spans, hypothesis.confidences) == ("", (), ())


def test_alignment_gives_each_character_its_frames() -> None:
    assert align(path_of("-a-bb-é"), ABC.encode("abé")) == ((1, 2), (3, 5), (6, 7))


def test_alignment_of_no_text_is_empty() -> None:
    assert align(path_of("--"), []) == ()
    assert align(path_of(""), []) == ()


@settings(deadline=None)
@given(FRAMES.map(softmax), st.text("abé", max_size=3))
def test_alignment_is_the_most_probable_path_of_the_text(log_probs: NDArray[np.float32], text: str) -> None:
    needed = len(text) + sum(a == b for a, b in itertools.pairwise(text))
    if len(log_probs) < needed or len(log_probs) > 5:
        return
    frames = range(len(log_probs))

    def collapsed(path: tuple[int, ...]) -> str:
        return ABC.decode(label for label, _ in itertools.groupby(path))

    def score(path: tuple[int, ...]) -> float:
        return float(sum(log_probs[frame, label] for frame, label in zip(frames, path, strict=True)))

    best = max(score(path) for path in itertools.product(range(4), repeat=len(log_probs)) if collapsed(path) == text)
    spans = align(log_probs, ABC.encode(text))
    path = [0] * len(log_probs)
    for (start, stop), label in zip(spans, ABC.encode(text), strict=True):
        assert start < stop
        path[start:stop] = [label] * (stop - start)

    assert collapsed(tuple(path)) == text
    assert score(tuple(path)) == pytest.approx(best, abs=1e-3)
