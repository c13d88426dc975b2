"""Many files in one folder: runs that are killed, and files changed at random (see `scripts.robustness`)."""

import sys
from pathlib import Path

import pytest

from scripts import robustness

pytestmark = [
    pytest.mark.case,
    pytest.mark.system,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL"),
]


def test_after_kill_9_nothing_is_missing_twice_or_half_written(tmp_path: Path) -> None:
    assert robustness.kill(tmp_path, files=60, seed=2) == 0


@pytest.mark.parametrize("kind", ["png", "tif", "pdf", "PAGE"])
def test_changed_files_are_read_or_named_and_cost_no_other(tmp_path: Path, kind: str) -> None:
    assert robustness.damage(tmp_path, changes=12, good=3, seed=2, kinds=[kind]) == 0


def test_what_is_lost_is_noticed() -> None:
    whole = {"a.txt": b"text", "b.alto.xml": b"<processingDateTime>1</processingDateTime><a/>"}
    later = {"a.txt": b"te", "b.alto.xml": b"<processingDateTime>2</processingDateTime><a/>", "c.txt": b""}
    assert robustness.differences(later, whole, whole=True) == ["not wanted: c.txt", "other content: a.txt"]
    assert robustness.differences({}, whole, whole=True) == ["missing: a.txt", "missing: b.alto.xml"]
    assert robustness.differences({}, whole, whole=False) == []
