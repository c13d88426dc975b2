"""A stack's settings in a folder of its own, and requests as the gateway would make them."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from inkread.server.settings import Settings
from inkread.server.tokens import Identity, Role, service_header

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
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_owner: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    binaries, data = programs[-1], folder / "data"
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_owner}
    subprocess.run([binaries / "initdb", "-D", data, "-U", "inkread", "-A", "trust", "--no-sync"], **quiet)
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    subprocess.run([binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **quiet)
    yield f"postgresql+psycopg://inkread@127.0.0.1:{port}"
    subprocess.run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """An empty database."""
    name = f"test_{secrets.token_hex(6)}"
    engine = create_engine(f"{postgres}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    return f"{postgres}/{name}"


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
