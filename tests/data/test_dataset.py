"""The manifest is the contract: what is wrong with one must be said, and equal samples give equal bytes."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inkread.data.dataset import (
    MANIFEST,
    Dataset,
    Sample,
    Skipped,
    document_name,
    read_samples,
    write_samples,
)
from inkread.data.ingest import ingest
from inkread.errors import DatasetError

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE = Sample("a", "images/a.b.png", "text", "line", "s", "d", sha256="00")
TWO = replace(ONE, sample_id="b", split="val")


def test_what_is_written_is_read_sorted_and_with_equal_bytes(tmp_path: Path) -> None:
    write_samples(tmp_path / "one.parquet", [TWO, ONE])
    write_samples(tmp_path / "two.parquet", [ONE, TWO])
    assert read_samples(tmp_path / "one.parquet") == (ONE, TWO)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_the_hash_changes_with_texts_and_images_and_not_with_the_place(tmp_path: Path) -> None:
    first = Dataset(tmp_path, (ONE, TWO)).content_hash
    assert Dataset(tmp_path / "elsewhere", (TWO, ONE)).content_hash == first
    assert Dataset(tmp_path, (ONE, replace(TWO, text="other"))).content_hash != first
    assert Dataset(tmp_path, (ONE, replace(TWO, sha256="01"))).content_hash != first
    assert Dataset(tmp_path, (ONE, replace(TWO, style="print"))).content_hash != first
    assert first == "8a26e1902ef0334b32149c25854040688e26ee7d386f6ea4be3e8ed3302eddf7", "models name datasets by it"


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two samples are called a"):
        write_samples(tmp_path / MANIFEST, [ONE, ONE])
    with pytest.raises(DatasetError, match="no manifest"):
        Dataset.open(tmp_path)
    pq.write_table(pa.table({"image": ["x"]}), tmp_path / MANIFEST)
    with pytest.raises(DatasetError, match="columns must be"):
        Dataset.open(tmp_path)
    write_samples(tmp_path / MANIFEST, [replace(ONE, kind="drawing")])  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="kind 'drawing'"):
        Dataset.open(tmp_path)


def test_manifests_of_earlier_versions_are_read(tmp_path: Path) -> None:
    page = asdict(replace(ONE, kind="page"))
    old = {name: [value] for name, value in page.items() if name not in ("layout", "line")}
    pq.write_table(pa.table(old), tmp_path / MANIFEST)
    (sample,) = Dataset.open(tmp_path).samples
    assert sample.layout == "images/a.b.xml"


def test_a_split_is_asked_for_by_name(tmp_path: Path) -> None:
    assert Dataset(tmp_path, (ONE, TWO)).of_split("val") == (TWO,)
    assert Dataset(tmp_path, (ONE,)).of_split("val") == (ONE,), "all where there are no splits"
    with pytest.raises(DatasetError, match="there is val here, but no test"):
        Dataset(tmp_path, (ONE, TWO)).of_split("test")


def test_words_stay_whole_and_pages_become_lines(dataset: Path, tmp_path: Path) -> None:
    words = Dataset.open(dataset)
    assert words.lines() == list(words.samples)
    for suffix in ("png", "xml"):
        (tmp_path / "p").mkdir(exist_ok=True)
        shutil.copyfile(EXAMPLES / f"letter.{suffix}", tmp_path / "p" / f"letter.{suffix}")
    ingest(tmp_path / "p", tmp_path / "set")
    pages = Dataset.open(tmp_path / "set")
    lines = pages.lines()
    assert [line.text for line in lines] == pages.samples[0].text.splitlines()
    assert [line.line for line in lines] == list(range(len(lines)))
    assert len({line.sample_id for line in lines}) == len(lines)
    assert {line.kind for line in lines} == {"line"}
    write_samples(tmp_path / "lines.parquet", lines)
    assert list(read_samples(tmp_path / "lines.parquet")) == lines


@pytest.mark.parametrize(
    ("stem", "document"), [("JDH_2_16_156_002", "JDH_2_16_156"), ("btv1b_f25", "btv1b"), ("register", "register")]
)
def test_the_page_number_is_no_part_of_the_document(stem: str, document: str) -> None:
    assert document_name(stem) == document


def test_what_is_skipped_is_counted_and_named() -> None:
    skipped = Skipped()
    skipped.add("a", "image missing")
    skipped.add("b", "image missing")
    assert skipped.reasons == {"image missing": 2}
    assert skipped.names == ["a: image missing", "b: image missing"]
