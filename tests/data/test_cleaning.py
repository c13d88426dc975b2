"""A transcription that is cleaned wrongly teaches the model to write what is not on the page."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.data.cleaning import Cleaner, clean_text
from inkread.recognition.alphabet import LATIN, Alphabet


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("dit  >le< ⎀ Roi", "dit le Roi"),
        ("a\u00a0b \u2009 c", "a b c"),
        ("6ᵉ. 8ᵇʳᵉ.", "6e. 8bre."),
        ("me\u0301moire", "mémoire"),
        ("q\u0303", "q"),
        ("n\u0303", "ñ"),
        ("faiſoit ¬ n^o ’tis", "faiſoit ¬ n^o ’tis"),
        ("20° x²", "20° x²"),
        (" \n ", ""),
    ],
)
def test_marks_go_and_text_stays(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@given(st.text())
def test_cleaned_text_is_folded_nfc_and_stays_as_it_is(text: str) -> None:
    once = clean_text(text)
    assert once == " ".join(once.split())
    assert unicodedata.is_normalized("NFC", once)


def test_lines_that_cannot_be_learnt_are_counted() -> None:
    cleaner = Cleaner(Alphabet(LATIN))
    assert [cleaner(text) for text in ("Kew", "  ", "λόγος", ">a< b >c<")] == ["Kew", None, None, "a b c"]
    assert cleaner.counts == {
        "kept": 2,
        "dropped: empty": 1,
        "dropped: characters outside the alphabet": 1,
        "struck-out words kept": 2,
    }
