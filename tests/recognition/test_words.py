"""The confidence of a word must fall with what only the language model says of it."""

import pytest

from inkread.recognition.confidence import Calibration
from inkread.recognition.decoding import Hypothesis
from inkread.recognition.line_reader import words_of


def read(text: str, plain: str | None, confidence: float = 0.9) -> Hypothesis:
    return Hypothesis(text, ((0, 1),) * len(text), (confidence,) * len(text), 0.0, plain)


def test_words_have_the_product_of_their_characters_and_nothing_changed_without_a_language_model() -> None:
    first, second = words_of(read("to  sea", None))
    assert (first.start, first.stop, second.start, second.stop) == (0, 2, 4, 7)
    assert (first.probability, second.probability) == pytest.approx((0.9**2, 0.9**3))
    assert first.changed == second.changed == 0


def test_what_the_language_model_changed_is_measured_against_the_nearest_word() -> None:
    words = words_of(read("the old seashore is", "th sashore old"))
    assert [word.changed for word in words] == pytest.approx([1 / 3, 0, 1 / 8, 1])
    assert [word.changed for word in words_of(read("in all", ""))] == [1, 1]


def test_a_changed_word_and_a_long_word_are_trusted_as_the_calibration_says() -> None:
    kept, changed = (words_of(read("house", plain))[0] for plain in ("house", "hovse"))
    calibration = Calibration(changed=-4.0)
    assert changed.confidence(calibration) < kept.confidence(calibration)
    assert kept.confidence(calibration) == pytest.approx(0.9**5)
    assert kept.confidence(Calibration(length=0.5)) > kept.confidence(calibration)
