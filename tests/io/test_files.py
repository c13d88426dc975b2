"""A result is complete or not there."""

from pathlib import Path

import pytest

from inkread.errors import OutputError
from inkread.io.files import write_bytes


def test_a_file_is_written_with_its_folder_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "page.txt"
    write_bytes(path, b"first")
    write_bytes(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_target_that_cannot_be_written_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(OutputError, match=r"folder\.txt: cannot be written"):
        write_bytes(tmp_path / "folder.txt", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.txt"]
