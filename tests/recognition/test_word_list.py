"""Words that a user brings become likelier, others hardly less likely."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.errors import DamagedInputError, InputError, InputNotFoundError, InputTooLargeError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.decoding import beam_search
from inkread.recognition.fusion import Fusion
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.word_list import MOST_CHARACTERS, MOST_WORDS, WordList

ALPHABET = Alphabet(LATIN)


@pytest.fixture(scope="module")
def bundled() -> LanguageModel:
    path = Bundle.open("bundled").language_model
    assert path is not None
    return LanguageModel.load(path)


def frames_of(*readings: str) -> NDArray[np.float32]:
    """Frames in which several texts of one length are equally probable."""
    rows = np.full((2 * len(readings[0]), len(ALPHABET) + 1), 1e-5)
    for place, characters in enumerate(zip(*readings, strict=True)):
        for character in characters:
            rows[2 * place, ALPHABET.encode(character)[0]] += 1 / len(readings)
        rows[2 * place + 1, 0] = 1
    return np.asarray(np.log(rows / rows.sum(axis=1, keepdims=True)), np.float32)


def read(frames: NDArray[np.float32], model: LanguageModel, words: WordList | None) -> str:
    best = beam_search(
        frames, ALPHABET, width=48, language_model=model, weight=0.5, length_bonus=0.9, temperature=1.5, words=words
    )
    return best[0].text


def test_a_name_from_the_list_is_read_where_the_ink_leaves_a_choice(bundled: LanguageModel) -> None:
    frames = frames_of("from Quelimane to", "from Quarresee to")

    assert read(frames, bundled, None) != "from Quelimane to"
    assert read(frames, bundled, WordList.of(["Quelimane", "Bonplandia"])) == "from Quelimane to"


def test_a_name_that_is_not_in_the_list_is_read_as_without_it(bundled: LanguageModel) -> None:
    frames = frames_of("I have read the letter", "J hare reed tbe tetter")

    assert read(frames, bundled, WordList.of(["Quelimane", "Zambesi"])) == read(frames, bundled, None)


def test_all_continuations_together_are_never_more_than_certain(bundled: LanguageModel) -> None:
    fusion = Fusion(ALPHABET, bundled, weight=1.0, words=WordList.of(["Quelimane", "Quelle", "Que", "Saint Denis"]))

    for text in ("", "Q", "Quel", "Quelle", "Saint", "Saint ", "the Que", "the Qua"):
        state = fusion.start()
        for label in ALPHABET.encode(text):
            state = fusion.step(state, label)
        total = math.fsum(fusion.factor(state, label) for label in range(len(ALPHABET) + 1))
        assert 0.5 < total < 1.1, text


def test_a_word_of_a_short_list_gains_more_than_one_of_a_long_list(bundled: LanguageModel) -> None:
    def score(words: list[str] | None) -> float:
        fusion = Fusion(ALPHABET, bundled, weight=1.0, words=None if words is None else WordList.of(words))
        state, total = fusion.start(), 0.0
        for label in ALPHABET.encode("Quelimane and"):
            total += math.log(fusion.factor(state, label))
            state = fusion.step(state, label)
        return total

    long = [f"{first}{second}{third}a" for first in "BCDFGQ" for second in "aeiou" for third in "bdfklmnrst"]
    assert score(["Quelimane", "Zambesi"]) > score(["Quelimane", *long]) + 1 > score(None) + 2
    assert score(long) == pytest.approx(score(None), abs=0.3)


def test_a_file_has_a_word_or_phrase_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeffQuelimane\r\n\n  Saint   Denis \nQuelimane\n", encoding="utf-8")

    words = WordList.load(path)

    assert words.words == ("Quelimane", "Saint Denis")
    assert pickle.loads(pickle.dumps(words)).digest == words.digest
    assert words.digest.startswith("2 ")


@pytest.mark.parametrize(
    ("content", "error", "problem"),
    [
        (None, InputNotFoundError, "cannot be read"),
        (b"\n \n", InputNotFoundError, "no words"),
        ("Zürich".encode("latin-1"), DamagedInputError, "not UTF-8"),
        (b"a" * (MOST_CHARACTERS + 1), InputTooLargeError, f"at most {MOST_CHARACTERS}"),
        ("\n".join(map(str, range(MOST_WORDS + 1))).encode(), InputTooLargeError, f"at most {MOST_WORDS}"),
        (b"a\n" * 3_000_000, InputTooLargeError, "bytes"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, error: type[InputError], problem: str) -> None:
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(error, match=problem) as caught:
        WordList.load(path)

    assert str(path) in str(caught.value)
