"""Which lines of a user's data are learnt from, and which only checked with."""

from dataclasses import replace
from pathlib import Path

import pytest

from inkread.data.dataset import read_manifest, write_manifest
from inkread.data.ingest import ingest
from inkread.data.store import CONTEXT_ROWS, LineStore, cut_dataset
from inkread.errors import DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import HEIGHT

ALPHABET = Alphabet(LATIN)


def test_documents_stay_whole_and_both_sides_are_cut_as_they_are_used(user_lines: Path, tmp_path: Path) -> None:
    cut = cut_dataset(user_lines, tmp_path, ALPHABET)
    train, val = LineStore.open(tmp_path / "train"), LineStore.open(tmp_path / "val")
    assert (len(train), len(val)) == (cut.train, cut.val)
    assert cut.train + cut.val == 20
    assert not cut.same_documents
    assert not {line.document for line in train.lines} & {line.document for line in val.lines}
    assert {line.rows for line in train.lines} == {CONTEXT_ROWS}
    assert {line.rows for line in val.lines} == {HEIGHT}


def test_splits_that_are_given_are_kept_and_test_is_not_touched(user_lines: Path, tmp_path: Path) -> None:
    splits = ["train"] * 12 + ["val"] * 4 + ["test"] * 4
    samples = sorted(read_manifest(user_lines), key=lambda sample: sample.document_id)
    write_manifest(user_lines, [replace(s, split=split) for s, split in zip(samples, splits, strict=True)])  # type: ignore[arg-type]
    cut = cut_dataset(user_lines, tmp_path, ALPHABET)
    assert (cut.train, cut.val) == (12, 4)


def test_one_document_is_split_by_lines_and_says_so(user_lines: Path, tmp_path: Path) -> None:
    write_manifest(user_lines, [replace(sample, document_id="one") for sample in read_manifest(user_lines)])
    cut = cut_dataset(user_lines, tmp_path, ALPHABET)
    assert cut.same_documents
    assert (cut.train, cut.val) == (16, 4)


def test_what_the_alphabet_cannot_write_is_left_out_and_counted(user_lines: Path, tmp_path: Path) -> None:
    first, *others = read_manifest(user_lines)
    write_manifest(user_lines, [replace(first, text="λόγος"), *others])
    cut = cut_dataset(user_lines, tmp_path, ALPHABET)
    assert cut.train + cut.val == 19
    assert cut.dropped == {"dropped: characters outside the alphabet": 1}


def test_too_little_is_refused(pages: Path, tmp_path: Path) -> None:
    ingest(pages / "train", tmp_path / "set")
    with pytest.raises(DatasetError, match="too few"):
        cut_dataset(tmp_path / "set", tmp_path / "lines", ALPHABET)
