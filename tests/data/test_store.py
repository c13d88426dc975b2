"""Lines cut differently for training than for reading make a model that reads worse than it learnt."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inkread.bundle import Bundle
from inkread.data.dataset import Dataset, write_samples
from inkread.data.ingest import ingest, open_dataset
from inkread.data.store import CutSettings, DataSettings, LineStore, cut_datasets, line_images, write_store
from inkread.document import Line, Page, Region
from inkread.errors import DatasetError
from inkread.formats import fit, read_layout
from inkread.formats.page import dump
from inkread.reader import Reader
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import CONTEXT_ROWS, HEIGHT, Grey, cut_lines, exact_part
from inkread.recognition.line_reader import LineReader

ALPHABET = Alphabet(LATIN)


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    """A page of wavy lines at uneven distances; two have no transcription, but stand between the others."""
    folder = tmp_path / "letter"
    folder.mkdir()
    grey = np.full((900, 700), 225, np.uint8)
    lines = []
    for number, y in enumerate((120, 190, 240, 330, 400, 520, 580, 700, 790, 850)):
        x = np.arange(60, 640, 20)
        wave = y + 9 * np.sin(x / 90 + number)
        baseline = tuple(zip(x.astype(float), wave, strict=True))
        cv2.polylines(grey, [np.stack([x, wave - 8 * (x % 40 > 10)], 1).astype(np.int32)], False, 40, 3, cv2.LINE_AA)
        outline = ((60.0, y - 35.0), (640.0, y - 35.0), (640.0, y + 20.0), (60.0, y + 20.0))
        lines.append(Line(f"l{number}", baseline, outline, "" if number in (2, 6) else f"line {number}"))
    page = Page(700, 900, (Region("r", ((0, 0), (700, 0), (700, 900), (0, 900)), tuple(lines)),), "letter.png")
    cv2.imwrite(str(folder / "letter.png"), grey)
    (folder / "letter.xml").write_bytes(dump(page))
    return folder


def images_read(monkeypatch: pytest.MonkeyPatch, dataset: Dataset) -> list[Grey]:
    """The line images that reach the recogniser when the pages of a dataset are read with their layouts."""
    seen: list[Grey] = []
    call = LineReader.search

    def spy(self, strips, *rest):  # type: ignore[no-untyped-def]
        seen.extend(strip.image for strip in strips)
        return call(self, strips, *rest)

    monkeypatch.setattr(LineReader, "search", spy)
    images = [dataset.image(sample) for sample in dataset.samples]
    layouts = [dataset.page(sample, image) for sample, image in zip(dataset.samples, images, strict=True)]
    list(Reader(Bundle.open(), threads=1).read_pages(images, layouts))
    return seen


def test_a_line_is_trained_on_the_image_that_it_is_read_from(letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(letter)
    read = images_read(monkeypatch, dataset)
    lines = [line for line in dataset.lines() if line.text]
    assert len(read) == 10
    assert len(lines) == 8, "lines without text are read, but nothing can be learnt from them"
    exact = list(line_images(dataset, lines, CutSettings(), context=False))
    trained = list(line_images(dataset, lines, CutSettings(), context=True))
    assert [sample for sample, _ in exact] == [sample for sample, _ in trained] == lines
    for (sample, image), (_, context) in zip(exact, trained, strict=True):
        assert sample.line is not None
        assert np.array_equal(image, read[sample.line])
        assert np.array_equal(exact_part(context), read[sample.line])
        assert context.shape == (CONTEXT_ROWS, image.shape[1] + 8)
        steps = np.abs(np.diff(context.astype(float), axis=0)).mean(axis=1)
        assert max(steps[9], steps[57]) < 1.5 * steps[10:57].max(), "the picture goes on around the line without a seam"


@pytest.mark.case
def test_lines_described_in_another_resolution_are_cut_where_they_stand(letter: Path) -> None:
    """Transkribus and others describe their own scaled copy of an image."""
    dataset = open_dataset(letter)
    lines = [line for line in dataset.lines() if line.text]
    as_described = list(line_images(dataset, lines, CutSettings(), context=False))
    page = read_layout(letter / "letter.xml")
    (letter / "letter.xml").write_bytes(dump(fit(page, 2 * page.width, 2 * page.height)))
    scaled = list(line_images(dataset, lines, CutSettings(), context=False))
    assert len(scaled) == len(as_described) == 8
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(scaled, as_described, strict=True))


def test_an_image_of_one_line_is_trained_on_as_it_is_read(user_lines: Path) -> None:
    dataset = Dataset.open(user_lines)
    trained = list(line_images(dataset, dataset.samples, CutSettings(), context=True))
    assert len(trained) == 20
    for sample, context in trained:
        (strip,) = cut_lines(dataset.image(sample).grey)
        assert np.array_equal(exact_part(context), strip.image)


def test_what_is_too_small_to_be_read_is_not_kept(letter: Path) -> None:
    dataset = open_dataset(letter)
    assert not list(line_images(dataset, dataset.lines(), CutSettings(min_band=200), context=False))
    assert not list(line_images(dataset, dataset.lines(), CutSettings(max_columns=100), context=False))


def test_documents_stay_whole_and_both_sides_are_cut_as_they_are_used(user_lines: Path, tmp_path: Path) -> None:
    cut = cut_datasets([Dataset.open(user_lines)], tmp_path, ALPHABET)
    train, val = LineStore.open(tmp_path / "train"), LineStore.open(tmp_path / "val")
    assert (len(train), len(val)) == (cut.train, cut.val)
    assert cut.train + cut.val == 20
    assert not cut.same_documents
    assert not {line.document_id for line in train.lines} & {line.document_id for line in val.lines}
    assert {line.rows for line in train.lines} == {CONTEXT_ROWS}
    assert {line.rows for line in val.lines} == {HEIGHT}
    assert train.by_source() == {train.lines[0].source: list(range(len(train)))}


def test_what_was_cut_before_is_taken_until_data_or_settings_change(user_lines: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(user_lines)
    first = cut_datasets([dataset], tmp_path, ALPHABET)
    written = (tmp_path / "train" / "strips.bin").stat().st_mtime_ns
    assert cut_datasets([Dataset.open(user_lines)], tmp_path, ALPHABET) == first
    assert (tmp_path / "train" / "strips.bin").stat().st_mtime_ns == written
    other = cut_datasets([dataset], tmp_path, ALPHABET, DataSettings(val_share=0.4))
    assert other.val > first.val


def test_splits_that_are_given_are_kept_and_test_is_not_touched(user_lines: Path, tmp_path: Path) -> None:
    splits = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    samples = sorted(Dataset.open(user_lines).samples, key=lambda sample: sample.document_id)
    split = tuple(replace(s, split=split) for s, split in zip(samples, splits, strict=True))  # type: ignore[arg-type]
    cut = cut_datasets([Dataset(user_lines, split)], tmp_path, ALPHABET)
    assert (cut.train, cut.val) == (12, 4)


def test_several_datasets_are_one_store_and_all_may_be_kept_for_training(user_lines: Path, tmp_path: Path) -> None:
    whole = Dataset.open(user_lines)
    others = tuple(replace(sample, source="others", split="val") for sample in whole.samples[:5])
    cut = cut_datasets([whole, Dataset(user_lines, others)], tmp_path, ALPHABET, DataSettings(val_share=0))
    assert (cut.train, cut.val) == (20, 5)
    assert list(LineStore.open(tmp_path / "val").by_source()) == ["others"]


def test_one_document_is_split_by_lines_and_says_so(user_lines: Path, tmp_path: Path) -> None:
    one = tuple(replace(sample, document_id="one") for sample in Dataset.open(user_lines).samples)
    cut = cut_datasets([Dataset(user_lines, one)], tmp_path, ALPHABET)
    assert cut.same_documents
    assert (cut.train, cut.val) == (16, 4)


def test_what_the_alphabet_cannot_write_is_left_out_and_counted(user_lines: Path, tmp_path: Path) -> None:
    first, *others = Dataset.open(user_lines).samples
    write_samples(user_lines / "manifest.parquet", [replace(first, text="λόγος"), *others])
    cut = cut_datasets([Dataset.open(user_lines)], tmp_path, ALPHABET)
    assert cut.train + cut.val == 19
    assert cut.dropped == {"dropped: characters outside the alphabet": 1}


def test_too_little_is_refused(pages: Path, tmp_path: Path) -> None:
    ingest(pages / "train", tmp_path / "set")
    with pytest.raises(DatasetError, match="too few"):
        cut_datasets([Dataset.open(tmp_path / "set")], tmp_path / "lines", ALPHABET)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no line images"):
        LineStore.open(tmp_path)
    with pytest.raises(DatasetError, match="no transcribed line"):
        write_store(tmp_path / "empty", [])
    assert not list((tmp_path / "empty").iterdir())
