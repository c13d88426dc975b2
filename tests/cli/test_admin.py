"""``inkread admin`` as an operator uses it, beside running services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.server.servers import free_port, when

pytestmark = pytest.mark.system
COMMAND = (sys.executable, "-m", "inkread")
USER = ("user1", "1resu")


def environment(home: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INKREAD", "MLFLOW"))}
    away = {f"INKREAD_{name}_URL": "http://127.0.0.1:9" for name in ("INGESTION", "TRAINING", "PREDICTION")}
    return kept | away | {"INKREAD_HOME": str(home), "INKREAD_GATEWAY_URL": f"http://127.0.0.1:{port}"}


def admin(home: Path, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*COMMAND, "admin", *arguments)
    return subprocess.run(
        command, env=environment(home, port), capture_output=True, text=True, check=False, timeout=300
    )


@contextmanager
def gateway(home: Path, port: int) -> Iterator[str]:
    command = (*COMMAND, "serve", "gateway", "--port", str(port))
    process = subprocess.Popen(command, env=environment(home, port), stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def alive() -> bool:
        assert process.poll() is None, "it does not start"
        try:
            return httpx2.get(f"{url}/healthz", trust_env=False).is_success
        except httpx2.TransportError:
            return False

    try:
        when(alive)
        yield url
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_stack_moves_to_another_place_with_its_users_and_keys(tmp_path: Path) -> None:
    old, new, target, port = tmp_path / "old", tmp_path / "new", tmp_path / "backup.tar", free_port()
    with gateway(old, port) as url:
        asked = {"name": "scanner", "scopes": ["predict"]}
        key = httpx2.post(f"{url}/keys", json=asked, auth=USER, trust_env=False).json()["text"]
        made = admin(old, port, "backup", str(target))
        assert made.returncode == 0, made.stderr
        assert "databases: users" in made.stdout
        running = admin(old, port, "upgrade")
        assert (running.returncode, "gateway runs at" in running.stderr) == (1, True)
        again = admin(old, port, "restore", str(target))
        assert (again.returncode, "is not empty" in again.stderr) == (1, True)
    restored = admin(new, port, "restore", str(target))
    assert restored.returncode == 0, restored.stderr
    upgraded = admin(new, port, "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    assert "users: " in upgraded.stdout
    assert upgraded.stdout.count("up to date") >= 1
    with gateway(new, port) as url:
        header = {"Authorization": f"Bearer {key}"}
        assert httpx2.get(f"{url}/keys", auth=USER, trust_env=False).json()[0]["name"] == "scanner"
        answer = httpx2.post(f"{url}/predict", content=b"x", headers=header, trust_env=False)
        assert answer.status_code == 503, "the key is let through; prediction does not run here"
