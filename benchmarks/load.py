"""Mixed load on a whole stack while its services are killed: lost and wrong answers, times, memory of each service.

Usage: ``python benchmarks/load.py --minutes 60 --clients 16 --replicas 2 --json benchmarks/results/load/0.2.0.json``

Starts ``inkread up`` in a folder of its own. Each client takes at random: pages and PDFs, whose text is compared with
what the idle stack read in them; pictures and PDFs that need more than a page may; requests that it gives up; wrong
passwords. One service, drawn at random, is killed with -9 every so often. Ends with status 1 where a page was lost or
read differently, or a service did not come back.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import httpx2
import psutil
import typer
from PIL import Image

from inkread.server.stack import SECOND_STACK

ROOT = Path(__file__).parents[1]
LETTER = ROOT / "examples" / "letter.png"
PDF_PAGES = 3
BOMB_SIDE = 8900
WORK = {"page": 60, "pdf": 10, "bomb": 5, "given up": 10, "wrong password": 5, "models": 10}
"""Shares of what clients do."""
ACCEPTED = {
    "page": {200},
    "pdf": {200},
    "bomb": {200, 413, 422},  # the picture is just small enough
    "given up": {0},
    "wrong password": {401},
    "models": {200},
}
BUSY = 429
GATEWAY_DOWN = "gateway down"
PATIENCE = 300.0
"""Seconds until a client that asks again counts its page as lost."""
GIVES_UP = 0.5
SAMPLE_SECONDS = 5.0
WARM = 600.0
"""Seconds after which memory should stay as it is; a third of the run where it is shorter."""


@dataclass
class Report:
    """What happened."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kills: list[dict[str, Any]] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


def inputs() -> dict[str, tuple[str, list[bytes]]]:
    """Files by what they are, with their names."""
    page = Image.open(LETTER).convert("L")
    pdf, bomb = BytesIO(), BytesIO()
    page.save(pdf, "PDF", save_all=True, append_images=[page] * (PDF_PAGES - 1), resolution=150)
    Image.new("L", (BOMB_SIDE, BOMB_SIDE)).save(bomb, "PNG")
    return {
        "page": ("letter.png", [LETTER.read_bytes()]),
        "pdf": ("letters.pdf", [pdf.getvalue()]),
        "bomb": ("bomb", [bomb.getvalue(), endless_pdf()]),
    }


def endless_pdf() -> bytes:
    """A PDF of one page with five million drawing operators."""
    drawn = zlib.compress(b"0 0 600 800 re f\n" * 5_000_000, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(drawn), drawn),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 5\n0000000000 65535 f \n" + table + end


@contextmanager
def stack(home: Path, shift: int, replicas: int) -> Iterator[tuple[psutil.Process, str]]:
    """A stack that is ready: its supervisor and the gateway's address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
    own = {
        "INKREAD_HOME": str(home),
        "INKREAD_PREDICTION_REPLICAS": str(replicas),
        "INKREAD_RATE_LIMIT": "1000000/minute",
    }
    command = [sys.executable, "-m", "inkread", "up", "--port-shift", str(shift)]
    with subprocess.Popen(command, env=kept | own, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if not any("Ctrl-C" in line for line in process.stdout):
                raise SystemExit("the stack does not start, see what it says above")
            yield psutil.Process(process.pid), f"http://127.0.0.1:{8000 + shift}"
        finally:
            process.send_signal(signal.SIGINT)


def services(supervisor: psutil.Process) -> dict[str, psutil.Process]:
    """The processes that the supervisor watches, by name and port."""
    found = {}
    for child in supervisor.children():
        with suppress(psutil.Error):
            words = child.cmdline()
            if "serve" in words:
                found[f"{words[words.index('serve') + 1]} {words[words.index('--port') + 1]}"] = child
            elif "mlflow" in words:
                found[f"mlflow {words[words.index('--port') + 1]}"] = child
    return found


def tree_mib(process: psutil.Process) -> float:
    """Memory of a process and its workers; pages that they share count once (PSS)."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            total += member.memory_full_info().pss
    return total / 2**20


class Load:
    """Clients of one stack.

    Args:
        url: of the gateway.
        key: API key.
        until: when they stop, on the clock of `time.monotonic`.
        report: where they write what happened.
    """

    def __init__(self, url: str, key: str, until: float, report: Report) -> None:
        self._url = url
        self._header = {"Authorization": f"Bearer {key}"}
        self._until = until
        self._report = report
        self._inputs = inputs()
        self.expected: dict[str, str] = {}

    async def read(self, session: httpx2.AsyncClient, kind: str, chosen: bytes) -> httpx2.Response:
        """Send a file."""
        files = {"file": (self._inputs[kind][0], chosen)}
        return await session.post(f"{self._url}/predict?format=txt", files=files, headers=self._header)

    async def learn(self) -> None:
        """What the idle stack reads."""
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as session:
            for kind in ("page", "pdf"):
                answer = await self.read(session, kind, self._inputs[kind][1][0])
                answer.raise_for_status()
                self.expected[kind] = answer.text

    async def client(self, number: int) -> None:
        """Do one thing after the other."""
        chance = random.Random(number)
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as session:
            while time.monotonic() < self._until:
                (kind,) = chance.choices(list(WORK), list(WORK.values()))
                await self._work(session, kind, chance)

    async def _work(self, session: httpx2.AsyncClient, kind: str, chance: random.Random) -> None:
        """Ask until there is an answer; the time runs from the first attempt that was not refused as too many."""
        begun = time.monotonic()
        while True:
            sent = time.monotonic()
            try:
                status, text, pause = await self._ask(session, kind, chance)
            except httpx2.TransportError:
                status, text, pause = -1, "", 0.5
            name = GATEWAY_DOWN if status == -1 else str(status)
            self._report.outcomes[kind][name] += 1
            if status in ACCEPTED[kind]:
                self._report.seconds[kind].append(time.monotonic() - sent)
                if kind in self.expected and text != self.expected[kind]:
                    self._report.wrong.append(f"{kind}: {text[:80]!r}")
                return
            if time.monotonic() - begun > PATIENCE:
                self._report.lost.append(f"{kind}: last {name}")
                return
            if kind == "wrong password" and status == BUSY:
                return  # locked out, as it should be
            if status not in (-1, BUSY, 503):
                self._report.wrong.append(f"{kind}: status {status}, {text[:80]!r}")
                return
            await asyncio.sleep(pause)

    async def _ask(self, session: httpx2.AsyncClient, kind: str, chance: random.Random) -> tuple[int, str, float]:
        if kind == "models":
            answer = await session.get(f"{self._url}/models", headers=self._header)
        elif kind == "wrong password":
            answer = await session.get(f"{self._url}/models", auth=("user1", "wrong"))
        elif kind == "given up":
            with suppress(TimeoutError):
                await asyncio.wait_for(self.read(session, "page", self._inputs["page"][1][0]), GIVES_UP)
            return 0, "", 0
        else:
            answer = await self.read(session, kind, chance.choice(self._inputs[kind][1]))
        return answer.status_code, answer.text, min(float(answer.headers.get("retry-after", 1)), 10.0)


async def sample(supervisor: psutil.Process, until: float, report: Report) -> None:
    """Note the memory of each service now and then."""
    begun = time.monotonic()
    while time.monotonic() < until:
        for name, process in services(supervisor).items():
            mib = await asyncio.to_thread(tree_mib, process)
            report.memory[name].append((time.monotonic() - begun, mib))
        await asyncio.sleep(SAMPLE_SECONDS)


async def kill(supervisor: psutil.Process, every: float, until: float, report: Report) -> None:
    """Kill a service now and then, and note how long it takes to come back."""
    chance = random.Random(0)
    begun = time.monotonic()
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as session:
        while every and time.monotonic() + every < until:
            await asyncio.sleep(every)
            name, process = chance.choice(sorted(services(supervisor).items()))
            process.kill()
            killed = time.monotonic()
            path = "/health" if name.startswith("mlflow") else "/readyz"
            back = None
            while back is None and time.monotonic() - killed < PATIENCE:
                await asyncio.sleep(0.5)
                with suppress(httpx2.TransportError):
                    if (await session.get(f"http://127.0.0.1:{name.split()[1]}{path}")).is_success:
                        back = round(time.monotonic() - killed, 1)
            report.kills.append({"after": round(killed - begun), "service": name, "back_after": back})


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 95 % and 99 % in seconds."""
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [*values, *[0.0] * 99]
    return {name: round(cuts[place], 2) for name, place in (("p50", 49), ("p95", 94), ("p99", 98))} if values else {}


def memory(samples: list[tuple[float, float]], seconds: float) -> dict[str, float]:
    """MiB in the first and in the last third after warming up, their quotient, and the most."""
    after = min(WARM, seconds / 3)
    warm = [mib for when, mib in samples if when >= after] or [mib for _, mib in samples]
    third = max(len(warm) // 3, 1)
    first, last = statistics.median(warm[:third]), statistics.median(warm[-third:])
    most = max(mib for _, mib in samples)
    return {"first": round(first), "last": round(last), "quotient": round(last / first, 3), "most": round(most)}


async def run(supervisor: psutil.Process, url: str, clients: int, minutes: float, kill_seconds: float) -> Report:
    """Let the clients loose; the report."""
    report = Report()
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as session:
        asked = {"name": "load", "scopes": ["admin"]}
        made = await session.post(f"{url}/keys", json=asked, auth=("admin1", "1nimda"))
        made.raise_for_status()
    load = Load(url, made.json()["text"], 0.0, report)
    await load.learn()
    until = load._until = time.monotonic() + 60 * minutes
    await asyncio.gather(
        sample(supervisor, until, report),
        kill(supervisor, kill_seconds, until, report),
        *(load.client(number) for number in range(clients)),
    )
    return report


def measure(
    minutes: Annotated[float, typer.Option(min=0.1)] = 60.0,
    clients: Annotated[int, typer.Option(min=1)] = 16,
    kill_seconds: Annotated[float, typer.Option(min=0, help="0 kills nothing")] = 120.0,
    replicas: Annotated[int, typer.Option(min=1, help="Prediction services")] = 2,
    port_shift: Annotated[int, typer.Option(min=0)] = SECOND_STACK + 100,
    note: Annotated[str, typer.Option(help="What a reader of the report should know of the machine")] = "",
    output: Annotated[Path | None, typer.Option("--json", help="Write the report here")] = None,
) -> None:
    """Run, print a table, write the report.

    Example: python benchmarks/load.py --minutes 3 --clients 2 --kill-seconds 60
    """
    with tempfile.TemporaryDirectory() as home, stack(Path(home), port_shift, replicas) as (supervisor, url):
        report = asyncio.run(run(supervisor, url, clients, minutes, kill_seconds))
    result = {
        "release": version("inkread"),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processors": os.cpu_count(), "note": note},
        "asked": {"minutes": minutes, "clients": clients, "kill_seconds": kill_seconds, "replicas": replicas},
        "requests": {
            kind: {"outcomes": dict(report.outcomes[kind]), "seconds": percentiles(report.seconds[kind])}
            for kind in WORK
        },
        "lost": report.lost,
        "wrong": report.wrong,
        "kills": report.kills,
        "memory_mib": {name: memory(found, 60 * minutes) for name, found in sorted(report.memory.items())},
    }
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("| request | outcomes | p50 s | p95 s | p99 s |\n|---|---|---|---|---|")
    for kind in WORK:
        times = " | ".join(map(str, percentiles(report.seconds[kind]).values())) or " | | "
        print(f"| {kind} | {dict(report.outcomes[kind])} | {times} |")
    print(json.dumps({"lost": report.lost, "wrong": report.wrong, "kills": report.kills}, indent=1))
    print(json.dumps(result["memory_mib"], indent=1))
    if report.lost or report.wrong or any(item["back_after"] is None for item in report.kills):
        raise SystemExit(1)


if __name__ == "__main__":
    typer.run(measure)
