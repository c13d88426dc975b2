"""MLflow answers those who have its password, and nobody else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import httpx2
import pytest

from inkread.bundle import Bundle
from inkread.registry import Registry
from inkread.server.mlflow_server import LOGIN, local_mlflow
from tests.server.servers import free_port, when

pytestmark = pytest.mark.filterwarnings("ignore")


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health", trust_env=False, timeout=30).is_success
    except httpx2.TransportError:
        return False


@pytest.mark.system
def test_only_who_has_the_password_reaches_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    for again in (False, True):
        if again:  # the password is given up: the users of the former one go with it
            (tmp_path / LOGIN / "password").unlink()
        command, environment, login = local_mlflow(tmp_path, port)
        with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL) as server:
            try:
                when(lambda: answers(url), 120)
                monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
                listed = "/api/2.0/mlflow/registered-models/search"
                assert httpx2.get(url + listed, trust_env=False, timeout=30).status_code == 401
                wrong = ("inkread", "wrong password")
                assert httpx2.get(url + listed, auth=wrong, trust_env=False, timeout=30).status_code == 401
                for name, value in login.items():
                    monkeypatch.setenv(name, value)
                if not again:
                    assert Registry(url).register(Bundle.open().folder) == 1
                assert [version.version for version in Registry(url).versions()] == [1]
            finally:
                server.terminate()
