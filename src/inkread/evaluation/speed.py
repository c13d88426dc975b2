"""Speed and memory of engines on the same pages in one run.

Usage: ``measure(["inkread", "rapidocr"], pages, runs=3, threads=2)``

Each engine lives in a fresh process (``worker.py``). All are loaded first and read one page unmeasured; then they
take turns page by page, a different one first each time, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any, cast

from inkread.errors import InkreadError

WORKER = Path(__file__).with_name("worker.py")
PEERS = ("rapidocr", "tesseract")


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one engine did.

    Attributes:
        engine, version: which.
        load_seconds: until it could read.
        run_seconds: [runs], each the sum over the pages.
        peak_bytes: highest resident memory of its process, or of one it started.
        readings: [pages][lines] of text, from the last run.
    """

    engine: str
    version: str
    load_seconds: float
    run_seconds: tuple[float, ...]
    peak_bytes: int
    readings: tuple[tuple[str, ...], ...]


def missing(peer: str) -> str | None:
    """What to install so that a peer can run, None where it can."""
    if peer == "rapidocr" and util.find_spec("rapidocr") is None:
        return "pip install 'inkread[bench]'"
    if peer == "tesseract" and shutil.which("tesseract") is None:
        return "apt-get install tesseract-ocr tesseract-ocr-fra"
    return None


def version(engine: str) -> str:
    """The version of an engine that is not missing."""
    if engine != "tesseract":
        return metadata.version(engine)
    shown = subprocess.run(["tesseract", "--version"], capture_output=True, text=True, check=True)
    return (shown.stdout or shown.stderr).split()[1]


def measure(
    engines: Sequence[str],
    pages: Sequence[Path],
    *,
    runs: int = 3,
    threads: int = 2,
    model: Path | None = None,
    language_model: bool | None = None,
    on_page: Callable[[], None] = lambda: None,
) -> list[Measurement]:
    """Let engines read the same pages in turns.

    Args:
        engines: "inkread" and any of ``PEERS``, none of them missing.
        pages: image files, at least one.
        runs: how often each page is read by each engine, >= 1.
        threads: for each engine; they never compute at the same time.
        model: bundle that "inkread" reads with, None for its own.
        language_model: whether "inkread" uses its language model; None where its bundle has one.
        on_page: called after each reading of a page in a run.

    Raises:
        InkreadError: an engine stopped; the message ends with its last words.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(name, threads, model, language_model)) for name in engines]
        seconds = {worker.engine: [0.0] * runs for worker in workers}
        readings: dict[str, list[tuple[str, ...]]] = {}
        load_seconds = [worker.load() for worker in workers]
        for worker in workers:
            worker.read(pages[0])
        for run in range(runs):
            readings = {worker.engine: [] for worker in workers}
            for number, page in enumerate(pages):
                first = (run + number) % len(workers)
                for worker in workers[first:] + workers[:first]:
                    taken, lines = worker.read(page)
                    seconds[worker.engine][run] += taken
                    readings[worker.engine].append(lines)
                    on_page()
        return [
            Measurement(
                worker.engine,
                version(worker.engine),
                loading,
                tuple(seconds[worker.engine]),
                worker.finish(),
                tuple(readings[worker.engine]),
            )
            for worker, loading in zip(workers, load_seconds, strict=True)
        ]


class _Worker:
    """The other end of ``worker.py``; its process lives inside ``with``."""

    def __init__(self, engine: str, threads: int, model: Path | None, language_model: bool | None) -> None:
        self.engine = engine
        options = [engine, str(threads), str(model or ""), json.dumps(language_model)]
        self._command = [sys.executable, "-P", str(WORKER), *options]

    def __enter__(self) -> _Worker:
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):  # closing its input repeats a failed write
            self._process.__exit__(None, None, None)
        self._complaints.close()

    def load(self) -> float:
        """Wait until the engine can read; the seconds it took to load."""
        return float(self._answer("while it was loaded")["load_seconds"])

    def read(self, page: Path) -> tuple[float, tuple[str, ...]]:
        """Read one page; the seconds it took and the lines of text."""
        with suppress(BrokenPipeError):  # the answer tells what broke
            print(json.dumps(str(page)), file=self._process.stdin, flush=True)
        answer = self._answer(f"at {page}")
        return float(answer["seconds"]), tuple(answer["lines"])

    def finish(self) -> int:
        """End the process; its peak in bytes."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return int(self._answer("at its end")["peak_bytes"])

    def _answer(self, moment: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if answer:
            return cast(dict[str, Any], json.loads(answer))
        self._complaints.seek(0)
        reason = (self._complaints.read().strip() or "it said nothing").splitlines()[-1]
        raise InkreadError(f"{self.engine} stopped {moment}: {reason}")
