"""Pages of many requests, read together.

Usage: ``pages = await Batcher(capacity=64, batch_pages=8).read(data, served, limits)``

While a batch is read in a thread, pages of other requests gather and make the next one, so nobody waits for company.
Three bounds keep memory flat: pages that wait (a request that finds no room is turned away), pages that are decoded,
pages in a batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from inkread.document import Page
from inkread.io.images import Limits, PageImage
from inkread.io.inputs import load_pages
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
from inkread.server.prediction.models import Served
from inkread.server.problems import ProblemError

RETRY_SECONDS = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    image: PageImage
    served: Served
    page: asyncio.Future[Page]


class Batcher:
    """Reads pages in one worker.

    Args:
        capacity: pages that may wait or be read at a time.
        batch_pages: pages that are read together at most.
    """

    def __init__(self, capacity: int, batch_pages: int) -> None:
        self._batch_pages = batch_pages
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._room = asyncio.Semaphore(capacity)
        self._decoded = asyncio.Semaphore(2 * batch_pages)
        self._worker: asyncio.Task[None] | None = None
        QUEUE_CAPACITY.set(capacity)

    async def __aenter__(self) -> Batcher:
        """Start the worker."""
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it, after the batch that is being read."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker

    def check_room(self) -> None:
        """Raise ProblemError 429 where the queue is full."""
        if self._room.locked():
            REQUESTS_REJECTED.labels("queue_full").inc()
            detail = f"more pages wait than can be read, try again in {RETRY_SECONDS} seconds"
            raise ProblemError(429, "Queue Full", detail, {"Retry-After": str(RETRY_SECONDS)})

    async def read(self, data: bytes, served: Served, limits: Limits) -> tuple[Page, ...]:
        """Read all pages of a file.

        Raises:
            InputError: it cannot be read.
            ProblemError: 429 where the queue is full.
        """
        self.check_room()
        images = load_pages(data, limits)
        waiting: list[asyncio.Future[Page]] = []
        try:
            while (page := await self._submit(images, served)) is not None:
                waiting.append(page)
            return tuple(await asyncio.gather(*waiting))
        finally:
            for page in waiting:
                page.cancel()

    async def _submit(self, images: Iterator[PageImage], served: Served) -> asyncio.Future[Page] | None:
        """Decode the next page and queue it; None after the last."""
        await self._room.acquire()
        QUEUE_PAGES.inc()
        try:
            await self._decoded.acquire()
        except BaseException:
            self._leave(decoded=False)
            raise
        try:
            image = await asyncio.to_thread(next, images, None)
        except BaseException:
            self._leave()
            raise
        if image is None:
            self._leave()
            return None
        page: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        page.add_done_callback(lambda _: self._leave())
        self._queue.put_nowait(_Waiting(image, served, page))
        return page

    def _leave(self, *, decoded: bool = True) -> None:
        QUEUE_PAGES.dec()
        self._room.release()
        if decoded:
            self._decoded.release()

    async def _work(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < self._batch_pages and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            wanted = [item for item in batch if not item.page.done()]
            for served in dict.fromkeys(item.served for item in wanted):
                await self._read([item for item in wanted if item.served is served])

    async def _read(self, batch: Sequence[_Waiting]) -> None:
        begun = time.perf_counter()
        try:
            pages = await asyncio.to_thread(_read_pages, batch)
        except Exception as error:
            if len(batch) > 1:
                for item in batch:
                    await self._read([item])
                return
            structlog.get_logger().error("page_failed", exc_info=error)
            if not batch[0].page.done():
                batch[0].page.set_exception(error)
            return
        BATCH_SECONDS.observe(time.perf_counter() - begun)
        BATCH_PAGES.observe(len(pages))
        BATCH_LINES.observe(sum(len(page.lines) for page in pages))
        for item, page in zip(batch, pages, strict=True):
            _count(page)
            if not item.page.done():
                item.page.set_result(page)


def _read_pages(batch: Sequence[_Waiting]) -> list[Page]:
    return list(batch[0].served.reader.read_pages([item.image for item in batch]))


def _count(page: Page) -> None:
    PAGES.inc()
    LINES.inc(len(page.lines))
    for line in page.lines:
        CHARACTERS.inc(len(line.text))
        LINE_CONFIDENCE.observe(line.confidence or 0.0)
