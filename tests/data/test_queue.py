"""What is corrected next: doubtful lines with much to learn, of many writers."""

from hypothesis import given
from hypothesis import strategies as st

from inkread.data.queue import Candidate, Learnt, queue


def names(*lines: Candidate, learnt: tuple[Learnt, ...] = (), limit: int | None = None) -> list[str]:
    return [line.name for line in queue(lines, learnt, limit)]


def test_doubtful_lines_come_first_and_long_before_short() -> None:
    sure = Candidate("sure", "to the bank of the river", 0.95)
    doubtful = Candidate("doubtful", "to the bank of the river", 0.5)
    short = Candidate("short", "to", 0.5)
    assert names(sure, short, doubtful) == ["doubtful", "sure", "short"]


def test_one_line_of_many_writers_comes_before_many_of_one() -> None:
    lines = [Candidate(f"{writer}{n}", "dear sir", 0.5 - n / 100, writer) for n in range(3) for writer in "ab"]
    assert {name[0] for name in names(*lines, limit=2)} == {"a", "b"}
    assert names(*lines, learnt=(Learnt("dear sir", "a"),) * 2)[0][0] == "b"


def test_new_letters_come_before_known_ones() -> None:
    known, new = Candidate("known", "dear sir", 0.5), Candidate("new", "quixotic", 0.5)
    assert names(known, new, learnt=(Learnt("dear sir"),)) == ["new", "known"]
    twice = [Candidate("first", "zebra!", 0.5), Candidate("again", "zebra!", 0.5), Candidate("other", "quick", 0.5)]
    assert names(*twice) == ["first", "other", "again"]


def test_what_nobody_can_read_comes_last() -> None:
    noise, doubtful = Candidate("noise", "iiiiiiii", 0.01), Candidate("doubtful", "dear sir", 0.6)
    assert names(noise, doubtful) == ["doubtful", "noise"]


@given(
    st.lists(st.tuples(st.text("abc ", max_size=9), st.floats(0, 1), st.sampled_from(["", "ann", "bob"])), max_size=12)
)
def test_every_line_comes_once_and_a_limit_is_the_beginning(rows: list[tuple[str, float, str]]) -> None:
    lines = [Candidate(str(number), *row) for number, row in enumerate(rows)]
    everything = names(*lines)
    assert sorted(everything) == sorted(line.name for line in lines)
    assert names(*lines, limit=3) == everything[:3]


def test_a_line_of_a_page_that_shows_a_drift_counts_twice() -> None:
    lines = [Candidate("usual", "Dear Sir,", 0.6, "a"), Candidate("drifted", "Dear Sir,", 0.7, "b", drifted=True)]
    assert names(*lines) == ["drifted", "usual"]
