"""The stack that acceptance tries, its clients, and the report.

Usage: ``with stack(report, {}) as running: running.client.get("/models", auth=ADMIN)``
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import psutil
import sqlalchemy as sa
from PIL import Image
from rich.console import Console

from inkread.server.mlflow_server import LOGIN, PASSWORD
from inkread.server.mlflow_server import USER as MLFLOW_USER
from inkread.server.settings import PORTS, kept_secret
from inkread.server.stack import HOST, Child, Supervisor, is_ready
from tests.server.postgresql import new_database, postgresql_server

ROOT = Path(__file__).parents[1]
SHIFT = 12_000
USER, ADMIN = ("user1", "1resu"), ("admin1", "1nimda")
SERVICES = ("gateway", "ingestion", "training", "prediction")
SECOND_WORKER = "training-2"
READY_SECONDS = 90


@dataclass
class Report:
    """The rows of the table."""

    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def add(self, what: str, asked: str, found: object, passed: bool) -> None:
        """Note one check and show it."""
        self.rows.append((what, asked, str(found), passed))
        Console(stderr=True).print(f"{'ok  ' if passed else 'FAIL'} {what}: {found} (asked: {asked})", markup=False)


@dataclass
class Stack:
    """A running stack."""

    process: subprocess.Popen[str]
    client: httpx2.Client
    alerts: list[dict[str, Any]]
    jobs_url: str = ""

    def children(self, service: str) -> dict[int, psutil.Process]:
        """The processes of a service by port."""
        found = {}
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                words = process.cmdline()
                if words[3:5] == ["serve", service] and "--port" in words:
                    found[int(words[words.index("--port") + 1])] = process
        return found

    def child(self, service: str) -> psutil.Process:
        """The first process of a service."""
        found = self.children(service)
        if not found:
            raise LookupError(service)
        return found[min(found)]

    def executors(self) -> set[str]:
        """The workers that have run jobs."""
        engine = sa.create_engine(self.jobs_url)
        with engine.connect() as connection:
            found = connection.execute(sa.text("select distinct executor_id from dbos.workflow_status")).scalars()
            names = {str(name) for name in found}
        engine.dispose()
        return names

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(httpx2.TransportError, KeyError, ValueError, LookupError):
                if condition():
                    return True
            time.sleep(0.2)
        return False

    def job(self, path: str, **request: Any) -> dict[str, Any]:
        """Start a job and wait for its end."""
        answer = self.client.post(path, auth=ADMIN, **request).json()
        self.wait_for(lambda: self.state(answer["id"]) not in ("queued", "running"), 900)
        return dict(self.client.get(f"/jobs/{answer['id']}", auth=ADMIN).json())

    def state(self, job: str) -> str:
        """State of a job."""
        return str(self.client.get(f"/jobs/{job}", auth=ADMIN).json()["state"])


@contextmanager
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of alerts on loopback."""
    received: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: D102, N802
            received.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # noqa: D102
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Settings of a stack with two prediction services and databases in a PostgreSQL server of its own."""
    with postgresql_server() as server:
        yield {
            "INKREAD_DATABASE_URL": new_database(server),
            "INKREAD_JOBS_DATABASE_URL": new_database(server),
            "INKREAD_MLFLOW_DATABASE_URL": new_database(server),
            "INKREAD_PREDICTION_REPLICAS": "2",
        }


@contextmanager
def second_worker(home: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Another training worker, started again when it dies, as on a second machine that shares the folder."""
    port = PORTS["training"] + SHIFT + 1
    ready = f"http://{HOST}:{port}/readyz"
    command = (sys.executable, "-m", "inkread", "serve", "training", "--host", HOST, "--port", str(port))
    environment = dict(settings) | {
        "INKREAD_HOME": str(home),
        "INKREAD_EXECUTOR": SECOND_WORKER,
        "MLFLOW_TRACKING_URI": f"http://{HOST}:{PORTS['mlflow'] + SHIFT}",
        "MLFLOW_TRACKING_USERNAME": MLFLOW_USER,
        "MLFLOW_TRACKING_PASSWORD": kept_secret(home / LOGIN, PASSWORD),
        **{f"INKREAD_{name.upper()}_URL": f"http://{HOST}:{PORTS[name] + SHIFT}" for name in SERVICES},
    }
    stop = threading.Event()
    child = Child(SECOND_WORKER, command, f"http://{HOST}:{port}", ready, environment=environment)
    with Supervisor([child], home / "logs") as supervisor:
        supervisor.wait_until_ready(READY_SECONDS, stop)
        watching = threading.Thread(target=supervisor.watch, args=(stop,))
        watching.start()
        try:
            yield
        finally:
            stop.set()
            watching.join()


@contextmanager
def stack(report: Report, settings: Mapping[str, str]) -> Iterator[Stack]:
    """``inkread up`` in a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="inkread") as home, webhook() as (address, alerts):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
        environment = kept | dict(settings) | {"INKREAD_HOME": home, "INKREAD_ALERT_WEBHOOK": address}
        environment["INKREAD_HEALTH_SCHEDULE"] = "* * * * *"  # so that a job of a schedule comes soon
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "inkread", "up", "--port-shift", str(SHIFT)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        ready = any("Ctrl-C" in line for line in process.stdout)
        spent = time.monotonic() - begun
        if not ready:  # what answers on its ports may be another stack
            raise ChildProcessError(f"inkread up ended with {process.wait()}, its last lines above say why")
        report.add("inkread up is ready", f"{READY_SECONDS} s", f"{spent:.0f} s", spent < READY_SECONDS)
        children = psutil.Process(process.pid).children(recursive=True)
        with ExitStack() as entered:
            if settings:
                entered.enter_context(second_worker(Path(home), settings))
            client = httpx2.Client(base_url=f"http://127.0.0.1:{8000 + SHIFT}", timeout=120, trust_env=False)
            entered.enter_context(client)
            yield Stack(process, client, alerts, settings.get("INKREAD_JOBS_DATABASE_URL", ""))
        children += psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        _, alive = psutil.wait_procs(children, timeout=10)
        report.add("Ctrl-C leaves nothing running", "0 processes", f"{len(alive)} processes", not alive)


def strip(width: int = 1040) -> Image.Image:
    """One line of the example letter, or its beginning."""
    return Image.open(ROOT / "examples" / "letter.png").convert("L").crop((100, 340, 100 + width, 410))


def encoded(image: Image.Image, kind: str = "PNG", pages: int = 1) -> bytes:
    """A file with so many pages of it."""
    body = BytesIO()
    image.save(body, kind, **({"save_all": True, "append_images": [image] * (pages - 1)} if pages > 1 else {}))
    return body.getvalue()


class Readers:
    """Clients that read a line again and again and count what they are answered.

    Args:
        url: of the gateway.
        clients: how many.
        line: the line.

    Attributes:
        seconds: that each page took.
    """

    def __init__(self, url: str, clients: int, line: Image.Image | None = None) -> None:
        self._body = encoded(line or strip())
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.models: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(url,)) for _ in range(clients)]

    def __enter__(self) -> Readers:
        """Start."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, url: str) -> None:
        with httpx2.Client(base_url=url, timeout=120, trust_env=False, auth=USER) as client:
            while not self._stop.is_set():
                begun = time.monotonic()
                try:
                    answer = client.post("/predict", files={"file": ("line.png", self._body)})
                except httpx2.TransportError:
                    self.statuses[503] += 1  # nobody listens: the client tries again
                    self._stop.wait(0.2)
                    continue
                self.statuses[answer.status_code] += 1
                self.models[answer.headers.get("x-inkread-model-version", "bundled")] += 1
                if answer.status_code == 200:
                    self.seconds.append(time.monotonic() - begun)
                else:
                    self._stop.wait(float(answer.headers.get("retry-after", 0.2)))


def service_is_ready(service: str) -> bool:
    """Whether the first process of a service can work."""
    return is_ready_at(PORTS[service] + SHIFT)


def is_ready_at(port: int) -> bool:
    """Whether what listens on a port can work."""
    return is_ready(f"http://127.0.0.1:{port}/readyz")
