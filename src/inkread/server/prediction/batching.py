"""Uploads in a queue: decoded and read by worker processes, first come first served, pages of many requests together.

Usage: ``async with Batcher(settings) as batcher: pages = await batcher.read(path, served, "ada", pictures=0)``

A page that waits is read with those that came meanwhile, so nobody waits for a batch to fill. A request that finds no
room, or whose pages could not be read in time, is answered with 429 and how long to wait. A request that ends takes
its pages out of the queue.

Pages of kept documents wait in a lane of their own: while others wait, every third batch takes one of them. So neither
lane shuts out the other, and people who wait for an answer hardly notice a long document.

While nobody waits, pages that were answered are read again by the shadow, see `inkread.server.prediction.shadow`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from inkread.document import Document, Page
from inkread.errors import InputTooLargeError, TemplateError
from inkread.server.answers import Answer
from inkread.server.metrics import (
    BATCH_LINES,
    BATCH_PAGES,
    BATCH_SECONDS,
    CHARACTERS,
    LINE_CONFIDENCE,
    LINES,
    PAGES,
    QUEUE_CAPACITY,
    QUEUE_PAGES,
    REQUESTS_REJECTED,
)
from inkread.server.prediction import form_tasks, tasks
from inkread.server.prediction.form_tasks import SheetRead
from inkread.server.prediction.models import Served, document_limits, upload_limits
from inkread.server.prediction.shadow import Waiting as ForShadow
from inkread.server.prediction.shadow import keep
from inkread.server.prediction.tasks import Decoded, Picture
from inkread.server.prediction.workers import Pool, no_state
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.worker_process import Bounds, WorkerLostError

FIRST_GUESS = 1.0
"""Seconds that a page is expected to take before any was read."""
DOCUMENT_TURN = 3
"""Of so many batches of pages that somebody waits for, one takes a page of a document too."""
SHEET_WEIGHT = 4
"""How many times the bound of a page a sheet of a form may take: its templates may have to be prepared first."""
MEMORY = 0.7
"""Weight of what was known of the pace before the last batch."""
SHADOW_PAGES = 8
"""That wait to be read by the shadow; their grey values lie on the disk."""


DOCUMENTS = "documents of all users"
"""Who asks for a document's pages: no user has such a name, and all of them together leave a decoder for others."""


Templates = Sequence[tuple[str, Path]]
"""Digest and folder of each template that a sheet may be."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A page that waits for its reading, or a sheet of a form where it has templates."""

    decoded: Decoded
    served: Served
    read: asyncio.Future[Any]
    templates: Templates | None = None


@dataclass(slots=True, eq=False)
class _Request:
    """What a request holds: places in the queue for its pages, at most a batch of them at a time."""

    left: int = 1
    started: bool = False


class Batcher:
    """Reads uploads with pools of workers: its own for decoding, the served model's for reading.

    Args:
        settings: sizes of the queue, the batches and the pools; bounds of pages and requests.
    """

    def __init__(self, settings: Settings) -> None:
        self.limits = upload_limits(settings)
        self._kept_limits = document_limits(settings)
        self._settings = settings
        self._decoders = Pool(
            "decoder", settings.decoders, no_state, Bounds(settings.decode_seconds, settings.decode_mib)
        )
        self._queue: deque[_Waiting] = deque()
        self._of_documents: deque[_Waiting] = deque()
        self._batches = 0
        self._reading = 0
        self._for_shadow: deque[ForShadow] = deque()
        self._rest = asyncio.Event()
        self._arrived = asyncio.Event()
        self._on_disk = asyncio.Semaphore(settings.readers * 2 * settings.batch_pages)
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._requests: list[_Request] = []
        self._seconds = FIRST_GUESS
        self._dispatchers: list[asyncio.Task[None]] = []
        QUEUE_CAPACITY.set(settings.queue_pages)

    async def __aenter__(self) -> Batcher:
        """Start the decoders and what hands pages to the readers."""
        await asyncio.to_thread(self._decoders.start)
        self._shadow_folder = await asyncio.to_thread(TemporaryDirectory, prefix="inkread-shadow-")
        self._dispatchers = [asyncio.create_task(self._dispatch()) for _ in range(self._settings.readers)]
        self._dispatchers.append(asyncio.create_task(self._read_in_shadow()))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them."""
        for dispatcher in self._dispatchers:
            dispatcher.cancel()
        for dispatcher in self._dispatchers:
            with suppress(asyncio.CancelledError):
                await dispatcher
        await asyncio.to_thread(self._decoders.close)
        await asyncio.to_thread(self._shadow_folder.cleanup)

    @property
    def working(self) -> bool:
        """Whether anything can be decoded."""
        return self._decoders.working

    @property
    def waiting(self) -> int:
        """Pages that wait or are read: at most a batch of each request, so that a long document shuts nobody out."""
        return sum(min(request.left, self._settings.batch_pages) for request in self._requests)

    def check_room(self) -> None:
        """Raise ProblemError 429 where the queue is full or what waits takes half the time of a request to read."""
        expected = self.waiting * self._seconds
        if self.waiting >= self._settings.queue_pages or expected > self._settings.request_seconds / 2:
            raise self._busy()

    def _busy(self) -> ProblemError:
        REQUESTS_REJECTED.labels("queue_full").inc()
        seconds = min(max(math.ceil(self.waiting * self._seconds / 2), 1), 60)
        detail = f"{self.waiting} pages wait to be read, try again in {seconds} seconds"
        return ProblemError(429, "Queue Full", detail, {"Retry-After": str(seconds)})

    async def read(
        self, path: Path, served: Served, user: str, pictures: int = 0, language: str | None = None
    ) -> tuple[tuple[Page, ...], list[str]]:
        """Read all pages of a file.

        Args:
            path: the upload.
            served: the model to read with.
            user: who asks; one user's uploads leave a decoder for others.
            pictures: how many pages to make a picture of, as data URLs.
            language: of the pages, one of those of the model; None for any.

        Returns:
            The pages in order, and the pictures of the first of them.

        Raises:
            InputError: it cannot be read.
            ProblemError: 429 where the queue is full, 504 where reading takes too long.
        """
        self.check_room()
        with self._place() as request, TemporaryDirectory(prefix="inkread-pages-") as folder:
            try:
                async with asyncio.timeout(self._settings.request_seconds):
                    found = await self._read(path, served, user, pictures, language, request, Path(folder))
            except TimeoutError:
                if not request.started:
                    raise self._busy() from None
                REQUESTS_REJECTED.labels("timed_out").inc()
                detail = f"reading took longer than {self._settings.request_seconds:g} seconds, send fewer pages"
                raise ProblemError(504, "Timed Out", detail) from None
        return tuple(page for page, _ in found), [decoded.preview for _, decoded in found[:pictures]]

    @contextmanager
    def _place(self) -> Iterator[_Request]:
        request = _Request()
        self._requests.append(request)
        self._look_for_rest()
        QUEUE_PAGES.set(self.waiting)
        try:
            yield request
        finally:
            self._requests.remove(request)
            self._look_for_rest()
            QUEUE_PAGES.set(self.waiting)

    async def _read(
        self,
        path: Path,
        served: Served,
        user: str,
        pictures: int,
        language: str | None,
        request: _Request,
        folder: Path,
    ) -> list[tuple[Page, Decoded]]:
        async with self._turn(user):
            request.left = int(await self._decoders.run(tasks.count, path, self.limits))
        expected = request.left * self._seconds
        if expected > self._settings.request_seconds:
            raise InputTooLargeError(
                f"its {request.left} pages would take about {expected:.0f} seconds to read, and a request may take "
                f"{self._settings.request_seconds:g}; send fewer pages at a time"
            )
        window = asyncio.Semaphore(self._settings.batch_pages)

        async def one(index: int) -> tuple[Page, Decoded]:
            async with window, self._on_disk:
                target = folder / f"{index}.npy"
                try:
                    decoded = await self._decode(path, index, target, user, with_preview=index < pictures)
                    page = (await self._queued(replace(decoded, language=language), served)).page
                    request.started = True
                except WorkerLostError as error:
                    raise WorkerLostError(f"page {index + 1}: {error}") from None
                finally:
                    target.unlink(missing_ok=True)
                request.left -= 1
                QUEUE_PAGES.set(self.waiting)
                return page, decoded

        running = [asyncio.create_task(one(index)) for index in range(request.left)]
        try:
            return list(await asyncio.gather(*running))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _turn(self, user: str) -> asyncio.Semaphore:
        return self._turns.setdefault(user, asyncio.Semaphore(max(self._settings.decoders - 1, 1)))

    async def _decode(self, path: Path, index: int, target: Path, user: str, *, with_preview: bool) -> Decoded:
        async with self._turn(user):
            decoded: Decoded = await self._decoders.run(tasks.decode, path, index, self.limits, target, with_preview)
        return decoded

    async def _queued(self, decoded: Decoded, served: Served, *, of_document: bool = False) -> tasks.Read:
        item = _Waiting(decoded, served, asyncio.get_running_loop().create_future())
        (self._of_documents if of_document else self._queue).append(item)
        self._arrived.set()
        self._look_for_rest()
        read: tasks.Read = await item.read  # where it is cancelled, the dispatchers pass over it
        return read

    async def read_sheet(self, path: Path, templates: Templates, served: Served) -> SheetRead:
        """Read a sheet of a batch of forms, in the lane of documents.

        Raises:
            InputError: it cannot be read.
        """
        with TemporaryDirectory(prefix="inkread-pages-") as folder:
            decoded = await self._decode(path, 0, Path(folder) / "0.npy", DOCUMENTS, with_preview=False)
            item = _Waiting(decoded, served, asyncio.get_running_loop().create_future(), templates)
            self._of_documents.append(item)
            self._arrived.set()
            sheet: SheetRead = await item.read
            return sheet

    async def propose(self, path: Path, name: str, served: Served) -> form_tasks.Proposed:
        """A template of an empty form, or of a zip that holds one.

        Raises:
            InputError: it cannot be read.
            TemplateError: the zip holds no template.
        """
        made: form_tasks.Proposed = await served.pool.run(form_tasks.propose, path, name, weight=SHEET_WEIGHT)
        return made

    async def check_template(self, content: dict[str, Any]) -> None:
        """Raise TemplateError where the expressions of a template are wrong or too large."""
        try:
            await self._decoders.run(form_tasks.check, content)
        except WorkerLostError:
            raise TemplateError("an expression of the template is too large to be searched, bound it") from None

    async def read_kept(self, path: Path, served: Served, layout: Page | None = None) -> tasks.Read:
        """Read the page that a document keeps; with its lines given at once, else in the lane of documents.

        Raises:
            InputError: it cannot be read.
        """
        with TemporaryDirectory(prefix="inkread-pages-") as folder:
            decoded = await self._decode(path, 0, Path(folder) / "0.npy", DOCUMENTS, with_preview=False)
            return await self._queued(replace(decoded, layout=layout), served, of_document=layout is None)

    async def count(self, path: Path) -> int:
        """The pages of a file of a document."""
        async with self._turn(DOCUMENTS):
            return int(await self._decoders.run(tasks.count, path, self._kept_limits))

    async def picture(self, path: Path, index: int = 0, turned: int = 0) -> Picture:
        """A page of a document's file as a picture to keep, turned clockwise by so many degrees."""
        async with self._turn(DOCUMENTS):
            made: Picture = await self._decoders.run(tasks.picture, path, index, self._kept_limits, turned)
        return made

    async def smaller(self, path: Path, width: int) -> bytes:
        """A kept picture as a JPEG that is at most so wide."""
        made: bytes = await self._decoders.run(tasks.smaller, path, width, self._kept_limits)
        return made

    async def write(self, paths: Sequence[Path], document: Document | str, format: str) -> Answer:
        """Write a document, given as such or as JSON, in a worker; the PDF takes the pictures of the files' pages.

        Raises:
            InputError: the document or a file cannot be read.
        """
        pages = 1
        if format == "pdf":
            pages = sum([int(await self._decoders.run(tasks.count, path, self.limits)) for path in paths])
        written: Answer = await self._decoders.run(tasks.write, document, paths, format, self.limits, weight=pages)
        return written

    async def _dispatch(self) -> None:
        """Hand to one reader at a time what waits."""
        while True:
            batch = self._next_batch()
            if not batch:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            self._reading += 1
            try:
                await self._read_batch(batch)
            finally:
                self._reading -= 1
                self._look_for_rest()

    def _next_batch(self) -> list[_Waiting]:
        """The pages that came first and are still wanted, for one model; one of a document comes last, in its turn."""
        batch: list[_Waiting] = []
        _move(self._queue, batch, self._settings.batch_pages)
        self._batches += 1
        if not batch or self._batches % DOCUMENT_TURN == 0:
            _move(self._of_documents, batch, len(batch) + 1)
        return batch

    async def _read_batch(self, batch: list[_Waiting]) -> None:
        """Read pages together, and sheets of forms after them."""
        if pages := [item for item in batch if item.templates is None]:
            await self._read_pages(pages)
        for item in batch:
            if item.templates is not None:
                await self._read_sheet(item, item.templates)

    async def _read_sheet(self, item: _Waiting, templates: Templates) -> None:
        try:
            found = await item.served.pool.run(form_tasks.read_sheet, item.decoded, templates, weight=SHEET_WEIGHT)
        except Exception as error:  # whatever it is, the sheet must not wait for ever
            if not item.read.done():
                item.read.set_exception(error)
            return
        if not item.read.done():
            item.read.set_result(found)

    async def _read_pages(self, batch: list[_Waiting]) -> None:
        """Read pages together; where that ends the worker, one by one, so that only the one at fault fails."""
        begun = time.perf_counter()
        pages: list[Page] = []

        def arrived(read: tasks.Read) -> None:
            page, item = read.page, batch[len(pages)]
            pages.append(page)
            _count(page)
            read = replace(read, unusual=tuple(item.served.drift.add(read.figures)))
            self._offer(item, read)
            if not item.read.done():
                item.read.set_result(read)

        try:
            await batch[0].served.pool.run(tasks.read, [item.decoded for item in batch], on_item=arrived)
        except Exception as error:  # whatever it is, the pages must not wait for ever
            rest = [item for item in batch if not item.read.done()]
            if len(batch) > 1:
                for item in rest:
                    await self._read_pages([item])
            elif rest:
                rest[0].read.set_exception(error)
            return
        seconds = time.perf_counter() - begun
        pace = seconds / len(batch) / self._settings.readers
        self._seconds = MEMORY * self._seconds + (1 - MEMORY) * pace
        BATCH_SECONDS.observe(seconds)
        BATCH_PAGES.observe(len(pages))
        BATCH_LINES.observe(sum(len(page.lines) for page in pages))

    def _offer(self, item: _Waiting, read: tasks.Read) -> None:
        """Keep the page for the shadow if it wants it; of too many, the oldest goes."""
        shadow = item.served.shadow
        if shadow is None or not shadow.chooses(item.decoded):
            return
        decoded = keep(item.decoded, Path(self._shadow_folder.name))
        if decoded is None:
            shadow.skipped()
            return
        self._for_shadow.append(ForShadow(shadow, read, decoded))
        if len(self._for_shadow) > SHADOW_PAGES:
            oldest = self._for_shadow.popleft()
            oldest.decoded.path.unlink(missing_ok=True)
            oldest.shadow.skipped()

    def _look_for_rest(self) -> None:
        """Note whether a page waits for the shadow and nobody waits for anything else."""
        if self._for_shadow and not (self._requests or self._queue or self._of_documents or self._reading):
            self._rest.set()
        else:
            self._rest.clear()

    async def _read_in_shadow(self) -> None:
        while True:
            await self._rest.wait()
            item = self._for_shadow.popleft()
            self._look_for_rest()
            try:
                await item.shadow.read(item)
            finally:
                item.decoded.path.unlink(missing_ok=True)


def _move(queue: deque[_Waiting], batch: list[_Waiting], most: int) -> None:
    while queue and len(batch) < most:
        item = queue.popleft()
        if item.read.done():
            continue
        if batch and item.served is not batch[0].served:
            queue.appendleft(item)
            return
        batch.append(item)


def _count(page: Page) -> None:
    PAGES.inc()
    LINES.inc(len(page.lines))
    for line in page.lines:
        CHARACTERS.inc(len(line.text))
        LINE_CONFIDENCE.observe(line.confidence or 0.0)
