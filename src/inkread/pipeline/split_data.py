"""Split by writer or document, and check that nothing leaks.

Usage: ``python -m inkread.pipeline.split_data``
"""

from __future__ import annotations

from collections import Counter

from inkread.data.rows import read_rows
from inkread.data.splitting import split_rows
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json


def split_data(artifacts: Artifacts, params: Params) -> None:
    """Write the split of each row by its id, with the sizes."""
    splits = split_rows(read_rows(artifacts.encoded), params.split_data)
    write_json(artifacts.splits, {"sizes": dict(sorted(Counter(splits.values()).items())), "splits": splits})


if __name__ == "__main__":
    run_stage(split_data)
