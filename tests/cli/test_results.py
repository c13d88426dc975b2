"""No result replaces another one, and names stay short where they can."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from inkread.cli.results import result_names


def names(*paths: str) -> list[str]:
    return [name.as_posix() for name in result_names([Path(path) for path in paths]).values()]


def test_stems_are_enough_where_they_differ() -> None:
    assert names("a/1.jpg", "b/c/2.jpg", "/d/3.jpg") == ["1", "2", "3"]


def test_all_names_keep_their_folders_where_two_stems_are_the_same() -> None:
    assert names("x/a/1.jpg", "x/b/1.jpg", "x/2.jpg") == ["a/1", "b/1", "2"]


def test_all_names_keep_their_suffix_where_folders_are_not_enough() -> None:
    assert names("x/a/1.jpg", "x/a/1.pdf", "x/2.jpg") == ["a/1.jpg", "a/1.pdf", "2.jpg"]


def test_names_that_differ_in_case_only_are_the_same_on_some_systems() -> None:
    assert names("x/a/Page.jpg", "x/b/page.jpg") == ["a/Page", "b/page"]


def test_no_inputs_have_no_names() -> None:
    assert names() == []


parts = st.sampled_from(["1", "2", "1.jpg", "a"])


@given(st.sets(st.lists(parts, min_size=1, max_size=3).map(lambda path: Path(*path).with_name(path[-1] + ".jpg"))))
def test_names_never_clash(paths: set[Path]) -> None:
    chosen = result_names(sorted(paths))
    assert len(set(chosen.values())) == len(paths)
