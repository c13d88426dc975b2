"""Cut lines out of pages and bring lines and words to the height that the network reads.

Usage: ``python -m inkread.pipeline.prepare_features``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from inkread.data.rows import WHOLE, Row, read_rows
from inkread.formats.layout_files import read_layout
from inkread.imaging.load import load_pages
from inkread.imaging.strip import Grey
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage
from inkread.training.lines import CutLine, cut_lines, whole_with_context, write_store


def prepare_features(artifacts: Artifacts, _: Params) -> None:
    """Write one strip with context a row, and the exact image of each word for the baseline."""
    rows = read_rows(artifacts.encoded)
    write_store(artifacts.features / "strips", _strips(artifacts.dataset, rows))
    words = [row for row in rows if row.kind == "word"]
    if words:
        write_store(artifacts.features / "words", _words(artifacts.dataset, words))


def _strips(dataset: Path, rows: Iterable[Row]) -> Iterator[CutLine]:
    for image, group in groupby(rows, key=lambda row: row.image):
        grey = next(iter(load_pages(dataset / image))).grey
        lines = list(group)
        if lines[0].line == WHOLE:
            yield _named(lines[0], whole_with_context(grey))
            continue
        wanted = {row.line: row for row in lines}
        layout = read_layout((dataset / image).with_suffix(".xml")).lines
        for number, strip in cut_lines(grey, layout, context=True):
            if number in wanted:
                yield _named(wanted[number], strip)


def _words(dataset: Path, rows: Iterable[Row]) -> Iterator[CutLine]:
    for row in rows:
        yield _named(row, next(iter(load_pages(dataset / row.image))).grey)


def _named(row: Row, image: Grey) -> CutLine:
    return CutLine(row.source, row.document_id, row.text, image, row.row_id)


if __name__ == "__main__":
    run_stage(prepare_features)
