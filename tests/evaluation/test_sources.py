"""The wrong pages, or pages of one letter counted as many, give a wrong figure or a wrong interval."""

from pathlib import Path

import pytest
from PIL import Image

from inkread.errors import DatasetError
from inkread.evaluation.sources import open_sources


def test_pages_of_a_split_are_taken_with_their_documents(letters: Path) -> None:
    (source,) = open_sources(letters, split="val")
    assert (source.name, source.split) == ("letters", "val")
    assert [page.document for page in source.pages] == ["letters/letter", "letters/letter", "letters/note"]


def test_the_folder_of_a_split_belongs_to_its_source(letters: Path) -> None:
    (source,) = open_sources(letters / "val", split="val", limit=1)
    assert (source.name, source.split, len(source.pages)) == ("letters", "val", 1)


def test_a_folder_without_splits_is_taken_whatever_the_split(letters: Path) -> None:
    folder = (letters / "val").rename(letters.parent / "scans")
    (source,) = open_sources(folder, split="test")
    assert (source.name, source.split, len(source.pages)) == ("scans", "", 3)


def test_pages_of_another_split_are_not_taken_for_those_asked_for(letters: Path) -> None:
    with pytest.raises(DatasetError, match="letters"):
        open_sources(letters, split="test")


def test_a_folder_without_transcriptions_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=tmp_path.name):
        open_sources(tmp_path)
    with pytest.raises(DatasetError, match="absent"):
        open_sources(tmp_path / "absent")


@pytest.mark.case
def test_of_two_images_with_one_name_one_is_taken_and_the_other_named(letters: Path) -> None:
    Image.new("L", (800, 600), 255).save(letters / "val" / "note_1.jpg")
    (source,) = open_sources(letters, split="val")
    assert [page.image.name for page in source.pages] == ["letter_1.png", "letter_2.png", "note_1.jpg"]
    (reason,) = source.left_out
    assert "note_1.png" in reason


@pytest.mark.case
def test_files_of_macos_are_no_pages(letters: Path) -> None:
    for name in ("._letter_1.png", "._letter_1.xml"):
        (letters / "val" / name).write_bytes(b"Mac OS X")
    (source,) = open_sources(letters, split="val")
    assert (len(source.pages), source.left_out) == (3, ())
