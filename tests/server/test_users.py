"""Users are kept with their hashes, shut out at once, and demo users never reach production."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from sqlalchemy import create_engine, text

from inkread.errors import SettingsError
from inkread.server.database import open_database
from inkread.server.users import DEMO_USERS, Users

GOOD = "correct horse battery"


@pytest.fixture(params=["sqlite", "postgres"])
def url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'users.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def usual_hashes(cheap_hashes: Callable[[], PasswordHash], monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside the tests."""
    monkeypatch.setattr(PasswordHash, "recommended", cheap_hashes)


@pytest.fixture
def users(url: str) -> Users:
    made = Users(url)
    made.add("ada", GOOD, "admin")
    return made


def test_a_user_logs_in_with_the_password_only(users: Users) -> None:
    found = users.verify("ada", GOOD)
    assert found is not None
    assert found.identity.admin
    assert users.verify("ada", GOOD + "!") is None
    assert users.verify("bob", GOOD) is None


@pytest.mark.usefixtures("usual_hashes")
def test_no_password_stands_in_the_database(url: str) -> None:
    """Nor a hash from which it is guessed soon: 64 MiB and three passes for each guess, as RFC 9106 recommends."""
    users = Users(url)
    users.add("ada", GOOD, "admin")
    engine = create_engine(url)
    with engine.connect() as connection:
        (stored,) = connection.execute(text("select password_hash from users")).scalars()
    engine.dispose()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert GOOD not in stored
    assert users.find("ada") is not None


def test_a_disabled_user_is_out_and_may_come_back(users: Users) -> None:
    users.set_disabled("ada", True)
    assert users.verify("ada", GOOD) is None
    users.set_disabled("ada", False)
    assert users.verify("ada", GOOD) is not None


def test_a_new_password_replaces_the_old(users: Users) -> None:
    users.set_password("ada", "another long password")
    assert users.verify("ada", GOOD) is None
    assert users.verify("ada", "another long password") is not None


def test_opening_again_keeps_the_users(users: Users, url: str) -> None:
    assert [user.name for user in Users(url).all()] == ["ada"]
    assert users.all() == Users(url).all()


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("ada", GOOD, "such a user already"),
        ("bob", "short", "12 to 1024"),
        ("", GOOD, "1 to 64 letters"),
        ("a b", GOOD, "1 to 64 letters"),
        ("../x", GOOD, "1 to 64 letters"),
    ],
)
def test_what_is_wrong_is_said(users: Users, name: str, password: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        users.add(name, password, "user")


def test_a_database_that_others_write_to_is_waited_for(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'users.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("pragma busy_timeout").scalar() == 30_000
    engine.dispose()


def test_a_missing_user_is_named(users: Users) -> None:
    with pytest.raises(SettingsError, match="bob: there is no such user"):
        users.set_disabled("bob", True)


def test_demo_users_are_refused_until_they_are_disabled_or_changed(users: Users) -> None:
    users.refuse_demo_users()
    users.add_demo_users()
    users.add_demo_users()
    with pytest.raises(SettingsError, match="user1 has the demo password"):
        users.refuse_demo_users()
    users.set_disabled("user1", True)
    users.set_password("admin1", GOOD)
    users.refuse_demo_users()
    assert {name for name, *_ in DEMO_USERS} < {user.name for user in users.all()}


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="users' database cannot be opened"):
        Users(f"sqlite:///{tmp_path / 'nowhere' / 'users.db'}")


@pytest.mark.usefixtures("usual_hashes")
def test_log_in_takes_as_long_for_a_user_who_does_not_exist(users: Users) -> None:
    def median(name: str) -> float:
        times = []
        for _ in range(7):
            begun = time.process_time()
            users.verify(name, "wrong password here")
            times.append(time.process_time() - begun)
        return statistics.median(times)

    known, unknown = median("ada"), median("nobody")
    assert 0.5 < known / unknown < 2, "who exists must not show in the time"
