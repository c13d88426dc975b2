"""A stack's settings in a folder of its own, and requests as the gateway would make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from inkread.server.settings import Settings
from inkread.server.tokens import Identity, Role, service_header
from tests.server.postgresql import new_database, postgresql_programs, postgresql_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.server.browsing import Enter

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "a secret of the tests, which is long enough"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("INKREAD_HOME", "INKREAD_MODEL", "INKREAD_ENVIRONMENT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return Settings(
        home=tmp_path,
        secret=SecretStr(SECRET),
        retrain_schedule="",
        health_schedule="",
        decoders=2,
        readers=1,
    )


@pytest.fixture
def called_by(settings: Settings) -> Callable[[Role], dict[str, str]]:
    """``called_by("admin")``: the header with which the gateway calls other services."""
    return lambda role: service_header(Identity("ada", role), settings)


@pytest.fixture(scope="session")
def letter() -> bytes:
    return (EXAMPLES / "letter.png").read_bytes()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of Debian's in a folder of its own, by its URL without a database."""
    if postgresql_programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgresql_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """An empty database."""
    return new_database(postgres)


@pytest.fixture
def browser() -> Iterator[Browser]:
    from tests.server.browsing import chromium  # which the tests without a browser need not wait for

    with chromium() as browser:
        yield browser


@pytest.fixture
def problems() -> list[str]:
    """What the browser's console complains of."""
    return []


@pytest.fixture
def enter(browser: Browser, problems: list[str]) -> Enter:
    """``enter(address, *USER)``: a page of a person who has logged in, with a browser of their own.

    Tests ask for it behind the gateway, so that it ends first: a gateway waits for open streams of events.
    """
    from tests.server.browsing import entering

    return entering(browser, problems)
