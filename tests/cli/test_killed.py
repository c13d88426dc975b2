"""A run over a folder that is killed and started again leaves the same files as one that was not."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from inkread.io.inputs import count_pages

FILES = 24
DEADLINE = 120.0


def command(folder: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "inkread", "read", str(folder), "-f", "pdf", "-f", "json", "-o", str(out)]


def listed(folder: Path) -> dict[str, int]:
    """Every file below a folder, and the pages of PDFs, 0 for others."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): count_pages(path) if path.suffix == ".pdf" else 0 for path in sorted(files)
    }


@pytest.mark.case
@pytest.mark.system
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_after_kill_9_nothing_is_missing_twice_or_half_written(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(FILES):
        pages = [Image.effect_noise((300, 200), 20 + number) for _ in range(1 + number % 3)]
        suffix = "png" if len(pages) == 1 else "tif"
        pages[0].save(scans / f"{number}.{suffix}", save_all=True, append_images=pages[1:])
    subprocess.run(command(scans, tmp_path / "whole"), check=True, capture_output=True, timeout=DEADLINE)
    out = scans / "out"
    for wanted in (1, FILES // 2, FILES + FILES // 2):
        process = subprocess.Popen(command(scans, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started = {path: path.stat().st_mtime_ns for path in out.glob("*")} if out.is_dir() else {}
        end = time.monotonic() + DEADLINE
        while process.poll() is None and time.monotonic() < end:
            fresh = [path for path in out.glob("[!.]*") if started.get(path) != path.stat().st_mtime_ns]
            if len(fresh) >= wanted:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command(scans, out), check=True, capture_output=True, timeout=DEADLINE)
    assert listed(out) == listed(tmp_path / "whole")
