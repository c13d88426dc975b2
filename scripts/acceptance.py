"""What the whole stack must do, tried on a stack of its own: prints a table, exits with 1 where something failed.

Usage: ``python -m scripts.acceptance`` (or ``make acceptance``); takes about ten minutes on two cores
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import psutil
from PIL import Image
from rich.console import Console
from rich.table import Table

from deploy.grafana.queries import panel_queries
from inkread.server.stack import is_ready

ROOT = Path(__file__).parents[1]
SHIFT = 12_000
USER, ADMIN = ("user1", "1resu"), ("admin1", "1nimda")
SERVICES = ("gateway", "ingestion", "training", "prediction")
READY_SECONDS = 90
RETRYABLE = {429, 502, 503, 504}
NOT_HERE = ("ALERTS{", "offset 1w", "offset 6d", "container_")
"""What has no data on a healthy machine in its first minutes without Docker: firing alerts, last week, containers."""
TINY = {
    "build_train_cnn": {
        "recognizer": {"steps": 4, "warm_up": 1, "validate_every": 2, "validation_lines": 2},
        "word_cnn": {"epochs": 1},
    },
    "one_hot_encode_labels": {"min_count": 2},
    "evaluate_model": {"most_lines": 10},
}


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

    def child(self, service: str) -> psutil.Process:
        """The process of a service."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if process.cmdline()[3:5] == ["serve", service]:
                    return process
        raise LookupError(service)

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
def stack(report: Report) -> Iterator[Stack]:
    """``inkread up`` in a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="inkread") as home, webhook() as (address, alerts):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
        environment = kept | {"INKREAD_HOME": home, "INKREAD_ALERT_WEBHOOK": address}
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
        report.add("inkread up is ready", f"{READY_SECONDS} s", f"{spent:.0f} s", ready and spent < READY_SECONDS)
        children = psutil.Process(process.pid).children(recursive=True)
        with httpx2.Client(base_url=f"http://127.0.0.1:{8000 + SHIFT}", timeout=120, trust_env=False) as client:
            yield Stack(process, client, alerts)
        children += psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        _, alive = psutil.wait_procs(children, timeout=10)
        report.add("Ctrl-C leaves nothing running", "0 processes", f"{len(alive)} processes", not alive)


def strip() -> bytes:
    """One line of the example letter."""
    body = BytesIO()
    Image.open(ROOT / "examples" / "letter.png").convert("L").crop((100, 340, 1140, 410)).save(body, "PNG")
    return body.getvalue()


class Readers:
    """Clients that read a line again and again and count what they are answered.

    Args:
        url: of the gateway.
        clients: how many.
    """

    def __init__(self, url: str, clients: int) -> None:
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
        body = strip()
        with httpx2.Client(base_url=url, timeout=120, trust_env=False, auth=USER) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/predict", files={"file": ("line.png", body)})
                except httpx2.TransportError:
                    self.statuses[503] += 1  # nobody listens: the client tries again
                    self._stop.wait(0.2)
                    continue
                self.statuses[answer.status_code] += 1
                self.models[answer.headers.get("x-inkread-model-version", "bundled")] += 1
                if answer.status_code != 200:
                    self._stop.wait(float(answer.headers.get("retry-after", 0.2)))


def check_access(stack: Stack, report: Report) -> None:
    """Roles, wrong passwords, lock-out."""
    page = (ROOT / "examples" / "letter.png").read_bytes()
    answer = stack.client.post("/predict?format=txt", files={"file": ("page.png", page)}, auth=USER)
    report.add(
        "user1 reads a page",
        "200 and text",
        f"{answer.status_code}, {len(answer.text)} characters",
        "dear" in answer.text,
    )
    forbidden = [stack.client.post(path, auth=USER).status_code for path in ("/train", "/ingest")]
    report.add("user1 on /train and /ingest", "403", forbidden, forbidden == [403, 403])
    nobody = stack.client.post("/predict").status_code
    wrong = [stack.client.get("/models", auth=("nobody", "wrong")).status_code for _ in range(6)]
    report.add("no credentials", "401", nobody, nobody == 401)
    report.add("six wrong log-ins in a minute", "401 five times, then 429", wrong, wrong == [401] * 5 + [429])


def check_hang(stack: Stack, report: Report) -> None:
    """A service that is stopped is started again."""
    hung = stack.child("ingestion")
    hung.suspend()
    begun = time.monotonic()
    back = stack.wait_for(lambda: stack.child("ingestion").pid != hung.pid and _ready("ingestion"), 180)
    report.add("ingestion after SIGSTOP", "is started again", f"after {time.monotonic() - begun:.0f} s", back)


def _ready(service: str) -> bool:
    port = {"gateway": 8000, "ingestion": 8100, "training": 8200, "prediction": 8300}[service] + SHIFT
    return is_ready(f"http://127.0.0.1:{port}/readyz")


def check_loop(stack: Stack, report: Report) -> None:
    """From data to a served model and back, with no request lost."""
    data = stack.job("/ingest", data={"request": json.dumps({"writers": 3, "forms": 1})})
    report.add("ingest", "succeeded", data["state"], data["state"] == "succeeded")
    trained = stack.job("/train", json={"params": TINY})
    report.add(
        "train, evaluate, register",
        "succeeded",
        f"{trained['state']} {trained['metrics']}",
        trained["state"] == "succeeded",
    )
    seeded = stack.client.get("/models", auth=ADMIN).json()[-1]
    report.add("the first champion", "the bundled model", seeded["model"], seeded["aliases"] == ["champion"])
    refused = stack.client.post("/models/2/promote", json={"why": "first"}, auth=ADMIN)
    report.add(
        "promotion of a model of four steps",
        "refused with figures, or as good",
        refused.json().get("detail", refused.json()),
        refused.status_code == 200 or bool(refused.json().get("table")),
    )
    stack.client.post("/models/2/promote", json={"why": "first", "force": True}, auth=ADMIN)
    again = stack.job("/train", json={"params": TINY | {"setup_callbacks": {"average": 0.5}}})
    report.add(
        "train again with a changed parameter", "version 3", again["metrics"], again["metrics"].get("version") == 3
    )
    url = str(stack.client.base_url)
    with Readers(url, 8) as readers:
        stack.wait_for(lambda: readers.statuses[200] > 50, 120)
        promoted = stack.client.post("/models/3/promote", json={"why": "second", "force": True}, auth=ADMIN).json()
        stack.wait_for(lambda: readers.models["3"] > 50, 120)
        back = stack.client.post("/models/rollback", json={"why": "try"}, auth=ADMIN).json()
        stack.wait_for(lambda: readers.statuses[200] >= 200, 120)
    report.add(
        "promotion and rollback are served at once",
        "3, then 2",
        [promoted, back],
        promoted["served"] and back["served"],
    )
    lost = {status: count for status, count in readers.statuses.items() if status != 200}
    report.add(
        "requests lost during both swaps", "0 of 200", f"{lost or 0} of {sum(readers.statuses.values())}", not lost
    )


def check_script(stack: Stack, report: Report) -> None:
    """The script for cron goes through everything."""
    script = str(ROOT / "scripts" / "run_mlops_pipeline.sh")
    environment = os.environ | {
        "INKREAD_GATEWAY_URL": str(stack.client.base_url),
        "INKREAD_INGEST": json.dumps({"writers": 3, "forms": 1}),
        "INKREAD_TRAIN": json.dumps({"params": TINY}),
    }
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=False)
    last = (done.stdout + done.stderr).strip().splitlines()[-1]
    report.add("run_mlops_pipeline.sh", "status 0", f"status {done.returncode}: {last}", done.returncode == 0)


def check_kills(stack: Stack, report: Report) -> None:
    """kill -9 of each service while 20 clients read and a training runs."""
    job = stack.client.post("/train", json={"params": TINY | {"split_data": {"seed": 2}}}, auth=ADMIN).json()["id"]
    url = str(stack.client.base_url)
    with Readers(url, 20) as readers:
        stack.wait_for(lambda: stack.state(job) == "running", 60)
        for service in SERVICES:
            killed = stack.child(service)
            killed.kill()
            killed.wait(10)
            begun = time.monotonic()
            back = stack.wait_for(partial(_ready, service), 90)
            report.add(f"{service} after kill -9", "comes back", f"after {time.monotonic() - begun:.0f} s", back)
        finished = stack.wait_for(lambda: stack.state(job) not in ("queued", "running"), 900)
    report.add(
        "the training that ran meanwhile", "succeeded", stack.state(job), finished and stack.state(job) == "succeeded"
    )
    other = {status: count for status, count in readers.statuses.items() if status not in RETRYABLE | {200}}
    report.add("clients saw only errors to be tried again", "no other", f"{dict(readers.statuses)}", not other)
    versions = [item["version"] for item in stack.client.get("/models", auth=ADMIN).json()]
    report.add(
        "the registry is whole",
        "every version, none twice",
        versions,
        sorted(versions) == list(range(1, len(versions) + 1)) and len(versions) >= 3,
    )


def check_monitoring(stack: Stack, report: Report) -> None:
    """Every panel has data, and an alert reaches the webhook."""
    prometheus = f"http://127.0.0.1:{9090 + SHIFT}"
    if not stack.wait_for(lambda: httpx2.get(f"{prometheus}/-/ready", trust_env=False).is_success, 5):
        report.add("Prometheus", "installed", "not installed: not checked", True)
        return

    asked = [
        query
        for query in panel_queries(ROOT / "deploy" / "grafana" / "dashboards")
        if not any(sign in query.promql for sign in NOT_HERE)
    ]

    def empty() -> list[str]:
        missing = []
        for query in asked:
            answer = httpx2.get(f"{prometheus}/api/v1/query", params={"query": query.promql}, trust_env=False).json()
            if answer["status"] != "success" or not answer["data"]["result"]:
                missing.append(f"{query.dashboard}/{query.panel}")
        return missing

    with Readers(str(stack.client.base_url), 2):
        complete = stack.wait_for(lambda: not empty(), 150)
        missing = empty()
    report.add("panel queries with data", f"all {len(asked)}", f"without: {missing or 'none'}", complete)
    stopped = [psutil.Process(stack.process.pid), stack.child("prediction")]
    for process in stopped:
        process.suspend()  # the supervisor too, which would start it again
    begun = time.monotonic()
    told = stack.wait_for(lambda: any(item["labels"]["alertname"] == "ServiceDown" for item in stack.alerts), 240)
    for process in stopped:
        process.resume()
    report.add("ServiceDown reaches the webhook", "it does", f"after {time.monotonic() - begun:.0f} s", told)


def main() -> int:
    """Run all checks."""
    report = Report()
    with stack(report) as running:
        for check in (check_access, check_loop, check_script, check_kills, check_hang, check_monitoring):
            try:
                check(running, report)
            except Exception as error:  # a check that breaks is one that failed; the others still run
                report.add(check.__name__, "runs to its end", f"{type(error).__name__}: {error}", False)
    table = Table("", "what", "asked", "found", title="Acceptance")
    for what, asked, found, passed in report.rows:
        table.add_row("ok" if passed else "FAIL", what, asked, found)
    Console(width=150).print(table)
    return 0 if all(row[3] for row in report.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
