"""A service that is not safe must not start, and services that start together must agree."""

from __future__ import annotations

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from inkread.errors import SettingsError
from inkread.server.settings import Settings, is_loopback, load_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INKREAD_SECRET", raising=False)
    monkeypatch.delenv("INKREAD_ENVIRONMENT", raising=False)
    return tmp_path / "home"


def test_services_that_start_together_share_one_secret_that_only_the_owner_reads(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_one, make = Barrier(8, timeout=20), secrets.token_urlsafe

    def make_together(size: int) -> str:
        made_one.wait()  # none has kept its secret when all have found that there is none
        return make(size)

    monkeypatch.setattr("secrets.token_urlsafe", make_together)
    with ThreadPoolExecutor(8) as pool:
        found = {item.secret.get_secret_value() for item in pool.map(lambda _: load_settings(), range(8))}
    assert len(found) == 1
    assert len(found.pop()) >= 32
    assert stat.S_IMODE((home / "secret").stat().st_mode) == 0o600
    assert list(home.glob(".*.part")) == []


def test_development_is_not_reachable_from_other_machines() -> None:
    with pytest.raises(SettingsError, match="loopback only, not on 0.0.0.0"):
        load_settings("0.0.0.0")
    assert load_settings("127.0.0.1").development


@pytest.mark.parametrize("secret", ["", "short", "changeme" * 5, "a" * 64])
def test_production_refuses_a_missing_short_or_plain_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_ENVIRONMENT", "production")
    monkeypatch.setenv("INKREAD_SECRET", secret)
    with pytest.raises(SettingsError, match="INKREAD_SECRET"):
        load_settings("0.0.0.0")


def test_production_listens_anywhere_with_a_good_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_ENVIRONMENT", "production")
    monkeypatch.setenv("INKREAD_SECRET", "0bXq-3kP_vR9wT7yLzM2nF5hJ8sD1aGc")
    settings = load_settings("0.0.0.0")
    assert not settings.development
    assert "0bXq" not in repr(settings)


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_QUEUE_PAGES", "none")
    with pytest.raises(SettingsError, match=r"INKREAD_QUEUE_PAGES: .*integer"):
        load_settings()


def test_folders_are_separated_like_those_of_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKREAD_INGEST_FOLDERS", "/data/a:/data/b")
    assert Settings().ingest_folders == (Path("/data/a"), Path("/data/b"))


def test_each_purpose_has_its_own_key(settings: Settings) -> None:
    assert settings.key("clients") != settings.key("services")
    assert settings.secret.get_secret_value() not in settings.key("clients")


@pytest.mark.parametrize(
    ("host", "alone"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone
