"""A stack's settings in a folder of its own, and requests as the gateway would make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from inkread.services.settings import Settings
from inkread.services.tokens import Identity, Role, service_header

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "a secret of the tests, which is long enough"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("INKREAD_HOME", "INKREAD_MODEL", "INKREAD_ENVIRONMENT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return Settings(home=tmp_path, secret=SecretStr(SECRET), retrain_schedule="", health_schedule="")


@pytest.fixture
def called_by(settings: Settings) -> Callable[[Role], dict[str, str]]:
    """``called_by("admin")``: the header with which the gateway calls other services."""
    return lambda role: service_header(Identity("ada", role), settings)


@pytest.fixture(scope="session")
def letter() -> bytes:
    return (EXAMPLES / "letter.png").read_bytes()
