"""Labels of the baseline stand for the words that were written."""

import numpy as np

from inkread.data.store import LineStore
from inkread.pipeline.data_stages import one_hot
from inkread.pipeline.stage import Artifacts, read_json


def test_weights_and_labels_fit_the_shards(prepared: Artifacts) -> None:
    weights = read_json(prepared.weights)
    assert set(weights["lines"]) == {line.sample_id for line in LineStore.open(prepared.shards / "train").lines}
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
