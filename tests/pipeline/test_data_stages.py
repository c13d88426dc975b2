"""Each stage before training leaves what the next one needs, and says what it left out."""

from pathlib import Path

import numpy as np
import pytest

from inkread.data.manifest import read_manifest
from inkread.data.rows import read_rows
from inkread.errors import DatasetError
from inkread.pipeline.extract_raw_data import extract_raw_data
from inkread.pipeline.one_hot_encode_labels import one_hot
from inkread.pipeline.params import check_params
from inkread.pipeline.stage import Artifacts, read_json
from inkread.recognition.alphabet import Alphabet
from inkread.training.lines import CONTEXT_ROWS, LineStore
from inkread.training.network import HEIGHT


def test_raw_data_is_unpacked_and_loaded(prepared: Artifacts) -> None:
    assert (prepared.raw / "ascii" / "words.txt").is_file()
    samples = read_manifest(prepared.dataset)
    assert {sample.source for sample in samples} == {"iam-synthetic"}
    assert {sample.kind for sample in samples} == {"line", "word"}


def test_rows_are_filtered_cleaned_and_encoded(prepared: Artifacts) -> None:
    report = read_json(prepared.filter_report)
    rows, encoded = read_rows(prepared.filtered), read_rows(prepared.encoded)
    assert len(rows) == report["kept"]
    assert read_json(prepared.clean_report)["kept"] == len(encoded)
    alphabet = Alphabet(read_json(prepared.alphabet)["characters"])
    assert all(alphabet.decode(row.labels) == row.text for row in encoded)


def test_features_are_strips_of_every_row_and_images_of_every_word(prepared: Artifacts) -> None:
    rows = read_rows(prepared.encoded)
    strips, words = LineStore.open(prepared.features / "strips"), LineStore.open(prepared.features / "words")
    assert [line.name for line in strips.lines] == [row.row_id for row in rows]
    assert {line.rows for line in strips.lines} == {CONTEXT_ROWS}
    assert len(words) == sum(row.kind == "word" for row in rows)


def test_splits_and_shards_agree_and_hold_no_writer_twice(prepared: Artifacts) -> None:
    splits = read_json(prepared.splits)["splits"]
    rows = {row.row_id: row for row in read_rows(prepared.encoded)}
    writers: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        shard = LineStore.open(prepared.shards / split)
        assert {splits[line.name] for line in shard.lines} == {split}
        assert {line.rows for line in shard.lines} == {CONTEXT_ROWS if split == "train" else HEIGHT}
        buckets = [line.width // 32 for line in LineStore.open(prepared.shards / "train").lines]
        assert buckets == sorted(buckets)
        writers[split] = {rows[line.name].writer_id for line in shard.lines}
    assert not writers["train"] & writers["val"]
    assert not writers["train"] & writers["test"]
    assert not writers["val"] & writers["test"]


def test_weights_and_labels_fit_the_shards(prepared: Artifacts) -> None:
    weights = read_json(prepared.weights)
    assert set(weights["lines"]) == {line.name for line in LineStore.open(prepared.shards / "train").lines}
    words = read_json(prepared.one_hot / "words.json")["words"]
    with np.load(prepared.shards / "train" / "words.npz") as train, np.load(prepared.one_hot / "train.npz") as labels:
        texts, encoded, images = train["texts"], labels["one_hot"], train["images"]
    assert images.shape == (len(texts), 28, 28)
    for text, row in zip(texts.tolist(), encoded, strict=True):
        assert [words[place] for place in np.flatnonzero(row)] == ([text] if text in words else [])
    assert set(words) <= set(weights["words"])
    assert read_json(prepared.callbacks)["monitor"] == "val_loss"


def test_labels_by_hand() -> None:
    assert one_hot(["sea", "x", "the"], ["sea", "the"]).tolist() == [[1, 0], [0, 0], [0, 1]]


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    wrong = check_params({"extract_raw_data": {"source": "no/such.tgz"}}, "params.yaml")
    with pytest.raises(DatasetError, match="extract_raw_data.source"):
        extract_raw_data(Artifacts(tmp_path), wrong)
