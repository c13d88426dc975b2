"""Speed, memory and page CER of Inkread beside other engines, on the same pages in one run.

Usage: ``python benchmarks/engines.py FOLDER... --split val --with rapidocr --runs 3 --limit 10 --json engines.json``

Each engine lives in a fresh process (``worker.py``). All are loaded first and read one page unmeasured. Then they take
turns page by page, a different one first each time, so that a machine that slows down slows all of them. Ratios of
times compare within a run only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import Any, cast

from rich.markup import escape
from rich.table import Table

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import complain, existing, print_table, run_command
from inkread.data.dataset import document_name
from inkread.document import Setting
from inkread.errors import InkreadError, InputError
from inkread.evaluation.compare import any_order_errors
from inkread.evaluation.sources import DOCUMENT_RULE
from inkread.evaluation.statistics import INTERVAL, Estimate, rate_by_document
from inkread.evaluation.text import NORMALISATION, Errors, character_errors
from inkread.formats import paired, read_layout
from inkread.io.inputs import find_inputs

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


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The figures of one engine.

    Attributes:
        engine, version: which.
        load_seconds: until it could read.
        pages_a_minute, lines_a_second: of the median run.
        run_seconds: each run's sum over the pages.
        time_ratio: time of the first engine over this one's, the median over runs; below 1 the first is faster.
        peak_mebibytes: highest resident memory.
        page_cer, page_cer_any_order: over the transcribed pages, None where none is transcribed.
    """

    engine: str
    version: str
    load_seconds: float
    pages_a_minute: float
    lines_a_second: float
    run_seconds: tuple[float, ...]
    time_ratio: float
    peak_mebibytes: float
    page_cer: Estimate | None
    page_cer_any_order: Estimate | None


def missing(peer: str) -> str | None:
    """What to install so that a peer can run, None where it can."""
    if peer == "rapidocr" and util.find_spec("rapidocr") is None:
        return "pip install rapidocr"
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
    fast: bool = False,
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
        fast: whether "inkread" reads with `--fast`.
        on_page: called after each reading of a page in a run.

    Raises:
        InkreadError: an engine stopped; the message ends with its last words.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(name, threads, model, language_model, fast=fast)) for name in engines]
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

    def __init__(
        self, engine: str, threads: int, model: Path | None, language_model: bool | None, *, fast: bool
    ) -> None:
        self.engine = engine
        options = [engine, str(threads), str(model or ""), json.dumps(language_model), json.dumps(fast)]
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


def compare(
    measurements: Sequence[Measurement], pages: Sequence[Path], layouts: Mapping[Path, Path]
) -> list[EngineReport]:
    """The figures of each engine; the first is what the others are compared with.

    Args:
        measurements: one an engine, with a reading for each page.
        pages: the images.
        layouts: transcriptions of some of them.
    """
    written = {page: [line.text for line in read_layout(layouts[page]).lines] for page in pages if page in layouts}
    return [_report(measurement, measurements[0], pages, written) for measurement in measurements]


def _report(
    measurement: Measurement, first: Measurement, pages: Sequence[Path], written: Mapping[Path, Sequence[str]]
) -> EngineReport:
    readings = {page: lines for page, lines in zip(pages, measurement.readings, strict=True) if page in written}
    seconds = statistics.median(measurement.run_seconds)
    return EngineReport(
        engine=measurement.engine,
        version=measurement.version,
        load_seconds=measurement.load_seconds,
        pages_a_minute=60 * len(pages) / seconds,
        lines_a_second=sum(len(lines) for lines in measurement.readings) / seconds,
        run_seconds=measurement.run_seconds,
        time_ratio=statistics.median(
            mine / theirs for mine, theirs in zip(first.run_seconds, measurement.run_seconds, strict=True)
        ),
        peak_mebibytes=measurement.peak_bytes / 2**20,
        page_cer=_error_rate(
            (page, character_errors(" ".join(written[page]), " ".join(lines))) for page, lines in readings.items()
        ),
        page_cer_any_order=_error_rate(
            (page, any_order_errors(written[page], lines)) for page, lines in readings.items()
        ),
    )


def _error_rate(errors: Iterable[tuple[Path, Errors]]) -> Estimate | None:
    return rate_by_document(
        (str(page.with_name(document_name(page.stem))), error.edits, error.length) for page, error in errors
    )


def table(engines: Sequence[EngineReport], settings: Mapping[str, Setting]) -> Table:
    """One row an engine."""
    shown = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
    result = Table(caption=f"{shown}. Text: {NORMALISATION}. Brackets: {INTERVAL}.")
    result.add_column("engine")
    ratio = f"time of {engines[0].engine} / its time"
    for heading in ("pages/min", "lines/s", ratio, "peak MiB", "load s", "page CER", "page CER, any order"):
        result.add_column(heading, justify="right")
    for engine in engines:
        cers = (engine.page_cer, engine.page_cer_any_order)
        result.add_row(
            f"{engine.engine} {engine.version}",
            f"{engine.pages_a_minute:.1f}",
            f"{engine.lines_a_second:.1f}",
            f"{engine.time_ratio:.2f}",
            f"{engine.peak_mebibytes:.0f}",
            f"{engine.load_seconds:.1f}",
            *(escape(str(cer).replace(" [", "\n[")) if cer else "" for cer in cers),
        )
    return result


def find_images(folder: Path, split: str, limit: int | None) -> list[Path]:
    """The images of ``folder/split``, or of ``folder`` where there is no such folder, transcribed or not.

    Raises:
        InputNotFoundError: the folder does not exist or holds nothing readable.
    """
    images = []
    for found in find_inputs([folder / split if (folder / split).is_dir() else folder]):
        if isinstance(found, InputError):
            raise found
        if found.suffix.lower() != ".pdf":
            images.append(found)
    return sorted(images)[:limit]  # as datasets are sorted, so that a limit means the same pages as for evaluate


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = figures.parser(__doc__, "engines.py letters --with rapidocr --limit 10 --json engines.json")
    parser.add_argument(
        "folders", nargs="+", type=existing, metavar="FOLDER", help="images, with PAGE or ALTO for CERs"
    )
    parser.add_argument("--model", type=Path, help="bundle to measure instead of the bundled one")
    parser.add_argument("--with", dest="peers", action="append", choices=PEERS, help="engine to compare with, or all")
    parser.add_argument("--runs", type=int, default=3, help="how often every engine reads every page")
    parser.add_argument("--split", default="val", help="subfolder to look into where a FOLDER has it")
    parser.add_argument("--limit", type=int, help="only so many pages of each FOLDER")
    parser.add_argument("--threads", type=int, default=2, help="for each engine")
    parser.add_argument("--lm", action=argparse.BooleanOptionalAction, help="whether Inkread uses its language model")
    parser.add_argument("--fast", action="store_true", help="let Inkread read as with inkread read --fast")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    options = arguments(given)
    images = [image for folder in options.folders for image in find_images(folder, options.split, options.limit)]
    peers = options.peers or PEERS
    lacking = {peer: needed for peer in peers if (needed := missing(peer))}
    if lacking:
        complain("left out: " + "; ".join(f"{peer} is not installed ({needed})" for peer, needed in lacking.items()))
    engines = ["inkread", *(peer for peer in peers if peer not in lacking)]
    with figures.bar("measuring", len(images) * options.runs * len(engines)) as advance:
        measurements = measure(
            engines,
            images,
            runs=options.runs,
            threads=options.threads,
            model=options.model,
            language_model=options.lm,
            fast=options.fast,
            on_page=lambda: advance(1),
        )
    layouts = dict(paired({image.parent for image in images}))
    described = Bundle.open(options.model).model
    settings: dict[str, Setting] = {
        "model": f"{described.name} {described.version}",
        "language_model": options.lm,
        "fast": options.fast,
        "runs": options.runs,
        "threads": options.threads,
        "cores": os.cpu_count(),
        "pages": len(images),
        "transcribed_pages": sum(image in layouts for image in images),
    }
    reports = compare(measurements, images, layouts)
    print_table(table(reports, settings))
    dataset = " ".join(folder.resolve().name for folder in options.folders)
    figures.write(
        options.json,
        [each for report in reports for each in _figures(report, dataset, options.split, len(images))],
        normalisation=NORMALISATION,
        interval=INTERVAL,
        document=DOCUMENT_RULE,
        settings=settings,
        engines=[asdict(report) for report in reports],
    )


def _figures(report: EngineReport, dataset: str, split: str, pages: int) -> list[figures.Figure]:
    make = partial(figures.figure, dataset=dataset, split=split, system=report.engine, pages=pages)
    return [
        make("reading speed", "pages/min", report.pages_a_minute),
        make("peak memory", "MiB", report.peak_mebibytes),
        *([make("CER of whole pages", "%", report.page_cer)] if report.page_cer else []),
    ]


if __name__ == "__main__":
    run_command(main)
