"""One dataset out of any source: complete, counted, and the same bytes each time."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from inkread.data.dataset import Dataset
from inkread.data.ingest import IngestOptions, detect, ingest, open_dataset
from inkread.errors import DatasetError, OutputError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_iam_archives_become_a_data_set_and_twice_the_same(iam: Path, tmp_path: Path) -> None:
    report = ingest(iam, tmp_path / "one", IngestOptions(source="made"))
    again = ingest(iam, tmp_path / "two", IngestOptions(source="made"))
    samples = Dataset.open(tmp_path / "one").samples
    assert report == again
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert report.samples["word"] > 80
    assert report.samples["line"] >= 15
    assert report.skipped["image missing"] == 1
    assert sum("damaged" in reason for reason in report.skipped) == 1
    assert report.skipped["marked err: badly segmented"] > 0
    assert {sample.writer_id for sample in samples} == {"made/000", "made/001", "made/002"}
    assert all((tmp_path / "one" / sample.image).is_file() for sample in samples)
    assert not list(tmp_path.glob(".*"))


def test_an_interrupted_run_goes_on_to_the_same_end(iam: Path, tmp_path: Path) -> None:
    def stop(records):  # type: ignore[no-untyped-def]
        for number, record in enumerate(records):
            if number == 20:
                raise KeyboardInterrupt
            yield record

    with pytest.raises(KeyboardInterrupt):
        ingest(iam, tmp_path / "set", progress=stop)
    assert not (tmp_path / "set").exists()
    ingest(iam, tmp_path / "set")
    ingest(iam, tmp_path / "other")
    assert contents(tmp_path / "set") == contents(tmp_path / "other")


def test_pages_keep_their_transcription_beside_them(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples"
    (tmp_path / "letters" / "train").mkdir(parents=True)
    for name in ("letter.png", "letter.xml"):
        shutil.copyfile(examples / name, tmp_path / "letters" / "train" / name)
    (tmp_path / "letters" / "lonely.xml").write_text("<alto/>")
    report = ingest(tmp_path / "letters", tmp_path / "set", IngestOptions(licence="CC0-1.0", language="en"))
    (sample,) = Dataset.open(tmp_path / "set").samples
    assert (sample.kind, sample.split, sample.licence, sample.language) == ("page", "train", "CC0-1.0", "en")
    assert (tmp_path / "set" / sample.layout).read_bytes() == (examples / "letter.xml").read_bytes()
    assert len(sample.text.splitlines()) > 3
    assert report.skipped == {"transcription without an image": 1}


def test_a_damaged_image_does_not_stop_the_others(tmp_path: Path) -> None:
    source = tmp_path / "lines"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), np.full((40, 200), 200, np.uint8))
    (source / "b.png").write_bytes(b"no image")
    (source / "lines.tsv").write_text("image\ttext\twriter_id\na.png\tone\tw\nb.png\ttwo\tw\n")
    report = ingest(source, tmp_path / "set")
    assert report.samples == {"line": 1}
    assert json.loads((tmp_path / "set" / "ingest.json").read_text())["skipped"] == report.skipped
    assert list(report.skipped)[0].startswith("image damaged")


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match="neither IAM"):
        detect(tmp_path / "empty")
    with pytest.raises(DatasetError, match="no such file"):
        ingest(tmp_path / "nothing", tmp_path / "set")
    with pytest.raises(OutputError, match="no dataset"):
        ingest(tmp_path / "empty", tmp_path / "full")
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"


@pytest.mark.case
def test_images_with_texts_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "book" / "0001").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "book" / "0001" / "a.png"), np.full((40, 200), 200, np.uint8))
    (tmp_path / "book" / "0001" / "a.gt.txt").write_text("one\n")
    (tmp_path / "book" / "lonely.gt.txt").write_text("two")
    report = ingest(tmp_path / "book", tmp_path / "set")
    assert report.format == "pairs"
    (sample,) = Dataset.open(tmp_path / "set").samples
    assert (sample.text, sample.kind, sample.document_id) == ("one", "line", "book/0001")
    assert report.skipped == {"transcription without an image": 1}


def test_a_source_is_opened_in_place_as_its_dataset_would_be(pages: Path, tmp_path: Path) -> None:
    found = open_dataset(pages)
    ingest(pages, tmp_path / "letters")
    copied = Dataset.open(tmp_path / "letters")
    assert [line.sample_id for line in found.lines()] == [line.sample_id for line in copied.lines()]
    assert [line.text for line in found.lines()] == [line.text for line in copied.lines()]
    assert {sample.split for sample in open_dataset(pages, split="val").samples} == {"val"}
    own = open_dataset(pages / "val")
    assert [(sample.source, sample.split) for sample in own.samples] == [("letters", "val")]
    with pytest.raises(DatasetError, match="no test"):
        open_dataset(pages, split="test")


def test_archives_are_opened_where_they_may_be_unpacked(iam: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="inkread ingest"):
        open_dataset(iam)
    found = open_dataset(iam, unpack_to=tmp_path / "here")
    assert found.skipped.reasons["image missing"] == 1
    assert all((found.folder / sample.image).is_file() for sample in found.samples)


def test_real_pages(shared_data: Path, tmp_path: Path) -> None:
    report = ingest(shared_data / "mss20-fr", tmp_path / "set")
    assert report.samples == {"page": 10}
    assert report.splits == {"test": 3, "train": 6, "val": 1}


def pair(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), np.full((40, 200), 255 - len(text), np.uint8))
    (folder / f"{name}.gt.txt").write_text(text, encoding="utf-8")
    return folder


def test_data_sets_grow_and_what_is_sent_again_replaces_itself(tmp_path: Path) -> None:
    ingest(pair(tmp_path / "letters", "a", "first"), tmp_path / "one")
    ingest(pair(tmp_path / "diaries", "a", "another hand"), tmp_path / "two", IngestOptions(add=(tmp_path / "one",)))
    corrected = pair(tmp_path / "letters", "a", "first, corrected")
    report = ingest(corrected, tmp_path / "three", IngestOptions(add=(tmp_path / "two", tmp_path / "one")))
    grown = Dataset.open(tmp_path / "three")
    assert {sample.text for sample in grown.samples} == {"first, corrected", "another hand"}
    assert {sample.source for sample in grown.samples} == {"letters", "diaries"}
    assert (report.source, report.samples) == ("letters", {"line": 2})
    assert all((tmp_path / "three" / sample.image).is_file() for sample in grown.samples)
    shutil.rmtree(tmp_path / "two")
    assert len(Dataset.open(tmp_path / "three").lines()) == 2, "it stands by itself"
