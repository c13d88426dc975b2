"""Tables of other people: formats and delimiters, what is missing, and paths that lead out."""

import json
from pathlib import Path

import pytest

from inkread.data.dataset import Skipped
from inkread.data.sources import find_tables, table_samples
from inkread.errors import DatasetError


@pytest.mark.case
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", 'image\ttext\tsplit\na/1.png\tsaid "no\tval\n'),
        ("t.csv", 'image,text,split\na/1.png,"said ""no",val\n'),
        ("t.csv", 'image;text;split\na/1.png;"said ""no";val\n'),
        ("t.tsv", 'image|text|split\na/1.png|"said ""no"|val\n'),
        ("t.jsonl", json.dumps({"image": "a/1.png", "text": 'said "no', "split": "val"}) + "\n\n"),
    ],
)
def test_all_formats_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert find_tables(tmp_path) == {tmp_path / name: ""}
    (sample,) = table_samples(tmp_path / name, Skipped())
    assert (sample.text, sample.split, sample.sample_id, sample.kind) == ('said "no', "val", "a/1", "line")


def test_paths_that_lead_out_and_unknown_kinds_are_left_out(tmp_path: Path) -> None:
    rows = [
        "../x.png a line print",
        "y.png b poem print",
        "z.png c line print",
        "n\0.png d line print",
        "s.png e line ink",
    ]
    table = "image text kind style\n" + "\n".join(rows)
    (tmp_path / "t.tsv").write_text(table.replace(" ", "\t"))
    skipped = Skipped()
    samples = list(table_samples(tmp_path / "t.tsv", skipped))
    assert [(sample.text, sample.style) for sample in samples] == [("c", "print")]
    assert skipped.reasons.total() == 4


def test_faults_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("image\tlabel\nx.png\ta\n")
    with pytest.raises(DatasetError, match="row 1 has no text"):
        list(table_samples(tmp_path / "t.tsv", Skipped()))
    (tmp_path / "u.jsonl").write_text("{")
    with pytest.raises(DatasetError, match=r"u\.jsonl"):
        list(table_samples(tmp_path / "u.jsonl", Skipped()))
    assert not find_tables(tmp_path)
    with pytest.raises(DatasetError, match="no table here, or more than one"):
        list(table_samples(tmp_path, Skipped()))


def test_a_table_in_each_split_gives_the_split(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "lines.tsv").write_text("image\ttext\twriter\na.webp\tone\tw1\n")
    samples = list(table_samples(tmp_path, Skipped()))
    assert [(sample.image, sample.split, sample.writer_id) for sample in samples] == [
        ("train/a.webp", "train", "w1"),
        ("val/a.webp", "val", "w1"),
    ]
