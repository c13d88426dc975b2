import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.recognition.alphabet import LATIN, Alphabet


@given(st.text(st.sampled_from(LATIN)))
def test_text_survives_encoding(text: str) -> None:
    alphabet = Alphabet(LATIN)
    assert alphabet.decode(alphabet.encode(text)) == text


def test_class_zero_is_the_blank() -> None:
    alphabet = Alphabet("ab")
    assert alphabet.encode("ab") == [1, 2]
    assert alphabet.decode([0, 1, 0, 2, 0]) == "ab"
    assert len(alphabet) == 2


def test_decomposed_letters_are_composed_first() -> None:
    assert Alphabet("é").encode("e\u0301") == [1]


def test_unknown_characters_are_named() -> None:
    assert Alphabet("abc").unknown("abxy") == {"x", "y"}
    assert "a" in Alphabet("abc")
    with pytest.raises(KeyError):
        Alphabet("abc").encode("x")


@pytest.mark.parametrize("characters", ["aa", "e\u0301"])
def test_an_ambiguous_alphabet_is_refused(characters: str) -> None:
    with pytest.raises(ValueError, match=r"twice|NFC"):
        Alphabet(characters)
