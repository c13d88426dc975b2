"""The smoke test of the containers, against a gateway and a prediction service of this process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.deploy.tools import DEPLOY, ROOT
from tests.server.servers import free_port, served

SECRET = "a secret of the smoke test, which is long enough"


def smoke(settings: Settings, page: Path, **urls: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "INKREAD_HOME": str(settings.home),
        "INKREAD_DATABASE_URL": settings.users_url,
        **{f"INKREAD_{name.upper()}_URL": url for name, url in urls.items()},
    }
    command = [sys.executable, str(DEPLOY / "docker" / "smoke.py"), str(page)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("INKREAD_")]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path, secret=SecretStr(SECRET))


@pytest.mark.system
def test_a_stack_that_reads_passes_twice_and_leaves_no_user_who_can_log_in(settings: Settings) -> None:
    page = ROOT / "examples" / "letter.png"
    with served(prediction_app(settings)) as prediction:
        settings = settings.model_copy(update={"prediction_url": prediction})
        with served(gateway_app(settings)) as gateway:
            first = smoke(settings, page, gateway=gateway, prediction=prediction)
            again = smoke(settings, page, gateway=gateway)
            users = [sys.executable, "-m", "inkread", "users", "list", "--json"]
            listed = subprocess.run(
                users,
                env=os.environ | {"INKREAD_HOME": str(settings.home)},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
    assert first.returncode == 0, first.stderr
    assert "prediction is ready" in first.stdout and "letter.png: " in first.stdout
    assert again.returncode == 0, again.stderr
    assert '"name": "smoke-test", "role": "user", "disabled": true' in listed


@pytest.mark.system
def test_a_stack_without_prediction_fails_with_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    settings = settings.model_copy(update={"prediction_url": nobody})
    monkeypatch.setenv("SMOKE_SECONDS", "3")
    with served(gateway_app(settings)) as gateway:
        answer = smoke(settings, ROOT / "examples" / "letter.png", gateway=gateway)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"smoke test: {gateway}/readyz answers 503")
    assert "the prediction service is not there" in answer.stderr
