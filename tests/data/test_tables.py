"""Tables of other people: the three formats, what is missing, and paths that lead out."""

import json
from pathlib import Path

import pytest

from inkread.data.dataset import Skipped
from inkread.data.sources import find_table, table_records
from inkread.errors import DatasetError


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.tsv", 'image\ttext\tsplit\na/1.png\tsaid "no\tval\n'),
        ("t.csv", 'image,text,split\na/1.png,"said ""no",val\n'),
        ("t.jsonl", json.dumps({"image": "a/1.png", "text": 'said "no', "split": "val"}) + "\n\n"),
    ],
)
def test_the_three_formats_say_the_same(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert find_table(tmp_path) == tmp_path / name
    (record,) = table_records(tmp_path / name, Skipped())
    assert (record.text, record.split, record.name, record.kind) == ('said "no', "val", "a/1", "line")


def test_paths_that_lead_out_and_unknown_kinds_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("image\ttext\tkind\n../x.png\ta\tline\ny.png\tb\tpoem\nz.png\tc\t\n")
    skipped = Skipped()
    assert [record.text for record in table_records(tmp_path / "t.tsv", skipped)] == ["c"]
    assert skipped.reasons.total() == 2


def test_faults_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("image\tlabel\nx.png\ta\n")
    with pytest.raises(DatasetError, match="row 1 has no text"):
        list(table_records(tmp_path / "t.tsv", Skipped()))
    (tmp_path / "u.jsonl").write_text("{")
    with pytest.raises(DatasetError, match=r"u\.jsonl"):
        list(table_records(tmp_path / "u.jsonl", Skipped()))
    assert find_table(tmp_path) is None
