"""``inkread users`` manages who may use the gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli.users import app
from inkread.errors import SettingsError
from inkread.server.users import Users


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INKREAD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str, words: str = "correct horse battery\n") -> str:
    answer = CliRunner().invoke(app, arguments, input=words)
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.output


def test_the_life_of_a_user(home: Path) -> None:
    assert "ada is a user with the role admin" in run("add", "ada", "--role", "admin", "--password-stdin")
    users = Users(f"sqlite:///{home / 'users.db'}")
    assert users.verify("ada", "correct horse battery") is not None
    run("passwd", "ada", words="another long password\nanother long password\n")
    assert users.verify("ada", "another long password") is not None
    run("disable", "ada")
    (row,) = json.loads(run("list", "--json"))
    assert (row["name"], row["role"], row["disabled"]) == ("ada", "admin", True)
    run("enable", "ada")
    assert "ada" in run("list")
    assert users.verify("ada", "another long password") is not None


def test_a_weak_password_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match="12 to 1024 characters"):
        run("add", "bob", "--password-stdin", words="short\n")


def test_passwords_are_not_shown() -> None:
    assert "correct horse" not in run("add", "eve", words="correct horse battery\ncorrect horse battery\n")


def test_the_life_of_a_key(home: Path) -> None:
    run("add", "ada", "--password-stdin")
    text = run("keys", "add", "ada", "scanner", "--scope", "predict", "--pages", "500").strip()
    (row,) = json.loads(run("keys", "list", "ada", "--json"))
    assert (row["name"], row["scopes"], row["pages_a_day"], row["active"]) == ("scanner", ["predict"], 500, True)
    assert text not in run("keys", "list")
    assert f"{row['id']} is revoked" in run("keys", "revoke", row["id"])
    assert Users(f"sqlite:///{home / 'users.db'}").keys.find(text) is None
    with pytest.raises(SettingsError, match="no such key"):
        run("keys", "revoke", row["id"])
    with pytest.raises(SettingsError, match="bob: there is no such user"):
        run("keys", "add", "bob", "x", "--scope", "predict")
