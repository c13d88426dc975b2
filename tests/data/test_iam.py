"""IAM has oddities of thirty years: all of them must be read as they are meant."""

from pathlib import Path

import pytest

from inkread.data.dataset import Skipped
from inkread.data.sources import iam_samples, is_iam, join_tokens
from inkread.errors import DatasetError

LINES = """#--- lines.txt ---
a01-000u-00 ok 154 19 408 746 1661 89 A|MOVE|to|stop|Mr.|Gaitskell|from
a01-000u-01 err 156 19 395 932 1850 105 nominating|any|more
a01-000x-02 ok 157 16 408 1106 1986 105 is|to|be|made|,|"|he|said|"
"""
WORDS = """a01-000u-00-00 ok 154 408 768 27 51 AT A
a01-000u-00-01 ok 154 507 766 213 48 NN MOVE
a01-000u-00-02 err 154 796 764 70 50 TO to
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("ascii", "lines", "words", "xml", "task"):
        (tmp_path / name).mkdir()
    (tmp_path / "ascii" / "lines.txt").write_text(LINES)
    (tmp_path / "ascii" / "words.txt").write_text(WORDS)
    (tmp_path / "ascii" / "forms.txt").write_text("# forms\na01-000x 001 2 prt 7 5 52 36\n")
    (tmp_path / "xml" / "a01-000u.xml").write_text(
        '<form id="a01-000u" writer-id="000"><handwritten-part>'
        '<line id="a01-000u-00" text="A MOVE to &quot;stop&quot; Mr. Gaitskell from"/></handwritten-part></form>'
    )
    (tmp_path / "task" / "testset.txt").write_text("a01-000u-00\n")
    (tmp_path / "task" / "train.uttlist").write_text("a01-000x\n")
    return tmp_path


def test_lines_and_words_with_writer_split_and_text(folder: Path) -> None:
    skipped = Skipped()
    records = {sample.sample_id: sample for sample in iam_samples(folder, skipped)}
    assert set(records) == {"a01-000u-00", "a01-000x-02", "a01-000u-00-00", "a01-000u-00-01"}
    first, other = records["a01-000u-00"], records["a01-000x-02"]
    assert (first.text, first.writer_id, first.split) == ('A MOVE to "stop" Mr. Gaitskell from', "000", "test")
    assert (other.text, other.writer_id, other.split) == ('is to be made, " he said "', "001", "train")
    assert first.image == "lines/a01/a01-000u/a01-000u-00.png"
    assert (records["a01-000u-00-01"].text, records["a01-000u-00-01"].split) == ("MOVE", "test")
    assert skipped.reasons == {"marked err: badly segmented": 2}


def test_badly_segmented_ones_can_be_asked_for(folder: Path) -> None:
    assert len(list(iam_samples(folder, Skipped(), with_errors=True))) == 6


def test_a_line_that_is_none_is_named(folder: Path) -> None:
    (folder / "ascii" / "words.txt").write_text("a01-000u-00-00 maybe 1\n")
    with pytest.raises(DatasetError, match=r"words\.txt: line 1 is no word of IAM"):
        list(iam_samples(folder, Skipped()))


def test_tokens_are_joined_as_people_write() -> None:
    assert join_tokens("he|(|who|?|)|said|,|no|!") == "he (who?) said, no!"


def test_what_iam_is(folder: Path, tmp_path: Path) -> None:
    assert is_iam(folder)
    assert not is_iam(tmp_path / "xml")
