"""How fast pages are read on this machine, and with how much memory.

Usage: ``measure(reader, [Path("letter.jpg")]).pages_a_second``

Two figures that differ where several threads work: pages a second when all pages are read in one go, and the seconds
that a reader waits for one page alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkread.document import Page
from inkread.errors import InputError
from inkread.evaluation.statistics import Estimate, rate_by_document
from inkread.evaluation.text import character_errors
from inkread.formats import paired, read_layout
from inkread.io.inputs import load_pages
from inkread.reader import Reader


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured.

    Attributes:
        pages, lines: how many were read, lines as found.
        pages_a_second: all pages in one go.
        seconds_a_page: 50th and 95th percentile over pages read alone, the median of the runs of each.
        lines_a_page: mean.
        peak_mebibytes: highest resident memory of this process; None where the system does not tell.
        transcribed_pages: pages with a transcription.
        page_cer: of these in reading order, with the interval over files; None without any.
    """

    pages: int
    lines: int
    pages_a_second: float
    seconds_a_page: tuple[float, float]
    lines_a_page: float
    peak_mebibytes: float | None
    transcribed_pages: int
    page_cer: Estimate | None


def measure(
    reader: Reader,
    files: Sequence[Path],
    *,
    runs: int = 1,
    on_page: Callable[[], None] = lambda: None,
    on_error: Callable[[InputError], None] | None = None,
) -> Speed:
    """Read all pages in one go, then each alone.

    Args:
        reader: its first page is read once unmeasured.
        files: images and PDFs; PAGE or ALTO of the same name is the transcription of the first page.
        runs: how often each page is read alone, >= 1.
        on_page: called after each page that is measured.
        on_error: called with what cannot be read, which is left out; None raises.

    Raises:
        InputError: a file cannot be read and there is no ``on_error``; or none can be read.
    """
    readable = [file for file in files if _is_readable(file, on_error)]
    if not readable:
        raise InputError("none of the files can be read")
    next(_read_alone(reader, readable[0]))

    def count(_: Page) -> None:
        on_page()

    start = time.perf_counter()
    documents = list(reader.read(readable, on_page=count))
    together = time.perf_counter() - start
    alone: list[list[float]] = []
    for _ in range(runs):
        seconds = []
        for file in readable:
            for taken in _read_alone(reader, file):
                seconds.append(taken)
                on_page()
        alone.append(seconds)
    median, late = np.quantile(np.median(alone, axis=0), [0.5, 0.95])
    peak = peak_bytes()

    pages = [page for document in documents for page in document.pages]
    layouts = dict(paired({file.parent for file in readable}))
    errors = [
        (str(file), character_errors(read_layout(layouts[file]).text, first.text))
        for file, document in zip(readable, documents, strict=True)
        if file in layouts
        for first in document.pages[:1]
    ]
    lines = sum(len(page.lines) for page in pages)
    return Speed(
        pages=len(pages),
        lines=lines,
        pages_a_second=len(pages) / together,
        seconds_a_page=(float(median), float(late)),
        lines_a_page=lines / len(pages),
        peak_mebibytes=None if peak is None else peak / 2**20,
        transcribed_pages=len(errors),
        page_cer=rate_by_document((file, error.edits, error.length) for file, error in errors),
    )


def _is_readable(file: Path, on_error: Callable[[InputError], None] | None) -> bool:
    try:
        for _ in load_pages(file):
            pass
    except InputError as error:
        if on_error is None:
            raise
        on_error(error)
        return False
    return True


def _read_alone(reader: Reader, file: Path) -> Iterator[float]:
    """Seconds to load and read each page of a file."""
    pages = load_pages(file)
    while True:
        start = time.perf_counter()
        if (page := next(pages, None)) is None:
            return
        next(reader.read_pages([page]))
        yield time.perf_counter() - start


def peak_bytes() -> int | None:
    """Highest resident memory of this process so far; None where the system does not tell, as on Windows."""
    try:
        # not getrusage: what that gives starts at the size of the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
