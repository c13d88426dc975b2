from inkread.recognition.word_pieces import LINE_END, UNKNOWN, WordPieces

PIECES = WordPieces([" ", "a", "b", "c", " ab", "abc", " abcb"])


def test_a_word_is_cut_at_the_longest_pieces_from_its_start() -> None:
    assert [str(PIECES).split("\n")[number - 2] for number in PIECES.encode("abca")] == [" ab", "c", "a"]
    assert [str(PIECES).split("\n")[number - 2] for number in PIECES.encode("abcb cabc")] == [" abcb", " ", "c", "abc"]


def test_a_word_has_the_same_pieces_wherever_it_stands() -> None:
    first, second = PIECES.encode("ab"), PIECES.encode("ca")
    assert PIECES.encode("ab  ca ab") == [*first, *second, *first]


def test_characters_without_a_piece_are_unknown_and_nothing_is_lost() -> None:
    numbers = PIECES.encode("Æ")
    assert numbers == [WordPieces([" "]).encode("x")[0], UNKNOWN]
    assert LINE_END not in PIECES.encode("ab cab")


def test_a_vocabulary_is_what_it_was_after_it_was_written_down() -> None:
    again = WordPieces.of(str(PIECES))
    assert len(again) == len(PIECES) == 9
    assert again.encode("abcb cab") == PIECES.encode("abcb cab")
