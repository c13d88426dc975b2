"""Throughput, latency and memory of the prediction service under load, with and without batching.

Usage: ``python benchmarks/serving.py [--requests 5000] [--json serving.json]``

Clients send one line of writing each (a strip of ``examples/letter.png``) and, where the queue is full, wait as long as
Retry-After says. Both servers run in the same call, one after the other: one that reads pages together and one that
reads them one at a time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Annotated

import httpx2
import psutil
import typer
from PIL import Image
from pydantic import SecretStr

import figures
from inkread.cli.terminal import run_command
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

SECRET = "a secret of the benchmark, long enough"
CLIENTS = (1, 4, 16, 64)
LETTER = Path(__file__).parents[1] / "examples" / "letter.png"
LINES = ((100, 340, 1140, 410), (100, 405, 1140, 475), (100, 470, 1140, 537), (100, 535, 600, 602))
SECONDS = 20.0
FIRST = 200
MOST_FAILED = 1000


@dataclass(frozen=True, slots=True)
class Load:
    """What so many clients got: answers, answers a second, seconds until an answer, and how many were not 200."""

    clients: int
    answered: int
    throughput: float
    p50: float
    p95: float
    p99: float
    full: int
    failed: int


@contextmanager
def prediction(home: Path, **settings: object) -> Iterator[tuple[str, psutil.Process]]:
    """The service on a free port, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chosen = {f"INKREAD_{name.upper()}": str(value) for name, value in settings.items()}
    environment = os.environ | {"INKREAD_HOME": str(home), "INKREAD_SECRET": SECRET} | chosen
    command = [sys.executable, "-m", "inkread", "serve", "prediction", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                if httpx2.get(f"{url}/readyz", trust_env=False).is_success:
                    break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def strips() -> list[bytes]:
    """One line of writing each, as PNG."""
    page = Image.open(LETTER).convert("L")
    bodies = []
    for box in LINES:
        body = BytesIO()
        page.crop(box).save(body, "PNG")
        bodies.append(body.getvalue())
    return bodies


async def load(url: str, clients: int, *, seconds: float = SECONDS, requests: int | None = None) -> Load:
    """Let so many clients read for some seconds, or until so many requests were answered."""
    settings = Settings(secret=SecretStr(SECRET))
    bodies = strips()
    times: list[float] = []
    counts = {"full": 0, "failed": 0}
    begun = time.perf_counter()

    def more() -> bool:
        if counts["failed"] > MOST_FAILED:
            raise SystemExit(f"{counts['failed']} requests failed, the figures would mean nothing")
        return time.perf_counter() - begun < seconds if requests is None else len(times) < requests

    async def client(number: int) -> None:
        async with httpx2.AsyncClient(timeout=120, trust_env=False) as session:
            while more():
                sent = time.perf_counter()
                headers = service_header(Identity("bench", "user"), settings)  # valid for a short time only
                file = {"file": ("line.png", bodies[(number + len(times)) % len(bodies)])}
                try:
                    answer = await session.post(f"{url}/predict", files=file, headers=headers)
                except httpx2.TransportError:
                    counts["failed"] += 1
                    continue
                if answer.status_code == 429:
                    counts["full"] += 1
                    await asyncio.sleep(float(answer.headers["retry-after"]))
                elif answer.status_code == 200:
                    times.append(time.perf_counter() - sent)
                else:
                    counts["failed"] += 1

    await asyncio.gather(*(client(number) for number in range(clients)))
    spent = time.perf_counter() - begun
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
    return Load(clients, len(times), len(times) / spent, cuts[49], cuts[94], cuts[98], counts["full"], counts["failed"])


def measure(
    requests: Annotated[
        int, typer.Option(min=0, help="Requests after which memory is compared; 0 leaves it out")
    ] = 5000,
    seconds: Annotated[float, typer.Option(min=1, help="Duration of each load")] = SECONDS,
    output: Annotated[Path | None, typer.Option("--json", help="Write the figures here")] = None,
) -> None:
    """Measure and print.

    Example: python benchmarks/serving.py --requests 500
    """
    os.environ.pop("INKREAD_MODEL", None)
    tables: dict[str, list[Load]] = {}
    memory: list[float] = []
    for name, batch in (("together", 8), ("one at a time", 1)):
        with tempfile.TemporaryDirectory() as home, prediction(Path(home), batch_pages=batch) as (url, process):
            asyncio.run(load(url, 4, requests=FIRST))
            tables[name] = []
            with figures.bar(f"reading {name}", len(CLIENTS)) as advance:
                for clients in CLIENTS:
                    tables[name].append(asyncio.run(load(url, clients, seconds=seconds)))
                    advance(1)
            if name == "together" and requests:
                memory = [process.memory_info().rss / 2**20]
                asyncio.run(load(url, 16, requests=requests))
                memory.append(process.memory_info().rss / 2**20)
    print("| read | clients | lines/s | p50 s | p95 s | p99 s | 429 | failed |\n|---|---|---|---|---|---|---|---|")
    for name, rows in tables.items():
        for row in rows:
            print(
                f"| {name} | {row.clients} | {row.throughput:.1f} | {row.p50:.2f} | {row.p95:.2f} | {row.p99:.2f} "
                f"| {row.full} | {row.failed} |"
            )
    if memory:
        print(f"memory: {memory[0]:.0f} MiB, after {requests} more requests {memory[1]:.0f} MiB")
    make = partial(figures.figure, dataset="a line of examples/letter.png a request")
    made = [
        make(f"serving speed, {row.clients} clients", "lines/s", row.throughput, requests=row.answered)
        for row in tables["together"]
    ]
    made += [
        make(f"memory of the service after {count} more requests", "MiB", value, requests=requests)
        for count, value in zip((0, requests), memory, strict=False)
    ]
    figures.write(output, made, loads={name: [asdict(row) for row in rows] for name, rows in tables.items()})


if __name__ == "__main__":
    run_command(typer.run, measure)
