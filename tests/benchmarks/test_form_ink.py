"""Words of scanned lines are found by their transcription, and written on forms."""

import numpy as np

from form_ink import InkWriter, aligned
from inkread.recognition.alphabet import Alphabet

ALPHABET = Alphabet("abcx")


def test_a_text_is_found_behind_print_that_was_not_transcribed() -> None:
    seen = ["x", "", "x", "", "", "a", "", "b", "b", "", "c"]
    frames = np.full((len(seen), len(ALPHABET) + 1), 0.01, np.float32)
    for frame, character in zip(frames, seen, strict=True):
        frame[ALPHABET.encode(character)[0] if character else 0] = 0.96
    places = aligned(np.log(frames), ALPHABET.encode("abc"))
    assert places == [5.0, 7.5, 10.0]


def test_a_writer_says_only_what_was_scanned_on_one_line() -> None:
    words = {"Robert": [np.full((20, 60), 255, np.uint8)], "Unger": [np.full((30, 50), 255, np.uint8)]}
    writer = InkWriter("w1", words, 20.0)
    rng = np.random.default_rng(0)
    ink = writer.write("Robert Unger", 40.0, rng)
    assert ink is not None
    assert ink.shape[0] == 60
    assert ink.shape[1] > 220
    assert writer.write("Robert Fox", 40.0, rng) is None
    assert writer.sayable("names.txt") == ["Robert", "Unger", "Robert Unger"]
    assert writer.values({"names.txt": ["Fox"], "town.txt": ["Rome"]}, rng).lists["town.txt"] == [""]
