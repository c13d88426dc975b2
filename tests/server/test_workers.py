"""No file stops the service: workers that exceed their bounds are replaced, and only the page at fault fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from inkread.errors import InputError, InputTooLargeError
from inkread.io.images import DEFAULT_LIMITS
from inkread.server.prediction import tasks
from inkread.server.prediction.workers import Pool, PoolClosedError, no_state
from inkread.worker_process import Bounds, WorkerFailedError, WorkerLostError

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limits")


def operators_pdf(megabytes: int = 216) -> bytes:
    """A small PDF whose page draws the same line for many minutes."""
    packer = zlib.compressobj(9)
    line = b"0 0 m 100 100 l S\n" * 50_000
    content = b"".join(packer.compress(line) for _ in range(megabytes * 10**6 // len(line))) + packer.flush()
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(content), content),
    )
    body = b"%PDF-1.4\n"
    places = []
    for number, entry in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, entry)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def spin(_state: object) -> Iterator[int]:
    yield 1
    while True:
        pass


def wait(_state: object) -> Iterator[int]:
    threading.Event().wait()
    yield 1


def devour(_state: object) -> Iterator[int]:
    kept = np.empty(2**31, np.uint8)
    yield len(kept)


def crash(_state: object) -> Iterator[int]:
    os.kill(os.getpid(), signal.SIGSEGV)
    yield 1


def raises(_state: object, error: Exception) -> Iterator[int]:
    if error:
        raise error
    yield 1


def pid(_state: object) -> Iterator[int]:
    yield os.getpid()


def broken() -> None:
    raise InputError("cannot be prepared")


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool("decoder", 1, no_state, Bounds(seconds=1.5, mib=512))
    made.start()
    yield made
    made.close()


@linux_only
@pytest.mark.parametrize(
    ("call", "reason"),
    [(spin, "more than 1.5 seconds"), (wait, "more than 1.5 seconds"), (devour, "512 MiB"), (crash, "512 MiB")],
)
def test_a_call_that_exceeds_its_bounds_ends_its_worker_only(pool: Pool, call: object, reason: str) -> None:
    before = pool.call(pid)
    with pytest.raises(WorkerLostError, match=reason):
        pool.call(call)  # type: ignore[arg-type]
    after = pool.call(pid)
    assert after != before
    assert not psutil.pid_exists(before)
    assert pool.working


def test_errors_of_ours_come_as_they_are_and_the_worker_goes_on(pool: Pool) -> None:
    before = pool.call(pid)
    with pytest.raises(InputTooLargeError, match="too large"):
        pool.call(raises, InputTooLargeError("too large"))
    with pytest.raises(WorkerFailedError, match="KeyError"):
        pool.call(raises, KeyError("x"))
    assert pool.call(pid) == before


def test_a_call_that_cannot_be_sent_leaves_the_pool_working(pool: Pool) -> None:
    with pytest.raises(Exception, match="pickle"):
        pool.call(raises, lambda: None)
    assert pool.call(pid)


@linux_only
def test_a_closed_pool_keeps_nobody_waiting() -> None:
    made = Pool("decoder", 1, no_state, Bounds(seconds=60, mib=512))
    made.start()
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(made.call, wait) for _ in range(2)]
        made.close()
        for call in calls:
            with pytest.raises(PoolClosedError, match="stopping, try again"):
                call.result(30)
    assert not made.working


def test_what_cannot_be_prepared_is_said_and_leaves_nothing() -> None:
    made = Pool("decoder", 2, broken, Bounds(1, 512))
    with pytest.raises(InputError, match="cannot be prepared"):
        made.start()
    assert not made.working


@linux_only
def test_pdfs_that_draw_for_ever_fail_and_hold_up_nobody(tmp_path: Path) -> None:
    bad, good = tmp_path / "operators.pdf", tmp_path / "good.pdf"
    bad.write_bytes(operators_pdf())
    Image.new("L", (400, 300), 200).save(good)
    made = Pool("decoder", 2, no_state, Bounds(seconds=5, mib=1024))
    made.start()

    async def both() -> float:
        hard = asyncio.create_task(made.run(tasks.decode, bad, 0, DEFAULT_LIMITS, tmp_path / "bad.npy", False))
        begun = time.monotonic()
        for number in range(3):
            read = await made.run(tasks.decode, good, 0, DEFAULT_LIMITS, tmp_path / f"{number}.npy", False)
            assert np.load(read.path).mean() > 150
        spent = time.monotonic() - begun
        assert not hard.done(), "the good pages were rendered while the bad one was"
        with pytest.raises(WorkerLostError, match="make it smaller or simpler"):
            await hard
        again = await made.run(tasks.decode, good, 0, DEFAULT_LIMITS, tmp_path / "again.npy", True)
        assert again.preview.startswith("data:image/jpeg;base64,")
        return spent

    try:
        asyncio.run(both())
    finally:
        made.close()


def test_a_page_of_a_request_that_has_ended_is_no_error(tmp_path: Path, letter: bytes) -> None:
    (tmp_path / "letter.png").write_bytes(letter)
    gone = tmp_path / "gone" / "0.npy"
    assert list(tasks.decode(None, tmp_path / "letter.png", 0, DEFAULT_LIMITS, gone, False)) == []


def test_large_pictures_are_decoded_a_few_at_a_time(tmp_path: Path) -> None:
    body = BytesIO()
    Image.new("1", (8900, 8900), 1).save(body, "PNG")
    path = tmp_path / "large.png"
    path.write_bytes(body.getvalue())
    made = Pool("decoder", 2, no_state, Bounds(seconds=60, mib=2048))
    made.start()

    async def many() -> None:
        await asyncio.gather(
            *(made.run(tasks.decode, path, 0, DEFAULT_LIMITS, tmp_path / f"{i}.npy", False) for i in range(6))
        )

    before = psutil.Process().memory_info().rss
    try:
        asyncio.run(many())
    finally:
        made.close()
    assert psutil.Process().memory_info().rss - before < 50 * 2**20, "no pixel comes into the service"
    assert np.load(tmp_path / "5.npy", mmap_mode="r").shape == (4450, 4450), "read at half its resolution"


@pytest.mark.skipif(sys.platform == "win32", reason="uses kill -9")
def test_workers_end_with_a_service_that_is_killed() -> None:
    code = (
        "from inkread.server.prediction.workers import Pool, no_state\n"
        "from inkread.worker_process import Bounds\nfrom tests.server.test_workers import pid\nimport threading\n"
        "pool = Pool('decoder', 2, no_state, Bounds(60, 512)); pool.start(); print(pool.call(pid), flush=True)\n"
        "print(pool.call(pid), flush=True); threading.Event().wait()"
    )
    service = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    workers = [psutil.Process(int(service.stdout.readline())) for _ in range(2)]
    service.kill()
    service.wait()
    service.stdout.close()
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
