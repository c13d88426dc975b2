"""The database of the gateway: users, sessions, keys; its tables are made or brought up to date when it is opened.

Usage: ``engine = open_database("sqlite:///users.db")``
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from inkread.errors import SettingsError

BUSY_SECONDS = 30.0


class Base(DeclarativeBase):
    """What the tables have in common."""


def open_database(url: str) -> Engine:
    """Connect, and apply the migrations that are missing, all or none of them.

    Args:
        url: SQLAlchemy URL.

    Raises:
        SettingsError: the database cannot be reached.
    """
    try:
        migrate(url)
        return create_engine(url, pool_pre_ping=True, connect_args=patient(url))
    except SQLAlchemyError as error:
        raise SettingsError(f"the users' database cannot be opened ({str(error).splitlines()[0]})") from None


def patient(url: str) -> dict[str, Any]:
    """Arguments of connections: SQLite waits for other writers, which a busy machine holds up for longer than 5 s."""
    return {"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {}


def migrate(url: str) -> None:
    """Apply the migrations that are missing in one transaction; SQLAlchemyError where that cannot be done."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        # the driver by itself would leave changes of tables out of the transaction
        @event.listens_for(engine, "connect")
        def connected(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # of two services that start at once one waits

    with engine.begin() as connection:
        command.upgrade(_config(connection), "heads")


def revisions() -> list[str]:
    """The revisions that this version of the package migrates to."""
    return sorted(ScriptDirectory.from_config(_config(None)).get_heads())


def revisions_of(connection: Connection) -> list[str]:
    """The revisions that a database has."""
    return sorted(MigrationContext.configure(connection).get_current_heads())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(resources.files("inkread.server") / "migrations"))))
    config.attributes["connection"] = connection
    return config
