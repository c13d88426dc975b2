"""``inkread serve`` and ``inkread up`` as a person starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.server.servers import free_port, when

COMMAND = (sys.executable, "-m", "inkread")


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
    return kept | {"INKREAD_HOME": str(home)} | more


def test_a_service_starts_answers_and_stops(tmp_path: Path) -> None:
    port = free_port()
    command = (*COMMAND, "serve", "prediction", "--port", str(port))
    process = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).is_success:
                break
        except httpx2.TransportError:
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert '"service": "prediction"' in errors


@pytest.mark.parametrize(
    ("arguments", "more", "sentence"),
    [
        (("--host", "0.0.0.0"), {}, "loopback only"),
        ((), {"INKREAD_ENVIRONMENT": "production"}, "INKREAD_SECRET must be random"),
        ((), {"INKREAD_QUEUE_PAGES": "many"}, "INKREAD_QUEUE_PAGES"),
    ],
)
def test_what_is_not_safe_does_not_start(
    tmp_path: Path, arguments: tuple[str, ...], more: dict[str, str], sentence: str
) -> None:
    command = (*COMMAND, "serve", "gateway", *arguments)
    done = subprocess.run(
        command, env=environment(tmp_path, **more), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


LETTER = Path(__file__).parents[2] / "examples" / "letter.png"


def _use(process: subprocess.Popen[str], gateway: str) -> list[psutil.Process]:
    """Wait for a stack and ask for this and that; its processes."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if "Ctrl-C" in line:
            break
    assert process.poll() is None, "".join(told)
    children = psutil.Process(process.pid).children(recursive=True)
    page = LETTER.read_bytes()
    with httpx2.Client(base_url=gateway, auth=("user1", "1resu"), timeout=60, trust_env=False) as client:
        assert "Margaret" in client.post("/predict?format=txt", files={"file": ("page.png", page)}).text
        assert client.post("/train").status_code == 403
        assert client.post("/predict", auth=("user1", "wrong")).status_code == 401
        # Prediction may have been ready before MLflow; then it registers the bundled model when it looks again.
        when(lambda: '"champion"' in client.get("/models").text)
        assert client.get("/models").json()[0]["aliases"] == ["champion"], "the bundled model"
    return children


@pytest.mark.system
def test_the_whole_stack_starts_reads_a_page_and_leaves_nothing_behind(tmp_path: Path) -> None:
    shift = free_port() % 20_000 + 10_000
    command = (*COMMAND, "up", "--port-shift", str(shift))
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True) as process:
        try:
            children = _use(process, f"http://127.0.0.1:{8000 + shift}")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
    assert process.returncode == 0
    requests = []
    for service in ("gateway", "ingestion", "training", "prediction"):
        log = (tmp_path / "logs" / f"{service}.log").read_text(encoding="utf-8")
        requests += [line for line in map(json.loads, log.splitlines()) if line["event"] == "request"]
    read = [line for line in requests if line["path"] == "/predict" and line["status"] == 200]
    assert {line["service"] for line in read} == {"gateway", "prediction"}
    assert all(line["user"] == "user1" and line["size"] > LETTER.stat().st_size for line in read)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.mark.parametrize(
    ("trusted", "address"), [("127.0.0.1", "10.9.8.7"), ("10.0.0.0/8", "127.0.0.1"), ("", "127.0.0.1")]
)
def test_forwarded_headers_count_where_the_proxy_is_trusted(tmp_path: Path, trusted: str, address: str) -> None:
    """By the address that the log names after a wrong log-in."""
    port, metrics = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    more = {"INKREAD_TRUSTED_PROXIES": trusted, "INKREAD_METRICS_PORT": str(metrics)}
    command = (*COMMAND, "serve", "gateway", "--port", str(port))
    process = subprocess.Popen(command, env=environment(tmp_path, **more), stderr=subprocess.PIPE, text=True)
    when(lambda: answers(f"{url}/healthz"))
    form = {"username": "user1", "password": "wrong"}
    httpx2.post(f"{url}/token", data=form, headers={"X-Forwarded-For": "10.9.8.7"}, trust_env=False)
    assert answers(f"http://127.0.0.1:{metrics}/metrics")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    (failed,) = [json.loads(line) for line in errors.splitlines() if '"login_failed"' in line]
    assert failed["address"] == address


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=30).is_success
    except httpx2.TransportError:
        return False
