"""No result replaces another one, and names stay short where they can."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

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


@pytest.mark.case
@pytest.mark.parametrize(("pages", "expected"), [(1, ["a", "a_0001"]), (3, ["a.tif", "a_0001.png"])])
def test_the_numbers_of_pages_clash_with_no_other_name(pages: int, expected: list[str], tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8)) for _ in range(pages)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a_0001.png")
    assert names(str(tmp_path / "a.tif"), str(tmp_path / "a_0001.png")) == expected


@pytest.mark.case
def test_the_numbers_of_pages_clash_with_no_name_that_looks_like_one() -> None:
    assert names("x/a.tif", "x/a.tif_0001", "x/a") == ["1-a.tif", "2-a.tif_0001", "3-a"]


def test_no_inputs_have_no_names() -> None:
    assert names() == []


parts = st.sampled_from(["1", "2", "1.jpg", "a"])


@given(st.sets(st.lists(parts, min_size=1, max_size=3).map(lambda path: Path(*path).with_name(path[-1] + ".jpg"))))
def test_names_never_clash(paths: set[Path]) -> None:
    chosen = result_names(sorted(paths))
    assert len(set(chosen.values())) == len(paths)
