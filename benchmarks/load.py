"""Mixed load on a whole stack while its services are killed: lost and wrong answers, times, memory of each service.

Usage: ``python benchmarks/load.py --minutes 60 --clients 16 --json benchmarks/results/load/0.2.0.json``

Starts ``inkread up`` in a folder of its own, with two versions of the bundled model that read differently. Each client
does one thing, pauses, and does the next, drawn at random: pages and PDFs; PDFs as documents, which it follows to their
end; promotions; pictures and PDFs that need more than a page may; requests that it gives up; wrong passwords. What is
read is compared with what the idle stack read with the same version. One service, drawn at random, is killed with -9
every so often. Ends with status 1 where something was lost or read differently, a service did not come back, or one
took more memory at rest in the end than after warming up.

A large picture takes gigabytes while it is read. So memory is compared at rest: the lowest tenth of the samples of a
service, taken while it had little to do. What it keeps is in them, what it works on is not.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
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

from inkread.bundle import DESCRIPTION, Bundle
from inkread.cli.terminal import run_command
from inkread.registry import Registry
from inkread.server.mlflow_server import LOGIN, PASSWORD, USER
from inkread.server.settings import PORTS, kept_secret
from inkread.server.stack import SECOND_STACK

ROOT = Path(__file__).parents[1]
LETTER = ROOT / "examples" / "letter.png"
PDF_PAGES = 3
DOCUMENT_PAGES = 6
BOMB_SIDE = 8900
WORK = {
    "page": 50,
    "pdf": 7,
    "document": 8,
    "promotion": 3,
    "bomb": 5,
    "given up": 10,
    "wrong password": 5,
    "models": 12,
}
"""Shares of what clients do."""
ACCEPTED = {
    "page": {200},
    "pdf": {200},
    "document": {202},
    "promotion": {200},
    "bomb": {200, 413, 422},  # the picture is just small enough
    "given up": {0},
    "wrong password": {401},
    "models": {200},
}
VERSIONS = ("1", "2")
"""The bundled model, and the same without a language model."""
BUSY = 429
AWAY = (502, 503)
GATEWAY_DOWN = "gateway down"
PATIENCE = 300.0
"""Seconds until a client that asks again counts its page as lost."""
DOCUMENT_PATIENCE = 900.0
"""Seconds until a document that was accepted and is not read counts as lost."""
LOOK_SECONDS = 2.0
GIVES_UP = 0.5
SAMPLE_SECONDS = 10.0
WARM = 600.0
"""Seconds after which memory should stay as it is; a third of the run where it is shorter."""
FLAT = 1.1
"""Largest quotient of the memory at rest in the end and after warming up."""
REST = 10
"""Samples in a hundred that count as rest."""
STARTED = 60.0
"""Seconds after which a service that was started again has everything in memory; samples begin then."""


@dataclass
class Report:
    """What happened.

    ``seconds`` are those of the answer that was accepted, ``waits`` those from the first attempt on; a document takes
    until its last page is read.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    kills: list[dict[str, Any]] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))


def inputs() -> dict[str, tuple[str, list[bytes]]]:
    """Files by what they are, with their names."""
    page = Image.open(LETTER).convert("L")
    lines = [page.crop((0, top, page.width, top + 240)) for top in range(300, 300 + 160 * DOCUMENT_PAGES, 160)]
    bomb = BytesIO()
    Image.new("L", (BOMB_SIDE, BOMB_SIDE)).save(bomb, "PNG")
    return {
        "page": ("letter.png", [LETTER.read_bytes()]),
        "pdf": ("letters.pdf", [pdf([page] * PDF_PAGES)]),
        "document": ("lines.pdf", [pdf(lines)]),
        "bomb": ("bomb", [bomb.getvalue(), endless_pdf()]),
    }


def pdf(pages: list[Image.Image]) -> bytes:
    """Pictures as the pages of a PDF."""
    made = BytesIO()
    pages[0].save(made, "PDF", save_all=True, append_images=pages[1:], resolution=150)
    return made.getvalue()


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
    with suppress(psutil.Error):  # it may be killed just now, and any of its workers may end
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += member.memory_full_info().pss
    return total / 2**20


def register_second_version(home: Path, shift: int) -> None:
    """Register the bundled model without its language model."""
    os.environ["MLFLOW_TRACKING_USERNAME"] = USER
    os.environ["MLFLOW_TRACKING_PASSWORD"] = kept_secret(home / LOGIN, PASSWORD)
    bundled = Bundle.open().folder
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "bundle"
        shutil.copytree(bundled, other)
        model = json.loads((bundled / DESCRIPTION).read_text(encoding="utf-8"))
        model["decoding"]["language_model_weight"] = 0.0
        (other / DESCRIPTION).write_text(json.dumps(model | {"version": "0.0.1"}), encoding="utf-8")
        registry = Registry(f"http://127.0.0.1:{PORTS['mlflow'] + shift}")
        deadline = time.monotonic() + PATIENCE
        while registry.champion() is None:  # prediction registers the bundled model once it reaches MLflow
            if time.monotonic() > deadline:
                raise SystemExit("the bundled model is not in the registry")
            time.sleep(0.5)
        number = registry.register(other)
    assert str(number) == VERSIONS[1], number


class LostError(Exception):
    """Something that was accepted is not there, or does not end."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client got: the status, what is wrong with it if anything, and how long to wait before asking again."""

    status: int
    fault: str = ""
    pause: float = 1.0


class Load:
    """Clients of one stack.

    Args:
        url: of the gateway.
        key: API key.
        pause: seconds between what a client does, on average.
        report: where they write what happened.
    """

    def __init__(self, url: str, key: str, pause: float, report: Report) -> None:
        self._url = url
        self._header = {"Authorization": f"Bearer {key}"}
        self._pause = pause
        self._report = report
        self._inputs = inputs()
        self._texts: dict[tuple[str, str], str] = {}
        """By what was read, with the number of the page in a document, and the version that read it."""

    def _session(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self._url, headers=self._header, timeout=PATIENCE, trust_env=False)

    async def learn(self) -> None:
        """What the idle stack reads with each version."""
        async with self._session() as session:
            for version in reversed(VERSIONS):
                promoted = await self._promote(session, version)
                assert promoted.status == 200, promoted
                for kind in ("page", "pdf"):
                    answer = await self._read(session, kind)
                    answer.raise_for_status()
                    assert answer.headers["x-inkread-model-version"] == version
                    self._texts[kind, version] = answer.text
                document = (await self._upload(session)).json()["id"]
                await self._end(session, document)
                for number in range(1, DOCUMENT_PAGES + 1):
                    self._texts[f"document {number}", version] = await self._page(session, document, number)
        if self._texts["page", VERSIONS[0]] == self._texts["page", VERSIONS[1]]:
            raise SystemExit("both versions read the same, so nobody could tell which one read a page")

    async def client(self, number: int, until: float) -> None:
        """Do one thing after the other, until then on the clock of `time.monotonic`."""
        chance = random.Random(number)
        async with self._session() as session:
            while True:
                await asyncio.sleep(min(chance.expovariate(1 / self._pause), max(until - time.monotonic(), 0)))
                if time.monotonic() >= until:
                    return
                (kind,) = chance.choices(list(WORK), list(WORK.values()))
                try:
                    await self._work(session, kind, chance)
                except LostError as error:
                    self._report.lost.append(f"{kind}: {error}")

    async def _work(self, session: httpx2.AsyncClient, kind: str, chance: random.Random) -> None:
        """Ask until there is an answer."""
        begun = time.monotonic()
        while True:
            sent = time.monotonic()
            try:
                answered = await self._ask(session, kind, chance)
            except httpx2.TransportError:
                answered = None
            name = GATEWAY_DOWN if answered is None else str(answered.status)
            self._report.outcomes[kind][name] += 1
            if answered is not None and answered.status in ACCEPTED[kind]:
                self._report.seconds[kind].append(time.monotonic() - sent)
                self._report.waits[kind].append(time.monotonic() - begun)
            elif answered is None or answered.status in (BUSY, *AWAY):
                if kind == "wrong password" and name == str(BUSY):
                    return  # locked out, as it should be
                if time.monotonic() - begun > PATIENCE:
                    raise LostError(f"last {name}")
                await asyncio.sleep(answered.pause if answered else 0.5)
                continue
            if answered.fault:
                self._report.wrong.append(f"{kind}: {answered.fault}")
            return

    async def _ask(self, session: httpx2.AsyncClient, kind: str, chance: random.Random) -> Answered:
        if kind == "given up":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._read(session, "page"), GIVES_UP)
            return Answered(0)
        if kind == "promotion":
            return await self._promote(session, chance.choice(VERSIONS))
        if kind == "document":
            answer = await self._upload(session)
            if answer.status_code == 202:
                return Answered(202, await self._follow(session, answer.json()["id"]))
        elif kind == "models":
            answer = await session.get("/models")
        elif kind == "wrong password":
            async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE) as stranger:
                answer = await stranger.get(f"{self._url}/models", auth=("user1", "wrong"))
        else:
            answer = await self._read(session, kind, chance.choice(self._inputs[kind][1]))
        return self._judged(kind, answer)

    def _judged(self, kind: str, answer: httpx2.Response) -> Answered:
        fault = "" if answer.status_code in ACCEPTED[kind] else f"{answer.status_code}, {answer.text[:120]!r}"
        if kind in ("page", "pdf") and answer.status_code == 200:
            version = answer.headers.get("x-inkread-model-version", "")
            if answer.text != self._texts.get((kind, version)):
                fault = f"version {version} read {answer.text[:80]!r}"
        return Answered(answer.status_code, fault, min(float(answer.headers.get("retry-after", 1)), 10.0))

    async def _read(self, session: httpx2.AsyncClient, kind: str, chosen: bytes | None = None) -> httpx2.Response:
        name, files = self._inputs[kind]
        return await session.post("/predict?format=txt", files={"file": (name, chosen or files[0])})

    async def _promote(self, session: httpx2.AsyncClient, version: str) -> Answered:
        answer = await session.post(f"/models/{version}/promote", json={"why": "load", "force": True})
        return self._judged("promotion", answer)

    async def _upload(self, session: httpx2.AsyncClient) -> httpx2.Response:
        name, (content,) = self._inputs["document"]
        return await session.post("/documents", files={"file": (name, content)})

    async def _follow(self, session: httpx2.AsyncClient, document: str) -> str:
        """What is wrong with a document once it was read."""
        self._report.documents.append(document)
        state = await self._end(session, document)
        if state != "read":
            return f"the document is {state}"
        for number in range(1, DOCUMENT_PAGES + 1):
            text = await self._page(session, document, number)
            if text not in (self._texts[f"document {number}", version] for version in VERSIONS):
                return f"page {number} reads {text[:80]!r}"
        return ""

    async def _end(self, session: httpx2.AsyncClient, document: str) -> str:
        """How a document ended."""
        deadline = time.monotonic() + DOCUMENT_PATIENCE
        while time.monotonic() < deadline:
            found = (await self._get(session, f"/documents/{document}")).json()
            if found["state"] not in ("waiting", "reading"):
                return str(found["state"])
            await asyncio.sleep(LOOK_SECONDS)
        raise LostError(f"{found['pages_done']} of {found['pages_total']} pages in {DOCUMENT_PATIENCE:g} s")

    async def _page(self, session: httpx2.AsyncClient, document: str, number: int) -> str:
        return (await self._get(session, f"/documents/{document}/pages/{number}/result?format=txt")).text

    async def _get(self, session: httpx2.AsyncClient, path: str) -> httpx2.Response:
        """Ask for what was accepted, while services come back."""
        deadline = time.monotonic() + PATIENCE
        said = GATEWAY_DOWN
        while time.monotonic() < deadline:
            with suppress(httpx2.TransportError):
                answer = await session.get(path)
                if answer.is_success:
                    return answer
                said = f"{answer.status_code}, {answer.text[:120]!r}"
                if answer.status_code not in (BUSY, *AWAY):
                    break
            await asyncio.sleep(LOOK_SECONDS)
        raise LostError(f"GET {path}: {said}")

    async def look_again(self) -> None:
        """Whether every document that was accepted is still there, and read."""
        async with self._session() as session:
            for document in self._report.documents:
                try:
                    found = (await self._get(session, f"/documents/{document}")).json()
                    if (found["state"], found["pages_done"]) != ("read", DOCUMENT_PAGES):
                        raise LostError(f"{document} is {found['state']} in the end")
                except LostError as error:
                    self._report.lost.append(f"document: {error}")


async def sample(supervisor: psutil.Process, until: float, report: Report) -> None:
    """Note the memory of each service now and then."""
    begun = time.monotonic()
    while time.monotonic() < until:
        for name, process in services(supervisor).items():
            if time.time() - process.create_time() < STARTED:
                continue
            mib = await asyncio.to_thread(tree_mib, process)
            if mib:
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
            with suppress(psutil.Error):
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


def memory(samples: list[tuple[float, float]], seconds: float) -> dict[str, Any]:
    """MiB in the first and in the last third after warming up, at rest and the median, the most, and by minute."""
    after = min(WARM, seconds / 3)
    warm = [mib for when, mib in samples if when >= after] or [mib for _, mib in samples]
    third = max(len(warm) // 3, 1)
    parts = warm[:third], warm[-third:]
    first, last = map(statistics.median, parts)
    rested, rests = (sorted(part)[len(part) * REST // 100] for part in parts)
    minutes = defaultdict(list)
    for when, mib in samples:
        minutes[int(when // 60)].append(mib)
    return {
        "rest": {"first": round(rested), "last": round(rests), "quotient": round(rests / rested, 3)},
        "first": round(first),
        "last": round(last),
        "quotient": round(last / first, 3),
        "most": round(max(mib for _, mib in samples)),
        "by_minute": [round(statistics.median(found)) for _, found in sorted(minutes.items())],
    }


async def run(
    supervisor: psutil.Process, url: str, clients: int, pause: float, minutes: float, kill_seconds: float
) -> Report:
    """Let the clients loose; the report."""
    report = Report()
    async with httpx2.AsyncClient(timeout=60, trust_env=False) as session:
        asked = {"name": "load", "scopes": ["admin"]}
        made = await session.post(f"{url}/keys", json=asked, auth=("admin1", "1nimda"))
        made.raise_for_status()
    load = Load(url, made.json()["text"], pause, report)
    await load.learn()
    until = time.monotonic() + 60 * minutes
    await asyncio.gather(
        sample(supervisor, until, report),
        kill(supervisor, kill_seconds, until, report),
        *(load.client(number, until) for number in range(clients)),
    )
    await load.look_again()
    return report


def measure(
    minutes: Annotated[float, typer.Option(min=0.1)] = 60.0,
    clients: Annotated[int, typer.Option(min=1)] = 16,
    pause_seconds: Annotated[float, typer.Option(min=0.1, help="Between what a client does, on average")] = 30.0,
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
        register_second_version(Path(home), port_shift)
        report = asyncio.run(run(supervisor, url, clients, pause_seconds, minutes, kill_seconds))
    memories = {name: memory(found, 60 * minutes) for name, found in sorted(report.memory.items())}
    requests: dict[str, dict[str, dict[str, Any]]] = {
        kind: {
            "outcomes": dict(report.outcomes[kind]),
            "seconds": percentiles(report.seconds[kind]),
            "waits": percentiles(report.waits[kind]),
        }
        for kind in WORK
    }
    result = {
        "release": version("inkread"),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processors": os.cpu_count(), "note": note},
        "asked": {
            "minutes": minutes,
            "clients": clients,
            "pause_seconds": pause_seconds,
            "kill_seconds": kill_seconds,
            "replicas": replicas,
        },
        "requests": requests,
        "documents": {"accepted": len(report.documents), "pages": DOCUMENT_PAGES},
        "lost": report.lost,
        "wrong": report.wrong,
        "kills": report.kills,
        "memory_mib": memories,
    }
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("| request | outcomes | p50 s | p95 s | p99 s |\n|---|---|---|---|---|")
    for kind, found in requests.items():
        times = " | ".join(map(str, found["seconds"].values())) or " | | "
        print(f"| {kind} | {found['outcomes']} | {times} |")
    print(json.dumps({name: result[name] for name in ("lost", "wrong", "kills")}, indent=1))
    for name, found in memories.items():
        print(name, {key: value for key, value in found.items() if key != "by_minute"})
    grown = [name for name, found in memories.items() if found["rest"]["quotient"] > FLAT]
    if report.lost or report.wrong or grown or any(item["back_after"] is None for item in report.kills):
        raise SystemExit(1)


if __name__ == "__main__":
    run_command(typer.run, measure)
