"""A result is complete or not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inkread.errors import OutputError
from inkread.io.files import remove_leftovers, write_bytes


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


@pytest.mark.case
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no harmless question whether a process runs")
def test_only_what_a_killed_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    code = "import os, pathlib, sys; from inkread.io.files import replacing\n"
    code += "with replacing(pathlib.Path(sys.argv[1])) as stream: print(os.getpid(), flush=True); os._exit(1)"
    command = [sys.executable, "-c", code, str(tmp_path / "sub" / "a.txt")]
    killed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    [unfinished] = (tmp_path / "sub").iterdir()
    foreign = tmp_path / ".inkread-00000000-1-x.part"
    running = unfinished.with_name(unfinished.name.replace(f"-{killed}-", f"-{os.getppid()}-"))
    for path in (foreign, running):
        path.touch()
    remove_leftovers(tmp_path)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted([foreign, running])
