"""Error rates are what everything else is judged by: a slip here makes every figure wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.evaluation.text import (
    Errors,
    character_errors,
    confusions,
    errors_by_word,
    normalise,
    right_words,
    word_errors,
)

texts = st.text(alphabet="aàâb cdé.\n\t’'", max_size=30)


@given(texts)
def test_a_text_read_as_itself_has_no_errors(text: str) -> None:
    assert character_errors(text, text).rate == 0
    assert word_errors(text, text).rate == 0


@given(texts, texts)
def test_distance_is_symmetric_and_bounded(first: str, second: str) -> None:
    there, back = character_errors(first, second), character_errors(second, first)
    assert there.edits == back.edits
    assert there.insertions - there.deletions == back.length - there.length
    assert abs(there.length - back.length) <= there.edits <= max(there.length, back.length)


@given(texts, texts)
def test_confusions_add_up_to_the_edits(written: str, read: str) -> None:
    errors = character_errors(written, read)
    counts = confusions([(written, read)])
    assert sum(counts.values()) == errors.edits
    assert sum(count for (old, _), count in counts.items() if not old) == errors.insertions


@pytest.mark.parametrize(
    ("written", "read", "characters", "words"),
    [
        ("tea for two", "tee for two", Errors(1, 0, 0, 11), Errors(1, 0, 0, 3)),
        ("tea", "", Errors(0, 0, 3, 3), Errors(0, 0, 1, 1)),
        ("", "tea", Errors(0, 3, 0, 0), Errors(0, 1, 0, 0)),
        ("in to", "into", Errors(0, 0, 1, 5), Errors(1, 0, 1, 2)),
        ("Tea.", "tea", Errors(1, 0, 1, 4), Errors(1, 0, 0, 1)),
        ("cafe\u0301  au\nlait", "café au lait", Errors(0, 0, 0, 12), Errors(0, 0, 0, 3)),
    ],
)
def test_known_edits(written: str, read: str, characters: Errors, words: Errors) -> None:
    assert character_errors(written, read) == characters
    assert word_errors(written, read) == words


def test_rates_are_averaged_over_characters_not_lines() -> None:
    total = character_errors("ab", "ax") + character_errors("abcdefgh", "abcdefgh")
    assert total.rate == pytest.approx(0.1)


def test_reading_text_where_there_is_none_is_an_error() -> None:
    assert character_errors("", "abc").rate == 3


def test_confusions_name_the_written_character_first() -> None:
    assert confusions([("cat", "cut"), ("cat", "cut"), ("cat", "ca"), ("ca", "cat")]) == {
        ("a", "u"): 2,
        ("t", ""): 1,
        ("", "t"): 1,
    }


def test_normalisation_keeps_case_and_punctuation() -> None:
    assert normalise(" L’Été,\n\tà  Paris ") == "L’Été, à Paris"


def test_words_are_right_where_the_alignment_puts_them() -> None:
    assert right_words(["the", "cat", "sat"], ["the", "the", "cut", "sat"]) in (
        [True, False, False, True],
        [False, True, False, True],
    )
    assert right_words([], ["x"]) == [False]


@pytest.mark.parametrize(
    ("written", "read", "edits", "lengths"),
    [
        ("the big cat", "the big cat", [0, 0, 0], [4, 4, 3]),
        ("the big cat", "tho cat", [5, 0], [8, 3]),
        ("cats sat", "cat sat", [1, 0], [5, 3]),
        ("cat", "c at", [1, 0], [1, 2]),
        ("cat", "the cat", [4, 0], [0, 3]),
        ("cat sat", "cat", [4], [7]),
    ],
)
def test_edits_are_charged_to_the_word_in_which_they_are(
    written: str, read: str, edits: list[int], lengths: list[int]
) -> None:
    shared = errors_by_word(written, read)
    assert [errors.edits for errors in shared] == edits
    assert [errors.length for errors in shared] == lengths


@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_words_read_share_all_edits_and_no_more(written: str, read: str) -> None:
    shared = errors_by_word(written, read)
    assert len(shared) == len(read.split())
    if shared:
        assert sum(shared, Errors()) == character_errors(written, read)
