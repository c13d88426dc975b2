"""All services of one machine: what they are, started, watched and restarted.

Usage: ``Supervisor(stack(settings)).run()``
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from inkread.errors import SettingsError
from inkread.server.guard import Guard, signal_group
from inkread.server.mlflow_server import local_mlflow
from inkread.server.monitoring import local_monitoring
from inkread.server.settings import PORTS, SERVICES

POLL_SECONDS = 0.2
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 30.0
"""A child that has run so long is taken for healthy: its next restart does not wait."""
STOP_SECONDS = 20.0
HEALTH_SECONDS = 5.0
HUNG_SECONDS = 45.0
"""A child that answered and then has not for so long is killed, so that it is started again."""
LOG_BYTES = 20 * 2**20
LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class Child:
    """What to run.

    Attributes:
        name: for logs and messages.
        command: with its arguments.
        url: address for people.
        ready: address that answers 200 once it can work.
        alive: address that answers 200 while the process is not stuck; ``ready`` where not given.
        environment: besides that of the parent.
    """

    name: str
    command: tuple[str, ...]
    url: str
    ready: str
    alive: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    resume_at: float = 0.0
    restarts: int = 0
    answered: float = 0.0


class Supervisor:
    """Starts children, restarts what dies or hangs, stops all at the end of the block, and if it is killed itself.

    Args:
        children: in the order of their start.
        logs: folder for their output, a file each; from 20 MiB on a file is moved to ``.1``.
        hung_seconds: how long a child may leave health checks without an answer.
    """

    def __init__(self, children: Sequence[Child], logs: Path, *, hung_seconds: float = HUNG_SECONDS) -> None:
        self._running = [_Running(child) for child in children]
        self._logs = logs
        self._hung_seconds = hung_seconds
        self._guard = Guard()

    def __enter__(self) -> Supervisor:
        """Start all."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._guard.__enter__()
        for item in self._running:
            self._start(item)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all, in the opposite order, politely first."""
        alive = [item.process for item in reversed(self._running) if item.process and item.process.poll() is None]
        for process in alive:
            signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in alive:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
        for item in self._running:
            if item.process is not None:
                signal_group(item.process.pid, signal.SIGKILL)
                item.process.wait()
                self._guard.remove(item.process.pid)
        self._guard.__exit__()

    def wait_until_ready(self, seconds: float, stop: threading.Event) -> None:
        """Return once every child can work, or ``stop`` is set.

        Raises:
            SettingsError: one cannot within ``seconds``, or ends at once; the message has its last words.
        """
        deadline = time.monotonic() + seconds
        waiting = list(self._running)
        while waiting and not stop.wait(POLL_SECONDS):
            waiting = [item for item in waiting if not is_ready(item.child.ready)]
            for item in waiting:
                code = item.process.poll() if item.process else None
                if code is not None:
                    raise SettingsError(f"{item.child.name} ended with status {code}: {self._last_words(item.child)}")
            if waiting and time.monotonic() > deadline:
                first = waiting[0].child
                raise SettingsError(f"{first.name} is not ready after {seconds:g} seconds: {self._last_words(first)}")

    def watch(self, stop: threading.Event) -> None:
        """Restart what dies, after a pause that grows while it keeps dying, until ``stop`` is set."""
        checking = threading.Thread(target=self._check_health, args=(stop,), daemon=True)
        checking.start()
        while not stop.wait(POLL_SECONDS):
            now = time.monotonic()
            for item in self._running:
                if item.process is None:
                    if now >= item.resume_at:
                        item.restarts += 1
                        self._start(item)
                elif item.process.poll() is not None:
                    signal_group(item.process.pid, signal.SIGKILL)  # what it may have left
                    self._guard.remove(item.process.pid)
                    item.pause = FIRST_PAUSE if now - item.started > STEADY_SECONDS else item.pause
                    item.resume_at, item.process = now + item.pause, None
                    item.pause = min(2 * item.pause, LONGEST_PAUSE)
        checking.join()

    def _check_health(self, stop: threading.Event) -> None:
        """Kill what has answered and does so no more, and keep logs small."""
        with ThreadPoolExecutor(len(self._running)) as pool:
            while not stop.wait(min(HEALTH_SECONDS, self._hung_seconds / 3)):
                answers = list(pool.map(lambda item: is_ready(item.child.alive or item.child.ready), self._running))
                for item, answers_now in zip(self._running, answers, strict=True):
                    now, process = time.monotonic(), item.process
                    if answers_now:
                        item.answered = now
                    elif process is not None and item.started < item.answered < now - self._hung_seconds:
                        signal_group(process.pid, signal.SIGKILL)
                    self._rotate(item.child)

    def _rotate(self, child: Child) -> None:
        """Move a long log away; the child goes on in the emptied file, which it has opened for appending."""
        path = self._log(child)
        if path.stat().st_size > LOG_BYTES:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)

    def _start(self, item: _Running) -> None:
        item.started = time.monotonic()
        with self._log(item.child).open("ab") as output:
            item.process = subprocess.Popen(
                item.child.command,
                env=os.environ | item.child.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.add(item.process.pid)

    def _log(self, child: Child) -> Path:
        return self._logs / f"{child.name}.log"

    def _last_words(self, child: Child) -> str:
        path = self._log(child)
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(lines[-LOG_LINES:]) + f" (all of it in {path})"


def is_ready(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        return httpx2.get(url, timeout=5, trust_env=False).is_success
    except httpx2.TransportError:
        return False


HOST = "127.0.0.1"
SECOND_STACK = 10_000
"""A shift with which no port of a second stack is one of the first; with 100 the gateway's would be ingestion's."""
CHAMPION = "models:/inkread@champion"


def stack(  # noqa: PLR0913, PLR0917
    home: Path, shift: int, webhook: str = "", replicas: int = 1, alert_token: str = "", mlflow_database: str = ""
) -> list[Child]:
    """The children of ``inkread up``.

    Args:
        home: what they keep is below it.
        shift: added to every port, for a second stack beside the first.
        webhook: where alerts are sent.
        replicas: how many prediction services.
        alert_token: with which the gateway takes alerts.
        mlflow_database: SQLAlchemy URL; a SQLite file where not given.
    """
    ports = {name: port + shift for name, port in PORTS.items()}
    readers = tuple(ports["prediction"] + number for number in range(replicas))
    environment = {
        "INKREAD_HOME": str(home),
        "INKREAD_MODEL": os.environ.get("INKREAD_MODEL") or CHAMPION,
        **{f"INKREAD_{name.upper()}_URL": f"http://{HOST}:{ports[name]}" for name in SERVICES},
        "INKREAD_PREDICTION_URL": ",".join(f"http://{HOST}:{port}" for port in readers),
    }
    children = []
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        url = f"http://{HOST}:{ports['mlflow']}"
        command, own, login = local_mlflow(home, ports["mlflow"], mlflow_database)
        environment |= {"MLFLOW_TRACKING_URI": url} | login
        children.append(Child("mlflow", command, url, f"{url}/health", environment=own))
    places = [(f"prediction-{number}", "prediction", port) for number, port in enumerate(readers[1:], 2)]
    places += [(name, name, ports[name]) for name in reversed(SERVICES)]
    command = (sys.executable, "-m", "inkread", "serve")
    children += [
        Child(
            name,
            (*command, service, "--host", HOST, "--port", str(port)),
            f"http://{HOST}:{port}",
            f"http://{HOST}:{port}/readyz",
            f"http://{HOST}:{port}/healthz",
            environment,
        )
        for name, service, port in places
    ]
    watched = {name: (ports[name],) for name in SERVICES} | {"prediction": readers}
    receiver = f"http://{HOST}:{ports['gateway']}/alerts"
    programs = local_monitoring(
        home / "monitoring", watched, shift=shift, webhook=webhook, receiver=receiver, token=alert_token
    )
    return children + [Child(item.name, item.command, item.url, item.ready) for item in programs]


def refuse_taken_ports(children: list[Child]) -> None:
    """Raise SettingsError where something listens on a port that is needed."""
    for child in children:
        port = int(child.url.rpartition(":")[2])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise SettingsError(
                    f"port {port}, which {child.name} needs, is taken; "
                    f"stop what listens there, or use --port-shift {SECOND_STACK}"
                ) from None
