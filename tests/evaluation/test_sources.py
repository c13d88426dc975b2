"""The wrong pages, or pages of one letter counted as many, give a wrong figure or a wrong interval."""

from pathlib import Path

import pytest
from PIL import Image

from inkread.data.dataset import document_name
from inkread.errors import DatasetError, InputNotFoundError
from inkread.evaluation.sources import find_images, find_source


@pytest.mark.parametrize(
    ("stem", "document"),
    [
        ("JDH_2_16_156_002", "JDH_2_16_156"),
        ("imp_wikitexte_0051_1", "imp_wikitexte_0051"),
        ("imp_wikitexte_0052", "imp_wikitexte_0052"),
        ("TestamentsDePoilus_will_AD78_0034-0", "TestamentsDePoilus_will_AD78_0034"),
        ("8-Q_PIECE-1904_f25", "8-Q_PIECE-1904"),
        ("f108", "f108"),
        ("101_62585_default", "101_62585_default"),
    ],
)
def test_pages_of_a_document_share_its_name(stem: str, document: str) -> None:
    assert document_name(stem) == document


def test_a_split_is_looked_into_where_it_is(letters: Path) -> None:
    source = find_source(letters, split="val")
    assert (source.name, source.split) == ("letters", "val")
    assert [page.document for page in source.pages] == ["letters/letter", "letters/letter", "letters/note"]


def test_a_folder_without_splits_is_taken_itself(letters: Path) -> None:
    source = find_source(letters / "val", split="test", limit=1)
    assert (source.name, source.split, len(source.pages)) == ("val", "", 1)


def test_pages_of_another_split_are_not_taken_for_those_asked_for(letters: Path) -> None:
    for find in (find_source, find_images):
        with pytest.raises(DatasetError, match="there is val here, but no test"):
            find(letters, split="test")


def test_a_folder_without_transcriptions_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"{tmp_path.name}: no image here has a PAGE or ALTO file"):
        find_source(tmp_path)


def test_a_missing_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match="absent"):
        find_source(tmp_path / "absent")
    with pytest.raises(InputNotFoundError, match="absent"):
        find_images(tmp_path / "absent")


def test_of_two_images_with_one_name_one_is_taken_and_the_other_named(letters: Path) -> None:
    Image.new("L", (800, 600), 255).save(letters / "val" / "note_1.jpg")
    source = find_source(letters, split="val")
    assert [page.image.name for page in source.pages] == ["letter_1.png", "letter_2.png", "note_1.jpg"]
    (reason,) = source.left_out
    assert "note_1.png" in reason


def test_files_of_macos_are_no_pages(letters: Path) -> None:
    for name in ("._letter_1.png", "._letter_1.xml"):
        (letters / "val" / name).write_bytes(b"Mac OS X")
    assert len(find_source(letters, split="val").pages) == 3


def test_images_need_no_transcription_but_pdfs_are_left_out(letters: Path) -> None:
    (letters / "val" / "note_1.xml").unlink()
    (letters / "val" / "book.pdf").touch()
    assert [image.name for image in find_images(letters, split="val")] == ["letter_1.png", "letter_2.png", "note_1.png"]
    assert len(find_images(letters, split="val", limit=2)) == 2
