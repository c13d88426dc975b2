"""Pages of many requests share batches, in order; room is bounded; what nobody waits for any more is not read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from inkread.document import Line, Page, Region
from inkread.errors import DamagedInputError
from inkread.evaluation.drift import Monitor
from inkread.formats.json import load
from inkread.server.prediction.batching import Batcher, _Waiting
from inkread.server.prediction.models import Served
from inkread.server.prediction.pages import page_routes
from inkread.server.prediction.shadow import MOST_FAILURES, Shadow
from inkread.server.prediction.tasks import Decoded, Read
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import identify_caller


class GatedPool:
    """Stands in for the readers: reads a page for each permit, notes its batches, fails on black pages."""

    def __init__(self, permits: int = 0) -> None:
        self.gate = asyncio.Semaphore(permits)
        self.batches: list[list[int]] = []

    async def run(self, _call: object, pages: Sequence[Decoded], on_item: Callable[[Read], None]) -> None:
        images = [np.load(page.path) for page in pages]
        self.batches.append([image.shape[1] for image in images])
        for image in images:
            await self.gate.acquire()
            if not image.any():
                raise RuntimeError("black")
            on_item(Read(Page(image.shape[1], image.shape[0]), {}))

    def open(self) -> None:
        for _ in range(1000):
            self.gate.release()

    @property
    def model(self) -> Served:
        return cast(Served, _Model(self))


class _Model:
    def __init__(self, pool: GatedPool) -> None:
        self.pool = pool
        self.drift = Monitor()
        self.shadow: Shadow | None = None


@pytest.fixture
def upload(tmp_path: Path) -> Callable[..., Path]:
    names: Iterator[int] = iter(range(1000))

    def make(width: int = 40, value: int = 255, pages: int = 1) -> Path:
        frames = [Image.fromarray(np.full((30, width), value, np.uint8)) for _ in range(pages)]
        path = tmp_path / f"{next(names)}.tif"
        frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
        return path

    return make


@asynccontextmanager
async def batcher(settings: Settings, **changes: Any) -> AsyncIterator[Batcher]:
    chosen = {"decoders": 1, "readers": 1, "batch_pages": 4, "queue_pages": 32} | changes
    async with Batcher(settings.model_copy(update=chosen)) as made:
        yield made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_pages_that_came_while_others_were_read_are_read_together(
    settings: Settings, upload: Callable[..., Path]
) -> None:
    async def test() -> None:
        pool = GatedPool()
        async with batcher(settings) as waiting:
            reads = [asyncio.create_task(waiting.read(upload(40 + i), pool.model, "ada")) for i in range(1)]
            await until(lambda: len(pool.batches) == 1)
            model = pool.model
            reads += [asyncio.create_task(waiting.read(upload(50 + i), model, "ada")) for i in range(6)]
            await until(lambda: len(waiting._queue) == 6)
            pool.open()
            found = await asyncio.gather(*reads)
        assert [page.width for (page,), _ in found] == [40, *range(50, 56)], "each gets its own page"
        assert pool.batches == [[40], [50, 51, 52, 53], [54, 55]], "first come, first served"

    run(test())


def test_a_page_is_answered_when_it_is_read(settings: Settings, upload: Callable[..., Path]) -> None:
    async def test() -> None:
        pool = GatedPool()
        model = pool.model
        async with batcher(settings, queue_pages=4) as waiting:
            reads = [asyncio.create_task(waiting.read(upload(40 + i), model, "ada")) for i in range(4)]
            await until(lambda: sum(map(len, pool.batches)) + len(waiting._queue) == 4)
            for number, read in enumerate(reads):  # one after another, with the queue full behind it
                pool.gate.release()
                (page,), _ = await asyncio.wait_for(read, 30)
                assert page.width == 40 + number
                assert not any(later.done() for later in reads[number + 1 :])

    run(test())


def test_a_full_queue_turns_requests_away_and_says_for_how_long(
    settings: Settings, upload: Callable[..., Path]
) -> None:
    async def test() -> None:
        pool = GatedPool()
        model = pool.model
        async with batcher(settings, queue_pages=2, batch_pages=1) as waiting:
            reads = [asyncio.create_task(waiting.read(upload(), model, "ada")) for _ in range(2)]
            await until(lambda: waiting.waiting == 2)
            with pytest.raises(ProblemError, match="2 pages wait") as caught:
                await waiting.read(upload(), model, "ada")
            assert caught.value.status == 429
            waiting._seconds = 20.0
            with pytest.raises(ProblemError) as later:
                waiting.check_room()
            assert int(later.value.headers["Retry-After"]) == 20 > int(caught.value.headers["Retry-After"])
            pool.open()
            await asyncio.gather(*reads)
            waiting._seconds = 1.0
            pages, _ = await waiting.read(upload(), model, "ada")
            assert len(pages) == 1

    run(test())


def test_what_could_not_be_begun_in_time_is_to_be_tried_again(settings: Settings, upload: Callable[..., Path]) -> None:
    async def test() -> None:
        pool = GatedPool()
        async with batcher(settings, request_seconds=3.0) as waiting:
            with pytest.raises(ProblemError, match="try again") as caught:
                await waiting.read(upload(), pool.model, "ada")
            assert caught.value.status == 429
            with pytest.raises(Exception, match="send fewer pages"):
                await waiting.read(upload(pages=4), pool.model, "ada")

    run(test())


def test_a_long_document_is_read_in_order_and_leaves_room(settings: Settings, upload: Callable[..., Path]) -> None:
    async def test() -> None:
        pool = GatedPool()
        model = pool.model
        async with batcher(settings, queue_pages=3, batch_pages=2) as waiting:
            long = asyncio.create_task(waiting.read(upload(pages=11), model, "ada"))
            await until(lambda: bool(pool.batches))
            assert waiting.waiting == 2, "a batch of it at a time"
            short = asyncio.create_task(waiting.read(upload(99), model, "bob"))
            # One page of the document is being read; its next one and the short upload are decoded and wait.
            await until(lambda: len(waiting._queue) == 2)
            pool.open()
            assert len((await long)[0]) == 11
            assert (await short)[0][0].width == 99
        assert [99] in [batch[-1:] for batch in pool.batches[:4]], "not after the last page of the document"

    run(test())


def test_every_third_batch_takes_a_page_of_a_document_while_others_wait(settings: Settings) -> None:
    async def test() -> None:
        loop, model = asyncio.get_running_loop(), GatedPool().model
        waiting = Batcher(settings.model_copy(update={"batch_pages": 1}))
        lanes = {"single": waiting._queue, "document": waiting._of_documents}
        names = {}
        for name, count in (("single", 6), ("document", 4)):
            for _ in range(count):
                item = _Waiting(cast(Decoded, None), model, loop.create_future())
                lanes[name].append(item)
                names[item] = name
        batches = [[names[item] for item in waiting._next_batch()] for _ in range(9)]
        beside, alone = ["single", "document"], ["document"]
        assert batches == [["single"], ["single"], beside, ["single"], ["single"], beside, alone, alone, []]

    run(test())


def test_a_page_that_fails_does_not_fail_those_beside_it(settings: Settings, upload: Callable[..., Path]) -> None:
    async def test() -> None:
        pool = GatedPool()
        model = pool.model
        async with batcher(settings) as waiting:
            first = asyncio.create_task(waiting.read(upload(), model, "ada"))
            await until(lambda: len(pool.batches) == 1)
            reads = [asyncio.create_task(waiting.read(upload(value=value), model, "ada")) for value in (255, 0, 255)]
            await until(lambda: len(waiting._queue) == 3)
            pool.open()
            await first
            results = await asyncio.gather(*reads, return_exceptions=True)
        assert [isinstance(result, RuntimeError) for result in results] == [False, True, False]

    run(test())


def test_pages_of_who_went_away_are_not_read_and_room_comes_back(
    settings: Settings, upload: Callable[..., Path]
) -> None:
    async def test() -> None:
        pool = GatedPool()
        model = pool.model
        async with batcher(settings, queue_pages=3, batch_pages=1) as waiting:
            for _ in range(4):
                damaged = upload()
                damaged.write_bytes(damaged.read_bytes()[:60])
                with pytest.raises(DamagedInputError):
                    await waiting.read(damaged, model, "ada")
            first = asyncio.create_task(waiting.read(upload(40), model, "ada"))
            await until(lambda: len(pool.batches) == 1)
            impatient = asyncio.create_task(waiting.read(upload(66), model, "ada"))
            await until(lambda: len(waiting._queue) == 1)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
            assert waiting.waiting == 1
            pool.open()
            await first
            pages, _ = await waiting.read(upload(77), model, "ada")
        assert [page.width for page in pages] == [77]
        assert pool.batches == [[40], [77]]

    run(test())


class ShadowPool:
    """Stands in for the shadow's reader: reads the same text but for its last letter, or fails; notes what it reads."""

    def __init__(self, *, broken: bool = False) -> None:
        self.read: list[int] = []
        self.broken = broken
        self.closed = False

    async def run(self, _call: object, pages: Sequence[Decoded], weight: int) -> Read:
        assert weight > 1, "it may take its time"
        (width,) = (np.load(page.path).shape[1] for page in pages)
        self.read.append(width)
        if self.broken:
            raise RuntimeError("its network is damaged")
        return Read(with_text(width, "Dear Sis", 0.5), {}, 2.0)

    def close(self) -> None:
        self.closed = True


def with_text(width: int, text: str, confidence: float) -> Page:
    return Page(width, 30, (Region("r", (), (Line("1", (), (), text, confidence),)),))


class WritingPool(GatedPool):
    async def run(self, _call: object, pages: Sequence[Decoded], on_item: Callable[[Read], None]) -> None:
        for page in pages:
            await self.gate.acquire()
            on_item(Read(with_text(np.load(page.path).shape[1], "Dear Sir", 0.9), {}, 1.0))


def shadowed(pool: GatedPool, reads: ShadowPool, folder: Path) -> tuple[Served, Shadow]:
    other = SimpleNamespace(pool=reads, identity="b" * 16, registered=2, languages=())
    model = cast(Any, pool.model)
    model.shadow = Shadow("a" * 16, cast(Served, other), folder, share=1.0)
    return model, model.shadow


def test_the_shadow_reads_what_was_answered_once_nobody_waits(
    settings: Settings, upload: Callable[..., Path], tmp_path: Path
) -> None:
    async def test() -> None:
        pool, reads = WritingPool(), ShadowPool()
        model, shadow = shadowed(pool, reads, tmp_path / "shadow")
        async with batcher(settings, batch_pages=1) as waiting:
            first = asyncio.create_task(waiting.read(upload(41), model, "ada"))
            second = asyncio.create_task(waiting.read(upload(42), model, "ada"))
            pool.gate.release()
            done, _ = await asyncio.wait({first, second}, return_when=asyncio.FIRST_COMPLETED)
            ((answer,), _) = done.pop().result()
            assert answer.text == "Dear Sir", "answered by the champion"
            for _ in range(20):
                await asyncio.sleep(0)
            assert reads.read == [], "another request waits"
            pool.gate.release()
            await asyncio.gather(first, second)
            await until(lambda: len(reads.read) == 2)
            kept = Path(waiting._shadow_folder.name)
            await until(lambda: not list(kept.iterdir()))
        assert not kept.exists()
        (tally,) = shadow.tallies().values()
        assert (tally.pages, tally.differing, tally.edits, tally.characters) == (2, 2, 2, 16)
        assert (tally.confidence, tally.other_confidence) == (1.8, 1.0)
        assert (tally.seconds, tally.other_seconds) == (2.0, 4.0)
        (file,) = (tmp_path / "shadow").rglob("*.json")
        assert "Dear" not in file.read_text(encoding="utf-8"), "figures, and nothing of what was read"

    run(test())


def test_a_broken_shadow_is_given_up_and_nobody_notices(
    settings: Settings, upload: Callable[..., Path], tmp_path: Path
) -> None:
    async def test() -> None:
        pool, reads = WritingPool(), ShadowPool(broken=True)
        pool.open()
        model, shadow = shadowed(pool, reads, tmp_path / "shadow")
        async with batcher(settings) as waiting:
            for number in range(MOST_FAILURES + 2):
                ((page,), _) = await waiting.read(upload(50 + number), model, "ada")
                assert page.text == "Dear Sir"
                await until(lambda: len(reads.read) == min(number + 1, MOST_FAILURES))  # noqa: B023
            await until(lambda: reads.closed)
        assert "its network is damaged" in shadow.problem
        (tally,) = shadow.tallies().values()
        assert (tally.failed, tally.pages) == (MOST_FAILURES, 0)

    run(test())


def test_a_page_of_a_document_that_shows_a_drift_says_in_what(settings: Settings, upload: Callable[..., Path]) -> None:
    async def test() -> None:
        pool = WritingPool()
        pool.open()
        model = cast(Any, pool.model)
        model.drift = SimpleNamespace(add=lambda _figures: ["slant"])
        async with batcher(settings) as waiting:
            assert (await waiting.read_kept(upload(), model)).unusual == ("slant",)

    run(test())

    read = Read(with_text(40, "Dear Sir", 0.9), {}, unusual=("slant", "language_de"))
    app = FastAPI()
    app.dependency_overrides[identify_caller] = lambda: None
    app.include_router(page_routes(cast(Batcher, Reads(read)), lambda: cast(Served, SimpleNamespace(provenance=None))))
    answer = TestClient(app).post("/pages/read", files={"file": b"a picture"}).json()
    assert load(answer["document"].encode()).pages[0].flags == ("unusual slant", "unusual language_de")


class Reads:
    """A batcher that has read a page."""

    def __init__(self, read: Read) -> None:
        self.read = read

    async def read_kept(self, _path: Path, _served: Served) -> Read:
        return self.read
