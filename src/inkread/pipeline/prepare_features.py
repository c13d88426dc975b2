"""Cut lines out of pages and bring lines and words to the height that the network reads.

Usage: ``python -m inkread.pipeline.prepare_features``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from inkread.data.rows import Row, read_rows
from inkread.imaging.load import load_pages
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage
from inkread.training.dataset_lines import named, row_strips
from inkread.training.lines import CutLine, write_store


def prepare_features(artifacts: Artifacts, _: Params) -> None:
    """Write one strip with context a row, and the exact image of each word for the baseline."""
    rows = read_rows(artifacts.encoded)
    write_store(artifacts.features / "strips", row_strips(artifacts.dataset, rows))
    words = [row for row in rows if row.kind == "word"]
    if words:
        write_store(artifacts.features / "words", _words(artifacts.dataset, words))


def _words(dataset: Path, rows: Iterable[Row]) -> Iterator[CutLine]:
    for row in rows:
        yield named(row, next(iter(load_pages(dataset / row.image))).grey)


if __name__ == "__main__":
    run_stage(prepare_features)
