import numpy as np
import pytest

from inkread.recognition.confidence import Calibration
from inkread.recognition.decoding import Hypothesis
from inkread.recognition.line_images import cut_strip
from inkread.recognition.line_reader import place_words

STRIP = cut_strip(np.zeros((200, 500), np.uint8), ((100, 100), (400, 100)), ascent=32, descent=16, height=48)
READ = Hypothesis("ab c", ((5, 6), (15, 16), (25, 26), (35, 37)), (0.9, 0.8, 1.0, 0.5), -1.0)


def test_words_stand_where_their_frames_are() -> None:
    first, second = place_words(READ, STRIP, stride=4)
    assert (first.text, second.text) == ("ab", "c")
    left, right = first.polygon[0][0], first.polygon[1][0]
    assert left == pytest.approx(100 - 12 + 22 - 20, abs=1)
    assert right == pytest.approx(100 - 12 + 82, abs=1)
    assert first.polygon[0][1] == pytest.approx(68, abs=0.6)
    assert first.polygon[2][1] == pytest.approx(116, abs=0.6)


def test_characters_share_their_borders() -> None:
    word = place_words(READ, STRIP, stride=4)[0]
    a, b = word.characters
    assert a.polygon[1] == b.polygon[0]
    assert (a.text, a.confidence, b.text) == ("a", 0.9, "b")


def test_word_confidence_is_the_calibrated_product() -> None:
    calibration = Calibration(2.0, -1.0)
    plain, calibrated = place_words(READ, STRIP, 4)[0], place_words(READ, STRIP, 4, calibration)[0]
    assert plain.confidence == pytest.approx(0.72)
    assert calibrated.confidence == pytest.approx(calibration.apply(0.72))


def test_an_empty_text_has_no_words() -> None:
    assert place_words(Hypothesis("", (), (), 0.0), STRIP, 4) == ()
