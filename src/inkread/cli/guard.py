"""Pages read one at a time in a process of their own, so that no page takes all the time or memory there is.

Usage: ``documents = dict(read_guarded(Reader, paths, bounds=Bounds(120, 4096), **handlers))``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from inkread.document import Document, Page, Provenance
from inkread.errors import BadLineError, InkreadError, InputError, InputTooLargeError
from inkread.formats.reading import layout_of
from inkread.io.inputs import Input, Limits, count_pages, each_readable, load_pages
from inkread.reader import Reader, document_of
from inkread.worker_process import Bounds, Call, WorkerFailedError, WorkerLostError, WorkerProcess

PRELOAD = ("inkread.cli.guard",)


def read_guarded(
    load: Callable[[], Reader],
    paths: Sequence[Path],
    *,
    bounds: Bounds,
    limits: Limits,
    layout_file: Callable[[Path], Path | None],
    on_error: Callable[[Input, InkreadError], None],
    on_page: Callable[[Page], None],
) -> Iterator[tuple[Path, Document]]:
    """Yield each file that can be read with its document, in order; other files and pages go to ``on_error``.

    Args:
        load: opens the reader, in the other process; can be pickled.
        paths: the files.
        bounds: of each page; a page that exceeds them is given up, and its process replaced.
        limits: of what is loaded.
        layout_file: the PAGE or ALTO file with the lines of a file's first page, None to find them.
        on_error: called with what cannot be read.
        on_page: called with each page that was read.

    Raises:
        InkreadError: what ``load`` raises.
    """
    with closing(_Guard(load, bounds)) as guard:
        provenance: Provenance = guard.last(_provenance)
        for path in paths:
            try:
                pages = [*_pages(guard, path, layout_file(path), limits, partial(on_error, path), on_page)]
            except InkreadError as error:
                on_error(path, error)
            else:
                yield path, document_of(pages, provenance)


def _pages(
    guard: _Guard,
    path: Path,
    layout: Path | None,
    limits: Limits,
    on_error: Callable[[InkreadError], None],
    on_page: Callable[[Page], None],
) -> Iterator[Page]:
    count: int = guard.last(_count, path, limits)

    def read(first: int) -> Iterator[Page]:
        before: Page | None = None  # begins anew after a page that failed
        for index in range(first, count):
            for item in guard.items(_read_page, path, index, layout if index == 0 else None, limits, before):
                if isinstance(item, Page):
                    yield (before := item)
                else:
                    on_error(item)

    for page in each_readable(read, lambda: count, str(path), on_error):
        on_page(page)
        yield page


class _Guard:
    """The process, which is started when it is needed."""

    def __init__(self, load: Callable[[], Reader], bounds: Bounds) -> None:
        self._load = load
        self._bounds = bounds
        self._worker: WorkerProcess | None = None

    def items(self, call: Call, *arguments: Any) -> Iterator[Any]:
        """What a call yields.

        Raises:
            InputError: a page exceeded the bounds, or could not be read.
        """
        name = f"{arguments[0]}: " if arguments else ""
        if self._worker is None:
            self._worker = WorkerProcess("reader", self._load, self._bounds, PRELOAD)
            self._worker.wait_until_started()
        try:
            yield from self._worker.call(call, *arguments)
        except WorkerLostError as error:
            self.close()
            raise InputTooLargeError(f"{name}{error}") from error
        except WorkerFailedError as error:
            raise InputError(f"{name}reading failed, which is a bug in Inkread ({error})") from error

    def last(self, call: Call, *arguments: Any) -> Any:
        """The only thing that a call yields."""
        (item,) = self.items(call, *arguments)
        return item

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


def _provenance(reader: Reader) -> Iterator[Provenance]:
    yield reader.provenance


def _count(_reader: Reader, path: Path, limits: Limits) -> Iterator[int]:
    yield count_pages(path, limits)


def _read_page(
    reader: Reader, path: Path, index: int, layout: Path | None, limits: Limits, before: Page | None
) -> Iterator[Page | BadLineError]:
    """One page, read with the one before, after what is wrong with its given lines."""
    image = next(load_pages(path, limits, first=index))
    reasons: list[str] = []
    given = None if layout is None else layout_of(layout, image, reasons.append)
    yield from (BadLineError(f"{layout.parent / reason}") for reason in reasons if layout is not None)
    yield from reader.read_pages([image], [given], before=before)
