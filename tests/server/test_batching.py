"""Pages of many requests share batches; room is bounded; one bad page hurts nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import cast

import numpy as np
import pytest
from PIL import Image

from inkread.document import Page
from inkread.errors import DamagedInputError
from inkread.io.images import DEFAULT_LIMITS, PageImage
from inkread.reader import Reader
from inkread.server.prediction.batching import Batcher
from inkread.server.prediction.models import Served
from inkread.server.problems import ProblemError


class GatedReader:
    """Stands in for the reader: reads when the gate is open, notes its batches, chokes on black pages."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.taken = 0
        self.batches: list[int] = []

    def read_pages(self, images: Iterable[PageImage]) -> Iterator[Page]:
        chosen = list(images)
        self.taken += len(chosen)
        assert self.gate.wait(20)
        self.batches.append(len(chosen))
        for image in chosen:
            if not image.pixels.any():
                raise RuntimeError("black")
            yield Page(image.width, image.height)


def served(reader: GatedReader) -> Served:
    return Served(cast(Reader, reader), None)


def picture(width: int = 40, value: int = 255, pages: int = 1) -> bytes:
    frames = [Image.fromarray(np.full((30, width), value, np.uint8)) for _ in range(pages)]
    body = BytesIO()
    frames[0].save(body, "TIFF", save_all=True, append_images=frames[1:])
    return body.getvalue()


def test_pages_that_came_while_a_batch_was_read_are_read_together() -> None:
    async def run() -> list[int]:
        reader = GatedReader()
        async with Batcher(capacity=32, batch_pages=4) as batcher:
            model = served(reader)
            tasks = [asyncio.create_task(batcher.read(picture(40 + i), model, DEFAULT_LIMITS)) for i in range(9)]
            while reader.taken + batcher._queue.qsize() < 8:  # two batches may be decoded
                await asyncio.sleep(0.001)
            reader.gate.set()
            pages = await asyncio.gather(*tasks)
        assert [page.width for (page,) in pages] == [40 + i for i in range(9)], "each gets its own page"
        return reader.batches

    batches = asyncio.run(run())
    assert sum(batches) == 9
    assert max(batches) == 4


def test_a_full_queue_turns_requests_away_and_then_takes_them_again() -> None:
    async def run() -> None:
        reader = GatedReader()
        model = served(reader)
        async with Batcher(capacity=2, batch_pages=1) as batcher:
            tasks = [asyncio.create_task(batcher.read(picture(), model, DEFAULT_LIMITS)) for _ in range(2)]
            while not batcher._room.locked():
                await asyncio.sleep(0.001)
            with pytest.raises(ProblemError) as caught:
                await batcher.read(picture(), model, DEFAULT_LIMITS)
            assert caught.value.status == 429
            assert int(caught.value.headers["Retry-After"]) > 0
            reader.gate.set()
            await asyncio.gather(*tasks)
            assert len(await batcher.read(picture(), model, DEFAULT_LIMITS)) == 1

    asyncio.run(run())


def test_a_file_with_more_pages_than_room_is_read_in_order() -> None:
    async def run() -> None:
        reader = GatedReader()
        reader.gate.set()
        async with Batcher(capacity=3, batch_pages=2) as batcher:
            assert len(await batcher.read(picture(pages=11), served(reader), DEFAULT_LIMITS)) == 11

    asyncio.run(run())


def test_a_page_that_fails_does_not_fail_those_beside_it() -> None:
    async def run() -> None:
        reader = GatedReader()
        model = served(reader)
        async with Batcher(capacity=8, batch_pages=8) as batcher:
            tasks = [
                asyncio.create_task(batcher.read(picture(value=value), model, DEFAULT_LIMITS))
                for value in (255, 0, 255)
            ]
            while reader.taken + batcher._queue.qsize() < 3:
                await asyncio.sleep(0.001)
            reader.gate.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]

    asyncio.run(run())


def test_room_comes_back_from_what_cannot_be_read_and_from_who_goes_away() -> None:
    async def run() -> None:
        reader = GatedReader()
        model = served(reader)
        async with Batcher(capacity=2, batch_pages=1) as batcher:
            for _ in range(4):
                with pytest.raises(DamagedInputError):
                    await batcher.read(picture()[:60], model, DEFAULT_LIMITS)
            impatient = asyncio.create_task(batcher.read(picture(pages=2), model, DEFAULT_LIMITS))
            while not batcher._room.locked():
                await asyncio.sleep(0.001)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            reader.gate.set()
            assert len(await batcher.read(picture(), model, DEFAULT_LIMITS)) == 1

    asyncio.run(run())
