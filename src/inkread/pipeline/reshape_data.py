"""Sort the strips into shards by split, and the words into squares for the baseline.

Usage: ``python -m inkread.pipeline.reshape_data``
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, run_stage
from inkread.training.lines import CutLine, LineStore, exact_part, write_store
from inkread.training.word_cnn import word_image


def reshape_data(artifacts: Artifacts, params: Params) -> None:
    """Write ``train`` (with context), ``val`` and ``test`` (exact), each sorted by bucket of width."""
    splits = read_json(artifacts.splits)["splits"]
    features = LineStore.open(artifacts.features / "strips")
    for split in ("train", "val", "test"):
        write_store(artifacts.shards / split, _shard(features, splits, split, params.reshape_data.bucket))
    folder = artifacts.features / "words"
    words = LineStore.open(folder) if folder.is_dir() else None
    for split in ("train", "val", "test"):
        chosen = [i for i, line in enumerate(words.lines) if splits[line.name] == split] if words else []
        images = [word_image(words.image(i)) for i in chosen] if words else []
        np.savez_compressed(
            artifacts.shards / split / "words.npz",
            images=np.array(images, np.uint8).reshape(-1, params.reshape_data.word_side, params.reshape_data.word_side),
            texts=np.array([words.lines[i].text for i in chosen] if words else [], np.str_),
            names=np.array([words.lines[i].name for i in chosen] if words else [], np.str_),
        )


def _shard(features: LineStore, splits: Mapping[str, str], split: str, bucket: int) -> Iterator[CutLine]:
    chosen = [index for index, line in enumerate(features.lines) if splits[line.name] == split]
    for index in sorted(chosen, key=lambda index: (features.lines[index].width // bucket, index)):
        line, image = features.lines[index], features.image(index)
        yield CutLine(
            line.source, line.document, line.text, image if split == "train" else exact_part(image), line.name
        )


if __name__ == "__main__":
    run_stage(reshape_data)
