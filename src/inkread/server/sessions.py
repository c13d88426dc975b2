"""Who is logged in: a session runs as long as it is in the database, so that log-out holds after a restart too.

Usage: ``session = Sessions(engine).begin("ada", timedelta(hours=12))``
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import DateTime, Engine, String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from inkread.server.database import Base


class _Session(Base):
    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user: Mapped[str] = mapped_column(String(64))
    expires: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Sessions:
    """The sessions of one database.

    Args:
        engine: of `inkread.server.database.open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, user: str, life: timedelta) -> str:
        """A session that runs for ``life`` at most; forgets those that have expired."""
        made = secrets.token_hex(16)
        now = datetime.now(UTC)
        with Session(self._engine) as session, session.begin():
            session.execute(delete(_Session).where(_Session.expires < now))
            session.add(_Session(id=made, user=user, expires=now + life))
        return made

    def runs(self, session: str, user: str) -> bool:
        """Whether it is a session of this user that has neither ended nor expired."""
        chosen = select(_Session.id).where(_Session.id == session, _Session.user == user)
        with self._engine.connect() as connection:
            return connection.execute(chosen.where(_Session.expires > datetime.now(UTC))).first() is not None

    def running(self) -> dict[str, int]:
        """How many sessions run, by user."""
        chosen = select(_Session.user, func.count()).where(_Session.expires > datetime.now(UTC))
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(chosen.group_by(_Session.user))}

    def end(self, session: str) -> None:
        """End a session: its tokens are refused from now on."""
        with self._engine.begin() as connection:
            connection.execute(delete(_Session).where(_Session.id == session))

    def end_all(self, user: str) -> None:
        """End the sessions of a user."""
        with self._engine.begin() as connection:
            connection.execute(delete(_Session).where(_Session.user == user))
