import pytest

from inkread.document import Line, Polygon, Word
from inkread.formats.pdf_text import place_words


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def test_words_of_a_slanted_line_follow_it() -> None:
    """Selected text would otherwise lie beside the writing."""
    words = (Word("up", box(0, 50, 100, 110)), Word("down", box(110, 0, 200, 60)))
    line = Line("l", ((0, 100), (200, 0)), (), "up down", words=words)
    up, down = place_words(line)
    for word in (up, down):
        for x, y in (word.start, word.end):
            assert y == pytest.approx(100 - x / 2)
    assert up.start[0] < up.end[0] < down.start[0] < down.end[0]


def test_words_of_a_nearly_level_line_lie_level() -> None:
    """Text extraction takes slanted words to pieces; moved words must still cover their ink."""
    words = (Word("one", box(0, 60, 100, 110)), Word("two", box(110, 50, 200, 100)))
    line = Line("l", ((0, 110), (200, 90)), box(0, 50, 200, 110), "one two", words=words)
    one, two = place_words(line)
    assert (one.start[0], one.end[0], two.start[0], two.end[0]) == (0, 100, 110, 200)
    assert one.start[1] == one.end[1] == pytest.approx(99.75)
    assert two.start[1] == two.end[1] == pytest.approx(99.75)
    assert one.height == two.height == 50


def test_moved_words_stay_near_their_ink() -> None:
    words = tuple(Word("word", box(x, 40 - x / 10, x + 90, 90 - x / 10)) for x in range(0, 1000, 100))
    line = Line("l", ((0, 90), (1000, -10)), (), " ".join(["word"] * 10), words=words)
    placed = place_words(line)
    moves = [word.start[1] - (90 - (word.start[0] + 45) / 10) for word in placed]
    assert [abs(move) <= 10.01 for move in moves] == [True] * 10
    assert moves[0] == pytest.approx(-10)
    assert moves[-1] == pytest.approx(10)


def test_upright_lines_run_upwards() -> None:
    line = Line("l", ((90, 300), (88, 100)), box(60, 100, 100, 300), "ab", words=(Word("ab", box(60, 150, 100, 250)),))
    (word,) = place_words(line)
    assert word.start == pytest.approx((89, 250))
    assert word.end == pytest.approx((89, 150))
    assert word.height == pytest.approx(40)


def test_words_without_outline_share_the_line() -> None:
    """A transcription made elsewhere has no word boxes, and is searched all the same."""
    line = Line("l", ((0, 100), (100, 100)), box(0, 70, 100, 110), "abcd efgh i")
    words = place_words(line)
    assert [word.text for word in words] == ["abcd", "efgh", "i"]
    ends = [end for word in words for end in (word.start[0], word.end[0])]
    assert ends == pytest.approx([0, 400 / 11, 500 / 11, 900 / 11, 1000 / 11, 100])


@pytest.mark.parametrize("line", [Line("l", (), (), "text"), Line("l", ((0, 0), (9, 9)), (), " ")])
def test_nothing_to_place(line: Line) -> None:
    assert place_words(line) == []


def test_a_line_without_extent_keeps_its_text() -> None:
    (word,) = place_words(Line("l", ((5, 5), (5, 5)), (), "a"))
    assert word.start == word.end == (5.0, 5.0)
    assert word.height > 0
