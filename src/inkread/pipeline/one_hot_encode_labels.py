"""One-hot labels of the closed vocabulary, for the word classifier.

Usage: ``python -m inkread.pipeline.one_hot_encode_labels``
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json


def one_hot_encode_labels(artifacts: Artifacts, params: Params) -> None:
    """Choose the vocabulary on training words and write the labels of each split; a row of zeros is another word."""
    chosen = params.one_hot_encode_labels
    texts = {split: _texts(artifacts, split) for split in ("train", "val", "test")}
    counts = Counter(texts["train"]).most_common(chosen.most_words)
    words = sorted(word for word, count in counts if count >= chosen.min_count)
    for split, written in texts.items():
        (artifacts.one_hot).mkdir(parents=True, exist_ok=True)
        np.savez_compressed(artifacts.one_hot / f"{split}.npz", one_hot=one_hot(written, words))
    covered = {split: sum(text in words for text in written) for split, written in texts.items()}
    write_json(artifacts.one_hot / "words.json", {"words": words, "covered": covered})


def one_hot(texts: list[str], words: list[str]) -> NDArray[np.uint8]:
    """uint8 [texts, words]: 1 where the text is the word."""
    places = {word: place for place, word in enumerate(words)}
    labels = np.zeros((len(texts), len(words)), np.uint8)
    for row, text in enumerate(texts):
        if text in places:
            labels[row, places[text]] = 1
    return labels


def _texts(artifacts: Artifacts, split: str) -> list[str]:
    with np.load(artifacts.shards / split / "words.npz") as words:
        return [str(text) for text in words["texts"]]


if __name__ == "__main__":
    run_stage(one_hot_encode_labels)
