"""Rows must survive the way through the stages, and pages come apart into their lines."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from inkread.data.dataset import WHOLE, expand, read_manifest, read_rows, write_rows
from inkread.data.ingest import ingest
from inkread.errors import DatasetError

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_words_stay_whole_and_pages_become_lines(dataset: Path, tmp_path: Path) -> None:
    rows = expand(dataset, read_manifest(dataset))
    assert {row.line for row in rows} == {WHOLE}
    for suffix in ("png", "xml"):
        (tmp_path / "p").mkdir(exist_ok=True)
        shutil.copyfile(EXAMPLES / f"letter.{suffix}", tmp_path / "p" / f"letter.{suffix}")
    ingest(tmp_path / "p", tmp_path / "set")
    (sample,) = read_manifest(tmp_path / "set")
    lines = expand(tmp_path / "set", [sample])
    assert [row.text for row in lines] == sample.text.splitlines()
    assert [row.line for row in lines] == list(range(len(lines)))
    assert len({row.row_id for row in lines}) == len(lines)


def test_rows_are_read_as_they_were_written(dataset: Path, tmp_path: Path) -> None:
    rows = [replace(row, labels=(1, 2)) for row in expand(dataset, read_manifest(dataset))]
    write_rows(tmp_path / "rows.parquet", rows)
    assert read_rows(tmp_path / "rows.parquet") == rows
    with pytest.raises(DatasetError, match="run the stage before"):
        read_rows(tmp_path / "none.parquet")
