"""The manifest is the contract: what is wrong with one must be said, and equal samples give equal bytes."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inkread.data.dataset import MANIFEST, Sample, content_hash, layout_of, read_manifest, write_manifest
from inkread.errors import DatasetError

ONE = Sample("a", "images/a.b.png", "text", "line", "s", "d")
TWO = replace(ONE, sample_id="b", split="val")


def test_what_is_written_is_read_sorted_and_with_equal_bytes(tmp_path: Path) -> None:
    write_manifest(tmp_path, [TWO, ONE])
    first = content_hash(tmp_path)
    write_manifest(tmp_path, [ONE, TWO])
    assert read_manifest(tmp_path) == [ONE, TWO]
    assert content_hash(tmp_path) == first
    write_manifest(tmp_path, [ONE, replace(TWO, text="other")])
    assert content_hash(tmp_path) != first


def test_the_layout_lies_beside_the_image() -> None:
    assert layout_of(ONE) == "images/a.b.xml"


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two samples are called a"):
        write_manifest(tmp_path, [ONE, ONE])
    with pytest.raises(DatasetError, match="no manifest"):
        read_manifest(tmp_path)
    pq.write_table(pa.table({"image": ["x"]}), tmp_path / MANIFEST)
    with pytest.raises(DatasetError, match="columns must be"):
        read_manifest(tmp_path)
    write_manifest(tmp_path, [replace(ONE, kind="drawing")])  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="kind 'drawing'"):
        read_manifest(tmp_path)
