"""A reader works in every kind of process that a program may start, and lets its own process end."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from inkread import Reader, ReaderSettings

LETTER = Path(__file__).parents[1] / "examples" / "letter.png"
PICKLED = """
import multiprocessing, sys
import inkread

def text(reader):
    return next(reader.read(sys.argv[1])).text

if __name__ == "__main__":
    reader = inkread.Reader(threads=2)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (there,) = pool.map(text, [reader])
    print(there == text(reader), len(there) > 50)
"""
FORKED = """
import os, sys
import inkread

reader = inkread.Reader(threads=2)
here = next(reader.read(sys.argv[1])).text
for leave in (sys.exit, os._exit):
    child = os.fork()
    if not child:
        same = leave is sys.exit or next(reader.read(sys.argv[1])).text == here
        leave(0 if same else 3)
    print(os.waitpid(child, 0)[1])
print(next(reader.read(sys.argv[1])).text == here)
"""
FORKED_WHILE_READING = """
import os, sys, threading
import inkread

reader = inkread.Reader(threads=2)
begun, stop = threading.Event(), threading.Event()

def read_on():
    while not stop.is_set():
        next(reader.read(sys.argv[1], on_page=lambda _: begun.set()))

thread = threading.Thread(target=read_on)
thread.start()
begun.wait()
for _ in range(3):
    child = os.fork()
    if not child:
        os._exit(0 if len(next(reader.read(sys.argv[1])).text) > 50 else 3)
    print(os.waitpid(child, 0)[1])
stop.set()
thread.join()
"""
HALF_READ = """
import sys
import inkread
documents = inkread.Reader(threads=2).read([sys.argv[1]] * 30)
print(len(next(documents).text) > 50)
"""


def python(program: Path, text: str) -> subprocess.CompletedProcess[str]:
    program.write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "ignore", str(program), str(LETTER)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_reader_reads_in_a_process_that_it_was_sent_to(tmp_path: Path) -> None:
    result = python(tmp_path / "program.py", PICKLED)
    assert (result.stdout, result.stderr, result.returncode) == ("True True\n", "", 0)


def test_a_pickled_reader_keeps_its_settings() -> None:
    reader = Reader(threads=1, language_model=False, min_confidence=0.5, settings=ReaderSettings(noise_characters=2))
    again: Reader = pickle.loads(pickle.dumps(reader))
    assert again.provenance == reader.provenance
    assert not again.uses_language_model
    assert [line.flagged for line in next(again.read(LETTER)).lines] == [
        line.flagged for line in next(reader.read(LETTER)).lines
    ]


@pytest.mark.case
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("program", [FORKED, FORKED_WHILE_READING], ids=["after reading", "while reading"])
def test_a_forked_child_reads_and_ends(tmp_path: Path, program: str) -> None:
    result = python(tmp_path / "program.py", program)
    assert (result.stderr, result.returncode) == ("", 0)
    assert set(result.stdout.split()) <= {"0", "True"}


def test_the_networks_report_to_nobody() -> None:
    """ONNX Runtime 1.32 sends telemetry unless this is set before it is imported."""
    program = "import inkread, os, sys; print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert result.stdout == "1 False\n"


def test_a_program_ends_in_the_middle_of_reading(tmp_path: Path) -> None:
    result = python(tmp_path / "program.py", HALF_READ)
    assert (result.stdout, result.stderr, result.returncode) == ("True\n", "", 0)
