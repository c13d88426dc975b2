"""Peaks are compared between engines, so a worker must hold nothing but its own engine."""

import json
import subprocess
import sys
from pathlib import Path

import worker

LOAD = f"import runpy, sys; worker = runpy.run_path({worker.__file__!r})"
MANY_BYTES = 100 * 2**20


def test_nothing_of_this_package_is_loaded_for_other_engines() -> None:
    assert _run(f"{LOAD}; print([name for name in sys.modules if name[:5] in ('numpy', 'inkre')])") == "[]"


def test_the_peak_is_that_of_the_process_and_not_of_its_parent() -> None:
    ballast = bytearray(b"x") * MANY_BYTES
    small = int(_run(f"{LOAD}; print(worker['peak_bytes']())"))
    large = int(_run(f"held = bytearray(b'x') * {MANY_BYTES}; {LOAD}; print(worker['peak_bytes']())"))
    assert small < len(ballast) / 2
    assert large - small > 0.9 * MANY_BYTES


def test_what_an_engine_prints_does_not_disturb_its_answers(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("def setNumThreads(count): print('threads', count)")
    (tmp_path / "rapidocr.py").write_text(
        "class RapidOCR:\n"
        "    def __init__(self, params): print('hello')\n"
        "    def __call__(self, path): print('reading'); self.txts = ('one', 'two'); return self\n"
    )
    shown = subprocess.run(
        [sys.executable, "-P", worker.__file__, "rapidocr", "2", "", "null", "false"],
        input=json.dumps("a.png") + "\n",
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [sorted(answer) for answer in answers] == [["load_seconds"], ["lines", "seconds"], ["peak_bytes"]]
    assert answers[1]["lines"] == ["one", "two"]


def _run(code: str) -> str:
    shown = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return shown.stdout.strip()
