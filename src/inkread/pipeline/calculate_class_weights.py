"""Weights for rare characters, and for the words of the baseline.

Usage: ``python -m inkread.pipeline.calculate_class_weights``
"""

from __future__ import annotations

import numpy as np

from inkread.data.rows import read_rows
from inkread.data.weighting import class_weights, line_weights
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, run_stage, write_json


def calculate_class_weights(artifacts: Artifacts, params: Params) -> None:
    """Write the weight of each training row by its name, and of each word of training."""
    splits = read_json(artifacts.splits)["splits"]
    rows = [row for row in read_rows(artifacts.encoded) if splits[row.row_id] == "train"]
    weights = line_weights(rows, params.calculate_class_weights)
    with np.load(artifacts.shards / "train" / "words.npz") as words:
        texts = words["texts"].tolist()
    names = [row.row_id for row in rows]
    write_json(artifacts.weights, {"lines": dict(zip(names, weights, strict=True)), "words": class_weights(texts)})


if __name__ == "__main__":
    run_stage(calculate_class_weights)
