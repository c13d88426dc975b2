"""What a stack keeps comes back from its backup, and an interruption leaves old or new, nothing half."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import sqlite3
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from dbos import DBOS
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from inkread.errors import OutputError, SettingsError
from inkread.server import upgrade as upgrading
from inkread.server.backup import _move_into, backup, restore
from inkread.server.database import revisions
from inkread.server.settings import RESTORE, Settings, load_settings
from inkread.server.upgrade import upgrade
from inkread.server.users import Users

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
AWAY = {f"{name}_url": "http://127.0.0.1:9" for name in ("gateway", "ingestion", "training", "prediction")}


@pytest.fixture
def stack(settings: Settings) -> Settings:
    """A stack with a user, a key, a job, a run, a model and a document."""
    places = {"home": settings.home / "home", "ingest_folders": (Path("/a"), Path("/b"))}
    return filled(settings.model_copy(update=AWAY | places))


def filled(settings: Settings) -> Settings:
    settings.home.mkdir()
    users = Users(settings.users_url)
    users.add("ada", PASSWORD, "admin")
    users.keys.add("ada", "scanner", ["predict"])
    DBOS.migrate(settings.jobs_url)
    (settings.home / "mlflow" / "artifacts").mkdir(parents=True)
    with closing(sqlite3.connect(settings.home / "mlflow" / "mlflow.db")) as runs:
        runs.execute("create table runs (name)")
        runs.execute("insert into runs values ('first')")
        runs.commit()
    (settings.home / "mlflow" / "artifacts" / "model.onnx").write_bytes(os.urandom(100_000))
    (settings.home / "documents" / "blobs").mkdir(parents=True)
    (settings.home / "documents" / "blobs" / "5f").write_bytes(b"a page")
    for left_out in ("tmp/upload", "logs/gateway.log", "backups/old.tar", "secret"):
        path = settings.home / left_out
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret of this machine")
    return settings


def elsewhere(settings: Settings, folder: Path, **values: object) -> Settings:
    return settings.model_copy(update={"home": folder, **values})


def state(home: Path) -> dict[str, bytes]:
    """Every file that is kept, databases by what is in them."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        if not path.is_file() or name.parts[0] in ("tmp", "logs", "backups", "secret", RESTORE, ".restored"):
            continue
        if path.suffix == ".db":
            with closing(sqlite3.connect(path)) as database:
                found[str(name)] = "\n".join(database.iterdump()).encode()
        else:
            found[str(name)] = path.read_bytes()
    return found


def test_everything_comes_back_but_secrets_and_passing_files(stack: Settings, tmp_path: Path) -> None:
    target = tmp_path / "else" / "backup.tar"
    manifest = backup(stack, target)
    new = elsewhere(stack, tmp_path / "new")
    assert restore(new, target) == manifest
    assert state(new.home) == state(stack.home)
    assert not any((new.home / name).exists() for name in ("tmp", "logs", "secret", RESTORE, ".restored"))
    users = Users(new.users_url)
    assert users.verify("ada", PASSWORD) is not None
    assert [key.name for key in users.keys.all()] == ["scanner"]
    content = target.read_bytes()
    assert stack.secret.get_secret_value().encode() not in content
    assert b"secret of this machine" not in content
    assert target.stat().st_mode & 0o077 == 0, "only the owner reads it"


def test_settings_are_kept_without_secrets(stack: Settings, tmp_path: Path) -> None:
    chosen = stack.model_copy(update={"limits_url": "redis://:hunter2@host:6379", "secret": SecretStr("x" * 40)})
    kept = backup(chosen, tmp_path / "else.tar")["settings"]
    assert kept["upload_mib"] == "64.0"
    assert kept["ingest_folders"] == "/a:/b"
    assert kept["limits_url"] == "redis://:***@host:6379"
    assert "secret" not in kept


def test_nothing_is_ever_overwritten(stack: Settings, tmp_path: Path) -> None:
    target = tmp_path / "else" / "backup.tar"
    backup(stack, target)
    with pytest.raises(OutputError, match="such a file already"):
        backup(stack, target)
    before = state(stack.home)
    with pytest.raises(SettingsError, match="is not empty .backups.; a backup is restored into an empty place only"):
        restore(stack, target)
    assert state(stack.home) == before
    database = tmp_path / "users.db"
    Users(f"sqlite:///{database}")
    with pytest.raises(SettingsError, match="the database users is not empty"):
        restore(elsewhere(stack, tmp_path / "new", database_url=f"sqlite:///{database}"), target)


@pytest.mark.parametrize("damage", ["cut", "changed", "another file"])
def test_a_damaged_backup_is_refused_and_the_place_stays_empty(stack: Settings, tmp_path: Path, damage: str) -> None:
    target = tmp_path / "else" / "backup.tar"
    backup(stack, target)
    content = target.read_bytes()
    broken = tmp_path / "broken.tar"
    place = content.index(b"a page")
    changed = content[:place] + b"A" + content[place + 1 :]
    broken.write_bytes({"cut": content[:-30_000], "changed": changed, "another file": b"x"}[damage])
    new = elsewhere(stack, tmp_path / "new")
    new.home.mkdir()
    with pytest.raises(SettingsError, match="damaged|no complete backup"):
        restore(new, broken)
    restore(new, target)
    assert state(new.home) == state(stack.home), "the good one can be restored after it"


def test_postgresql_comes_back_too(settings: Settings, tmp_path: Path, postgres: str, postgres_url: str) -> None:
    jobs = f"sqlite:///{tmp_path / 'home' / 'jobs.db'}"
    chosen = {"home": tmp_path / "home", "database_url": postgres_url, "jobs_database_url": jobs}
    stack = filled(settings.model_copy(update=AWAY | chosen))
    (stack.home / "mlflow" / "mlflow.db").unlink()
    target = tmp_path / "else" / "backup.tar"
    assert backup(stack, target)["databases"]["users"] == "users.dump"
    name = f"{postgres_url.rpartition('/')[2]}_new"
    engine = create_engine(f"{postgres}/postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    own_jobs = {"jobs_database_url": ""}
    with pytest.raises(SettingsError, match="the database users is not empty"):
        restore(elsewhere(stack, tmp_path / "new", **own_jobs), target)
    new = elsewhere(stack, tmp_path / "new", database_url=f"{postgres}/{name}", **own_jobs)
    restore(new, target)
    assert Users(new.users_url).verify("ada", PASSWORD) is not None
    with pytest.raises(SettingsError, match="one of PostgreSQL, the settings name another kind"):
        restore(elsewhere(stack, tmp_path / "third", database_url="", **own_jobs), target)
    assert set(upgrade(new)[1]) == {"users", "jobs", "mlflow"}


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process of its own that is killed at its n-th step on the disk; whether it was."""
    child = os.fork()
    if child == 0:
        steps = iter(range(number))

        def step(event: str, arguments: tuple[object, ...]) -> None:
            changes = event in ("os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "sqlite3.connect")
            written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa")
            if (changes or written) and next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(step)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def steps(work: Callable[[Path], object], folder: Path) -> Iterator[Path]:
    """The place after a kill at step 0, 2, 4 and so on, until the work is done before it."""
    for number in itertools.count(0, 2):
        place = folder / str(number)
        if not killed_at(number, partial(work, place)):
            break
        yield place
    assert number > 6, "it has many steps"


def test_a_backup_that_is_killed_is_not_there_and_can_be_made_again(stack: Settings, tmp_path: Path) -> None:
    before = state(stack.home)
    for place in steps(lambda place: backup(stack, place / "backup.tar"), tmp_path / "else"):
        if (place / "backup.tar").exists():
            with tarfile.open(place / "backup.tar") as tar:
                assert "manifest.json" in tar.getnames(), "if it is there it is whole"
        else:
            backup(stack, place / "backup.tar")
        assert [path.name for path in place.iterdir() if not path.name.startswith(".")] == ["backup.tar"]
        assert state(stack.home) == before


def test_a_restore_that_is_killed_is_finished_by_the_next(
    stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "else" / "backup.tar"
    backup(stack, target)
    whole = state(stack.home)
    for place in steps(lambda place: restore(elsewhere(stack, place), target), tmp_path / "new"):
        if not (place / RESTORE).exists():
            assert state(place) in ({}, whole), "nothing or all of it"
            continue
        monkeypatch.setenv("INKREAD_HOME", str(place))
        with pytest.raises(SettingsError, match="a restore was interrupted"):
            load_settings()
        restore(elsewhere(stack, place), target)
        assert state(place) == whole


def older(settings: Settings) -> None:
    """The users' database of the release before."""
    with closing(sqlite3.connect(settings.home / "users.db")) as users:
        for table in ("sessions", "api_keys", "api_key_use"):
            users.execute(f"drop table {table}")
        users.execute("delete from alembic_version where version_num = 'operator_0003'")
        if not users.execute("select 1 from alembic_version").fetchall():
            users.execute("insert into alembic_version values ('users_0001')")
        users.commit()


def test_an_upgrade_makes_a_backup_and_brings_the_tables(stack: Settings, tmp_path: Path) -> None:
    (stack.home / "mlflow" / "mlflow.db").unlink()
    older(stack)
    before = state(stack.home)
    kept, changes = upgrade(stack)
    old, new = changes["users"]
    assert "operator_0003" not in old
    assert new == " ".join(revisions())
    assert changes["jobs"][0] == changes["jobs"][1] != ""
    assert Users(stack.users_url).verify("ada", PASSWORD) is not None
    restore(elsewhere(stack, tmp_path / "new"), kept)
    assert state(tmp_path / "new") == before
    assert upgrade(stack)[1]["users"] == (" ".join(revisions()),) * 2, "the second finds nothing to do"


def test_an_upgrade_that_is_killed_leaves_old_or_new(stack: Settings, tmp_path: Path) -> None:
    (stack.home / "mlflow" / "mlflow.db").unlink()
    older(stack)

    def tables(home: Path) -> list[str]:
        with closing(sqlite3.connect(home / "users.db")) as users:
            return sorted(row[0] for row in users.execute("select name from sqlite_master where type = 'table'"))

    old = tables(stack.home)
    source = tmp_path / "else" / "old.tar"
    backup(stack, source)
    seen = set()

    def run(place: Path) -> None:
        restore(elsewhere(stack, place), source)
        upgrade(elsewhere(stack, place))

    for place in steps(run, tmp_path / "new"):
        if (place / RESTORE).exists() or not (place / "users.db").exists():
            continue
        seen.add(tuple(tables(place)))
        upgrade(elsewhere(stack, place))
        assert Users(f"sqlite:///{place / 'users.db'}").verify("ada", PASSWORD) is not None
    assert len(seen) == 2, "the old tables or the new ones"
    assert tuple(old) in seen


def test_an_upgrade_that_fails_changes_nothing(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (stack.home / "mlflow" / "mlflow.db").unlink()
    before = state(stack.home)

    def broken(url: str) -> None:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as half:
            half.execute("drop table users")
            half.commit()
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setitem(upgrading.MIGRATIONS, "users", broken)
    with pytest.raises(SettingsError, match="users cannot be upgraded .disk full.; it is as it was"):
        upgrade(stack)
    assert {name: kept for name, kept in state(stack.home).items() if not name.endswith(".part")} == before


def test_documents_in_a_folder_of_their_own_come_back_there(stack: Settings, tmp_path: Path) -> None:
    kept = stack.model_copy(update={"documents_folder": tmp_path / "pictures"})
    (tmp_path / "pictures" / "ab").mkdir(parents=True)
    (tmp_path / "pictures" / "ab" / "cd").write_bytes(b"a scan")
    target = tmp_path / "else" / "backup.tar"
    backup(kept, target)
    with pytest.raises(SettingsError, match="pictures is not empty"):
        restore(elsewhere(kept, tmp_path / "new"), target)
    with pytest.raises(SettingsError, match="set INKREAD_DOCUMENTS_FOLDER"):
        restore(elsewhere(kept, tmp_path / "new", documents_folder=None), target)
    restore(elsewhere(kept, tmp_path / "new", documents_folder=tmp_path / "moved"), target)
    assert (tmp_path / "moved" / "ab" / "cd").read_bytes() == b"a scan"
    assert state(tmp_path / "new") == state(stack.home)


def test_files_move_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "page").write_bytes(b"a scan")
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if not path.name.endswith(".part"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    _move_into(tmp_path / "folder", tmp_path / "there")
    assert (tmp_path / "there" / "page").read_bytes() == b"a scan"
    assert not list(tmp_path.glob(".*"))
