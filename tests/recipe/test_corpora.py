import hashlib
import lzma
from pathlib import Path

import pytest

from inkread.errors import DatasetError
from recipe.corpora import KIND_WEIGHTS, UNEDITED_WEIGHT, all_texts, all_transcriptions, transcriptions

HEADER = "file\tsource\twork\tkind\tlicence\n"


def texts(folder: Path, **files: str) -> Path:
    """A folder of texts with its table; ``en_letters_x`` stands for ``en-letters-x.txt.xz``."""
    rows = [HEADER]
    for name, text in files.items():
        stem = name.replace("_", "-")
        (folder / f"{stem}.txt.xz").write_bytes(lzma.compress(text.encode()))
        rows.append(f'{stem}.txt\tsomewhere\t"Quoted" work\t{stem.split("-")[1]}\tpublic domain\n')
    (folder / "SOURCES.tsv").write_text("".join(rows), encoding="utf-8")
    return folder


def test_texts_are_broken_into_lines_with_the_signs_of_handwriting(tmp_path: Path) -> None:
    long = "“Don’t write too long a line” — she said – for the page is narrow…"
    folder = texts(tmp_path, en_letters_x=f"Dear  Sir,\n\n{long}\n", en_diary_cook="Fresh gales\n", fr_forms_y="Nom\n")

    letters, unedited, forms = all_texts(folder)

    assert letters.lines == ("Dear Sir,", '"Don\'t write too long a line" - she said - for the page', "is narrow...")
    assert (letters.weight, unedited.weight, forms.weight) == (1.0, UNEDITED_WEIGHT, KIND_WEIGHTS["forms"])
    assert (letters.source.name, letters.source.licence) == ("en-letters-x (somewhere)", "public domain")
    content = (folder / "en-letters-x.txt.xz").read_bytes()
    assert (letters.source.sha256, letters.source.size) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("fault", ["no table", "no text", "no archive", "odd kind"])
def test_texts_that_cannot_be_read_are_one_clear_error(tmp_path: Path, fault: str) -> None:
    folder = texts(tmp_path, **{"en_odd_x" if fault == "odd kind" else "en_letters_x": "Dear Sir,"})
    if fault == "no table":
        (folder / "SOURCES.tsv").unlink()
    if fault == "no text":
        (folder / "en-letters-x.txt.xz").unlink()
    if fault == "no archive":
        (folder / "en-letters-x.txt.xz").write_bytes(b"Dear Sir,")

    with pytest.raises(DatasetError, match=r"SOURCES\.tsv names cannot be read"):
        all_texts(folder)


def test_transcriptions_are_those_of_the_train_split_only(shared_data: Path) -> None:
    corpus = transcriptions(shared_data / "mss20-fr")

    assert 50 < len(corpus.lines) < 110
    assert corpus.source.licence == "CC-BY-4.0"
    assert all(line == " ".join(line.split()) for line in corpus.lines)


def test_pen_stroke_texts_are_read_without_their_words(shared_data: Path) -> None:
    assert 8000 < len(transcriptions(shared_data / "unipen-en").lines) < 9000


def test_texts_of_single_images_are_read_from_their_table(tmp_path: Path) -> None:
    train = tmp_path / "names-fr" / "train"
    train.mkdir(parents=True)
    for name in ("a.webp", "b.webp"):
        (train / name).touch()
    (train / "lines.tsv").write_text('image\ttext\na.webp\tMARIE\nb.webp\t"JEAN\n', encoding="utf-8")

    assert transcriptions(tmp_path / "names-fr").lines == ("MARIE", '"JEAN')


def test_of_a_folder_of_sources_those_with_a_train_split_are_taken(tmp_path: Path) -> None:
    for source, split in (("names-fr", "train"), ("csafe-en", "train"), ("delacroix-fr", "val")):
        folder = tmp_path / source / split
        folder.mkdir(parents=True)
        (folder / "a.webp").touch()
        (folder / "lines.tsv").write_text("image\ttext\na.webp\tMARIE\n", encoding="utf-8")

    assert [corpus.source.name for corpus in all_transcriptions(tmp_path)] == ["names-fr train"]


def test_texts_of_unknown_licence_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="licence"):
        transcriptions(tmp_path / "found-somewhere")


def test_a_source_without_train_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        transcriptions(tmp_path / "hooker-en")
