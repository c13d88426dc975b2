"""Words above a line say where they belong, whether geometry or the language model finds the place."""

from dataclasses import replace

import pytest

from inkread.document import Insertion, Line, Page, Region, Word
from inkread.layout.insertions import with_insertions


def line(name: str, text: str, x: float, y: float, step: float = 20.0) -> Line:
    """A line whose characters are ``step`` wide."""
    words, at = [], x
    for part in text.split():
        right = at + step * len(part)
        words.append(Word(part, ((at, y - 20), (right, y - 20), (right, y), (at, y))))
        at = right + step
    right = at - step
    return Line(name, ((x, y), (right, y)), ((x, y - 30), (right, y + 10)), text, words=tuple(words))


LETTER = (
    line("l1", "My dear old friend and colleague", 100, 100),
    line("l2", "I have received your kind letter", 100, 200),
    line("l3", "and was much pleased to read it", 100, 300),
    line("l4", "for I had feared for your health", 100, 400),
    line("l5", "all through this very long winter", 100, 500),
)


def page(*lines: Line, kind: str = "text") -> Page:
    ordered = tuple(sorted(lines, key=lambda each: each.baseline[0][1]))
    return Page(1000, 800, (Region("r1", ((0, 0), (1000, 0), (1000, 800), (0, 800)), ordered, kind),))


def places(read: Page) -> dict[str, Insertion]:
    return {each.id: each.insertion for each in read.lines if each.insertion}


def test_words_between_two_lines_belong_to_the_lower_one_at_the_nearest_space() -> None:
    read = with_insertions(page(*LETTER, line("above", "very", 365, 255, 15)))
    assert places(read) == {"above": Insertion("l3", len("and was much "))}
    assert [each.id for each in read.lines] == ["l1", "l2", "above", "l3", "l4", "l5"], "the order stays"


@pytest.mark.parametrize("before", ["and was ", "and was much "])
def test_the_language_model_chooses_among_the_spaces_near_it(before: str) -> None:
    def likes(context: str, text: str) -> float:
        return 0.0 if (context + text).startswith(before + "very") else -1.0 * len(text)

    read = with_insertions(page(*LETTER, line("above", "very", 285, 255, 15)), likes)
    assert places(read) == {"above": Insertion("l3", len(before))}


def test_words_above_the_end_of_a_line_belong_to_its_end() -> None:
    read = with_insertions(page(*LETTER, line("above", "now", 698, 255, 10)))
    assert places(read) == {"above": Insertion("l3", len("and was much pleased to read it"))}


def test_a_line_without_placed_words_is_known_with_its_end() -> None:
    lines = [replace(each, words=()) for each in LETTER]
    assert places(with_insertions(page(*lines, line("above", "very", 365, 255, 15)))) == {
        "above": Insertion("l3", len("and was much pleased to read it"))
    }


@pytest.mark.parametrize(
    "other",
    [
        line("other", "very", 365, 215, 15),  # in the row above
        line("other", "Sincerely yours", 300, 600),  # below the text
        line("other", "7", 400, 60),  # above it
        line("other", "a line of the text that is long", 100, 255),  # as long as the others
    ],
)
def test_other_short_lines_are_no_insertions(other: Line) -> None:
    read = page(*LETTER, other)
    assert with_insertions(read) == read


def test_cells_of_a_table_are_no_insertions() -> None:
    read = page(*LETTER, line("above", "very", 365, 255, 15), kind="table")
    assert with_insertions(read) == read
