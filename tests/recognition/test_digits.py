"""The second opinion on digits: it belongs to one recogniser, and computes what it was taught to."""

import numpy as np
import pytest

from inkread.bundle import Bundle
from inkread.recognition import digits
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.decoding import LogProbs
from inkread.recognition.digits import CHARACTERS, DigitHead


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.open("bundled")


@pytest.fixture(scope="module")
def alphabet(bundle: Bundle) -> Alphabet:
    return Alphabet(bundle.model.alphabet)


@pytest.fixture(scope="module")
def frames(alphabet: Alphabet) -> LogProbs:
    scores = np.random.default_rng(0).normal(0, 2, (20, len(alphabet) + 1)).astype(np.float32)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def test_it_was_taught_with_the_recogniser_of_the_package(bundle: Bundle) -> None:
    assert DigitHead.of(bundle), "the bundled recogniser was replaced: run recipe.digits again"


def test_another_recogniser_is_read_without_it(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "file_sha256", lambda _: "of another recogniser")
    assert DigitHead.of(bundle) is None


def test_only_digits_and_marks_change_against_the_rest(bundle: Bundle, alphabet: Alphabet, frames: LogProbs) -> None:
    head = DigitHead.of(bundle)
    assert head is not None
    corrected = head(frames, alphabet)
    changes = corrected - frames
    known = [BLANK, *alphabet.encode(CHARACTERS)]
    others = np.delete(np.arange(frames.shape[1]), known)
    assert np.ptp(changes[:, others], axis=1).max() < 1e-4
    assert np.ptp(changes[:, known], axis=1).min() > 0.1
    assert np.exp(corrected).sum(axis=1) == pytest.approx(1, abs=1e-4)
