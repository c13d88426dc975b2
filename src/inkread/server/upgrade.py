"""Databases brought to what this version of the package needs, after a backup.

Usage: ``path, changes = upgrade(settings)``, while no service runs
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import httpx2
import sqlalchemy as sa
from alembic.util import CommandError

from inkread.errors import SettingsError
from inkread.server.backup import backup, copy_sqlite, databases, sqlite_file
from inkread.server.database import migrate, revisions_of
from inkread.server.settings import SERVICES, Settings

BACKUPS = "backups"


def upgrade(settings: Settings) -> tuple[Path, dict[str, tuple[str, str]]]:
    """Make a backup in ``home/backups``, then migrate every database, each of them wholly or not at all.

    A SQLite database is migrated as a copy that takes its place at the end. PostgreSQL has transactions for it.

    Returns:
        Where the backup is, and the revisions before and after by database.

    Raises:
        SettingsError: a service runs, or a migration fails; the database is as it was.
    """
    refuse_running_services(settings)
    kept = settings.home / BACKUPS / f"before-{version('inkread')}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.tar"
    backup(settings, kept)
    changes = {}
    for name, url in databases(settings).items():
        before = _revision(name, url)
        try:
            _migrate(name, url)
        except (sa.exc.SQLAlchemyError, sqlite3.Error, CommandError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise SettingsError(
                f"the database {name} cannot be upgraded ({reason}); it is as it was, see {kept}"
            ) from None
        changes[name] = (before, _revision(name, url))
    return kept, changes


def refuse_running_services(settings: Settings) -> None:
    """Raise SettingsError where a service answers at its address."""
    for service in SERVICES:
        for url in settings.service_urls(service):
            try:
                answer = httpx2.get(f"{url}/healthz", timeout=5, trust_env=False)
            except httpx2.TransportError:
                continue
            if answer.is_success:
                raise SettingsError(f"{service} runs at {url}; stop all services before an upgrade")


def _migrate(name: str, url: str) -> None:
    path = sqlite_file(url)
    if path is None:
        if name != "mlflow" or _revision(name, url):
            MIGRATIONS[name](url)
        return
    if not path.is_file():
        return
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    copy_sqlite(path, unfinished)
    MIGRATIONS[name](f"sqlite:///{unfinished}")
    with closing(sqlite3.connect(unfinished)) as made:
        made.execute("pragma journal_mode=delete")
    if path.with_name(f"{path.name}-wal").exists():
        raise SettingsError(f"{path} is open in another process; stop it before an upgrade")
    with unfinished.open("rb") as stream:
        os.fsync(stream.fileno())
    unfinished.rename(path)


def _jobs(url: str) -> None:
    from dbos import DBOS

    DBOS.migrate(url)


def _mlflow(url: str) -> None:
    from mlflow.store.db.utils import _upgrade_db  # the command for it would show the password to every process

    engine = sa.create_engine(url)
    try:
        _upgrade_db(engine)  # type: ignore[no-untyped-call]
    finally:
        engine.dispose()


MIGRATIONS: dict[str, Callable[[str], None]] = {"users": migrate, "jobs": _jobs, "mlflow": _mlflow}


def _revision(name: str, url: str) -> str:
    """What a database says of its version; "" where there is nothing yet."""
    path = sqlite_file(url)
    if path is not None and not path.is_file():
        return ""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            if name != "jobs":
                return " ".join(revisions_of(connection))
            schema = None if path is not None else "dbos"
            if not sa.inspect(connection).has_table("dbos_migrations", schema=schema):
                return ""
            table = sa.table("dbos_migrations", sa.column("version"), schema=schema)
            return str(connection.execute(sa.select(sa.func.max(table.c.version))).scalar())
    except sa.exc.SQLAlchemyError as error:
        raise SettingsError(f"the database {name} cannot be read ({str(error).splitlines()[0]})") from None
    finally:
        engine.dispose()
