"""Children are kept alive, and none outlives its parent."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psutil
import pytest

from inkread.errors import SettingsError
from inkread.server import stack as stack_module
from inkread.server.stack import SECOND_STACK, Child, Supervisor, refuse_taken_ports, stack
from tests.server.servers import free_port

SERVER = """
import http.server, os, sys
class Pid(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Pid).serve_forever()
"""


def child(port: int, code: str = SERVER) -> Child:
    url = f"http://127.0.0.1:{port}"
    return Child("answers", (sys.executable, "-c", code, str(port)), url, url)


def pid_of(port: int) -> int:
    try:
        return int(httpx2.get(f"http://127.0.0.1:{port}", trust_env=False).text)
    except httpx2.TransportError:
        return 0


def when(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def test_what_dies_is_started_again_and_everything_is_stopped_at_the_end(tmp_path: Path) -> None:
    port, stop = free_port(), threading.Event()
    with Supervisor([child(port)], tmp_path) as supervisor:
        supervisor.wait_until_ready(30, stop)
        watching = threading.Thread(target=supervisor.watch, args=(stop,))
        watching.start()
        first = pid_of(port)
        psutil.Process(first).kill()
        when(lambda: pid_of(port) not in (0, first))
        second = pid_of(port)
        stop.set()
        watching.join()
    assert not psutil.pid_exists(first)
    assert not psutil.pid_exists(second)


def test_what_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    dead = child(free_port(), "import sys; sys.exit('the port is cursed')")
    with (
        pytest.raises(SettingsError, match=r"answers ended with status 1: the port is cursed \(all of it in .*log\)"),
        Supervisor([dead], tmp_path) as supervisor,
    ):
        supervisor.wait_until_ready(30, threading.Event())


def test_what_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    idle = child(free_port(), "import threading; print('hm', flush=True); threading.Event().wait()")
    with pytest.raises(SettingsError, match="not ready after 1 seconds"), Supervisor([idle], tmp_path) as supervisor:
        supervisor.wait_until_ready(1, threading.Event())


def test_what_hangs_is_started_again(tmp_path: Path) -> None:
    port, stop = free_port(), threading.Event()
    with Supervisor([child(port)], tmp_path, hung_seconds=1) as supervisor:
        supervisor.wait_until_ready(30, stop)
        watching = threading.Thread(target=supervisor.watch, args=(stop,))
        watching.start()
        first = pid_of(port)
        when(lambda: supervisor._running[0].answered > 0)
        psutil.Process(first).suspend()
        when(lambda: not psutil.pid_exists(first))
        when(lambda: pid_of(port) not in (0, first))
        stop.set()
        watching.join()


def test_long_logs_are_moved_away_while_the_child_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "LOG_BYTES", 1000)
    talker = child(free_port(), "for n in range(10**9): print('line', n, flush=True); import time; time.sleep(0.001)")
    with Supervisor([talker], tmp_path, hung_seconds=1) as supervisor:
        stop = threading.Event()
        watching = threading.Thread(target=supervisor.watch, args=(stop,))
        watching.start()
        moved = tmp_path / "answers.log.1"
        when(lambda: moved.exists() and "line 0" not in moved.read_text())
        when(lambda: (tmp_path / "answers.log").stat().st_size > 0)
        stop.set()
        watching.join()
    assert "\0" not in (tmp_path / "answers.log").read_text()


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_killed_supervisor_leaves_nothing_behind(tmp_path: Path, state: str) -> None:
    port = free_port()
    code = (
        "import threading, sys; from pathlib import Path; from inkread.server.stack import *\n"
        f"c = Child('a', (sys.executable, '-c', {SERVER!r}, '{port}'), '', 'http://127.0.0.1:{port}')\n"
        f"with Supervisor([c], Path({str(tmp_path)!r})) as s: s.watch(threading.Event())"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    when(lambda: pid_of(port) != 0)
    served = pid_of(port)
    if state == "stopped":  # takes no signal but SIGKILL
        psutil.Process(served).suspend()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    when(lambda: not psutil.pid_exists(served))


def test_the_stack_has_all_services_and_finds_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("INKREAD_MODEL", raising=False)
    children = {item.name: item for item in stack(tmp_path, 100)}
    assert {"mlflow", "prediction", "training", "ingestion", "gateway"} <= set(children)
    environment = children["gateway"].environment
    assert environment["INKREAD_PREDICTION_URL"] == "http://127.0.0.1:8400"
    assert environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5100"
    password = environment["MLFLOW_TRACKING_PASSWORD"]
    assert children["mlflow"].environment["MLFLOW_AUTH_ADMIN_PASSWORD"] == password
    assert password not in " ".join(children["mlflow"].command), "it would be in the list of processes"
    assert stack(tmp_path, 100)[0].environment["MLFLOW_AUTH_ADMIN_PASSWORD"] == password, "it is kept"
    assert (tmp_path / "mlflow-login" / "password").stat().st_mode & 0o077 == 0
    assert environment["INKREAD_MODEL"] == "models:/inkread@champion"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert "mlflow" not in {item.name for item in stack(tmp_path, 100)}, "a server elsewhere is used as it is"


def test_replicas_have_ports_of_their_own_and_are_all_known(tmp_path: Path) -> None:
    children = {item.name: item for item in stack(tmp_path, 0, replicas=3)}
    places = [children[name].url for name in ("prediction", "prediction-2", "prediction-3")]
    assert places == [f"http://127.0.0.1:{port}" for port in (8300, 8301, 8302)]
    assert children["gateway"].environment["INKREAD_PREDICTION_URL"] == ",".join(places)


def test_a_second_stack_has_no_port_of_the_first(tmp_path: Path) -> None:
    def ports(shift: int) -> set[str]:
        return {item.url.rpartition(":")[2] for item in stack(tmp_path, shift)}

    assert not ports(0) & ports(SECOND_STACK)
    root = Path(__file__).parents[2]
    pages = [page.read_text(encoding="utf-8") for page in (*root.glob("*.md"), *root.glob("docs/*.md"))]
    advised = {int(shift) for page in pages for shift in re.findall(r"--port-shift (\d+)", page)}
    assert not [shift for shift in advised if ports(0) & ports(shift)]


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    port = free_port()
    with Supervisor([child(port)], tmp_path) as supervisor:
        supervisor.wait_until_ready(30, threading.Event())
        with pytest.raises(SettingsError, match=f"port {port}, which answers needs, is taken"):
            refuse_taken_ports([child(port)])
