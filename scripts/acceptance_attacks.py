"""What one account once did to the whole platform, tried on a stack: see the table in ``docs/acceptance.md``.

Usage: ``check_bombs(stack, report)``
"""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

import httpx2
import psutil
from PIL import Image

from scripts.acceptance_stack import ADMIN, ROOT, USER, Readers, Report, Stack, encoded, strip
from tests.server.test_workers import operators_pdf

PICTURES = 12
BOMB_SIDE = 8900
"""Of a picture that is just small enough."""
GATEWAY_MIB = 600
"""Most memory of the gateway while its clients send large pictures."""
CROWDS = (16, 64)
CROWD_SECONDS = 45.0
AS_FAST = 0.8
"""Throughput of the larger crowd in terms of the smaller one's; they run one after the other on a busy machine."""
GIVEN_UP = 6
NEXT_PAGE = 15.0
"""Seconds until a page is read that comes after long files whose clients have gone."""
METHODS = 1500


@contextmanager
def most_memory(process: psutil.Process) -> Iterator[list[float]]:
    """The most memory that a process takes during the block, in MiB."""
    most, stop = [0.0], threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            with suppress(psutil.Error):
                most[0] = max(most[0], process.memory_info().rss / 2**20)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        stop.set()
        looking.join()


def check_bombs(stack: Stack, report: Report) -> None:
    """Files that draw for ever, and large pictures, harm nobody but who sends them."""
    scan = encoded(strip(), "PDF")

    def predict(body: bytes) -> tuple[int, str]:
        answer = stack.client.post("/predict?format=txt", files={"file": ("x.pdf", body)}, auth=USER)
        return answer.status_code, answer.text

    with ThreadPoolExecutor(2) as pool:
        bombs = [pool.submit(predict, operators_pdf()) for _ in range(2)]
        beside = [predict(scan)[0] for _ in range(3)]
        ends = [bomb.result() for bomb in bombs]
    after = predict(scan)[0]
    report.add(
        "two PDFs of five million operators",
        "413 with the reason",
        sorted({f"{status} {text[-90:]}" for status, text in ends}),
        all(status == 413 and "it needs more than" in text for status, text in ends),
    )
    report.add("PDFs of others beside and after them", "200", [*beside, after], [*beside, after] == [200] * 4)

    picture = encoded(Image.new("L", (BOMB_SIDE, BOMB_SIDE)))

    def read(_number: int) -> int:
        try:
            return stack.client.post("/read", files={"file": ("x.png", picture)}, auth=USER, timeout=300).status_code
        except httpx2.TransportError:
            return 0

    with most_memory(stack.child("gateway")) as most, ThreadPoolExecutor(PICTURES) as pool:
        statuses = sorted(pool.map(read, range(PICTURES)))
    report.add(
        f"the gateway while {PICTURES} pictures of {BOMB_SIDE} x {BOMB_SIDE} are read",
        f"below {GATEWAY_MIB} MiB, 200 or 429",
        f"{most[0]:.0f} MiB, {statuses}",
        most[0] < GATEWAY_MIB and set(statuses) <= {200, 429},
    )


def is_past(moment: float) -> bool:
    """Whether it is past, on the clock of `time.monotonic`."""
    return time.monotonic() > moment


def check_crowd(stack: Stack, report: Report) -> None:
    """Many clients with whole pages are all answered, and work that nobody waits for is dropped."""
    url = str(stack.client.base_url)
    page = Image.open(ROOT / "examples" / "letter.png").convert("L")
    pace = []
    for clients in CROWDS:
        begun = time.monotonic()
        with Readers(url, clients, page) as readers:
            stack.wait_for(partial(is_past, begun + CROWD_SECONDS), 2 * CROWD_SECONDS)
        pace.append(len(readers.seconds) / (time.monotonic() - begun))
        report.add(
            f"{clients} clients with whole pages",
            "200 or 429, no time-out",
            f"{dict(readers.statuses)}, {pace[-1]:.2f} pages a second",
            set(readers.statuses) <= {200, 429} and readers.statuses[200] > 0,
        )
    report.add(
        f"pages a second with {CROWDS[1]} clients by those with {CROWDS[0]}",
        f"at least {AS_FAST:g}",
        f"{pace[1] / pace[0]:.2f}",
        pace[1] >= AS_FAST * pace[0],
    )

    long = encoded(page, "PDF", 14)

    def give_up(_number: int) -> None:
        with suppress(httpx2.TimeoutException):
            stack.client.post("/predict", files={"file": ("long.pdf", long)}, auth=USER, timeout=2)

    with ThreadPoolExecutor(GIVEN_UP) as pool:
        list(pool.map(give_up, range(GIVEN_UP)))
    begun = time.monotonic()
    stack.client.post("/predict", files={"file": ("line.png", encoded(strip()))}, auth=ADMIN)
    spent = time.monotonic() - begun
    report.add(
        f"a page after {GIVEN_UP} long files that were given up",
        f"within {NEXT_PAGE:g} s",
        f"{spent:.1f} s",
        spent < NEXT_PAGE,
    )


def check_requests(stack: Stack, report: Report) -> None:
    """Odd requests leave no trace, and answers say what happened."""

    def series() -> int:
        return len(stack.client.get("/metrics").text.splitlines())

    stack.client.request("INVENTED", "/healthz")
    before = series()
    for number in range(METHODS):
        stack.client.request(f"INVENTED{number}", "/healthz")
    new = series() - before
    report.add(f"{METHODS} requests with invented methods", "no new series of metrics", f"{new} new", new == 0)

    answer = stack.client.post("/predict", files={"file": ("line.png", encoded(strip()))}, auth=USER)
    named = [answer.headers.get(f"x-inkread-model{part}", "") for part in ("", "-version", "-hash")]
    report.add("an answer names its model", "version, number, hash", named, all(named) and "0.0.0" not in named[0])

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("notes.txt", "nothing to learn from")
    failed = stack.job("/ingest", files={"file": ("notes.zip", archive.getvalue())})
    told = failed["message"]
    report.add(
        "an ingest of what holds no data",
        "failed, with the stage's sentence",
        told,
        failed["state"] == "failed" and bool(told) and "exited with" not in told,
    )

    def scheduled() -> list[str]:
        jobs = stack.client.get("/jobs?kind=health", auth=ADMIN).json()["jobs"]
        return [job["id"] for job in jobs if ":" in job["id"]]

    stack.wait_for(lambda: bool(scheduled()), 120)
    statuses = [stack.client.get(f"/jobs/{job}", auth=ADMIN).status_code for job in scheduled()[:1]]
    report.add("a job of a schedule can be seen", "200", statuses, statuses == [200])


def check_promotions(stack: Stack, report: Report) -> None:
    """Changes of the champion at the same time are made one after the other, and a repeated one changes nothing."""

    def champions() -> list[int]:
        versions = stack.client.get("/models", auth=ADMIN).json()
        return [item["version"] for item in versions if "champion" in item["aliases"]]

    def change(path: str, body: dict[str, object]) -> list[int]:
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(stack.client.post, path, json=body, auth=ADMIN) for _ in range(4)]
            return [answer.result().status_code for answer in answers]

    (before,) = champions()
    other = next(
        item["version"] for item in stack.client.get("/models", auth=ADMIN).json() if item["version"] != before
    )
    change(f"/models/{other}/promote", {"why": "four at once", "force": True})
    promoted = champions()
    change("/models/rollback", {"why": "four at once", "version": other})
    back = champions()
    report.add(
        "four promotions and then four rollbacks at once",
        f"[{other}], then [{before}]",
        f"{promoted}, then {back}",
        (promoted, back) == ([other], [before]),
    )
