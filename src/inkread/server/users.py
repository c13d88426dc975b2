"""Users of the gateway in a database, with argon2 hashes of their passwords.

Usage: ``users = Users("sqlite:///users.db"); users.add("ada", "correct horse battery", "admin")``
"""

from __future__ import annotations

import re
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from pwdlib import PasswordHash
from sqlalchemy import Boolean, DateTime, String, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from inkread.errors import SettingsError
from inkread.server.database import Base, open_database
from inkread.server.keys import Keys
from inkread.server.sessions import Sessions
from inkread.server.tokens import Identity, Role

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
LEAST_PASSWORD = 12
MOST_PASSWORD = 1024
DEMO_USERS: tuple[tuple[str, str, Role], ...] = (("user1", "1resu", "user"), ("admin1", "1nimda", "admin"))


class _Row(Base):
    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class User:
    """A user as stored; ``disabled`` users cannot log in and their tokens are refused."""

    name: str
    role: Role
    password_hash: str
    disabled: bool
    created: datetime

    @property
    def identity(self) -> Identity:
        """Who it is."""
        return Identity(self.name, self.role)


class Users:
    """The users of one database; its tables are made or brought up to date first.

    Args:
        url: SQLAlchemy URL.

    Attributes:
        sessions: of those who are logged in.
        keys: their API keys.

    Raises:
        SettingsError: the database cannot be reached, and from every method where a value is wrong or a user missing.
    """

    def __init__(self, url: str) -> None:
        self._hash = PasswordHash.recommended()
        self._nobody = self._hash.hash("nobody's password")
        self._engine = open_database(url)
        weakref.finalize(self, self._engine.dispose)
        self.sessions = Sessions(self._engine)
        self.keys = Keys(self._engine)

    def add(self, name: str, password: str, role: Role, *, check: bool = True) -> None:
        """Add a user; ``check`` asks for a password of at least 12 characters."""
        if not NAME.fullmatch(name):
            raise SettingsError(f"{name}: a user name has 1 to 64 letters, digits and . _ @ -")
        row = _Row(
            name=name,
            role=role,
            password_hash=self._hashed(password, check),
            disabled=False,
            created=datetime.now(UTC),
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
        except IntegrityError:
            raise SettingsError(f"{name}: there is such a user already") from None

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password; sessions under the old one end."""
        self._change(name, password_hash=self._hashed(password, check=True))
        self.sessions.end_all(name)

    def set_role(self, name: str, role: Role) -> None:
        """Give a user another role; sessions under the old one end."""
        self._change(name, role=role)
        self.sessions.end_all(name)

    def set_disabled(self, name: str, disabled: bool) -> None:
        """Shut a user out, or let one in again; the sessions end."""
        self._change(name, disabled=disabled)
        self.sessions.end_all(name)

    def check(self) -> None:
        """Ask the database something; SQLAlchemyError where it does not answer."""
        with Session(self._engine) as session:
            session.execute(select(_Row.name).limit(1))

    def find(self, name: str) -> User | None:
        """The user of that name."""
        with Session(self._engine) as session:
            row = session.get(_Row, name)
            return None if row is None else _user(row)

    def all(self) -> list[User]:
        """All users by name."""
        with Session(self._engine) as session:
            return [_user(row) for row in session.scalars(select(_Row).order_by(_Row.name))]

    def verify(self, name: str, password: str) -> User | None:
        """The user whose name and password these are; takes as long where there is no such user."""
        user = self.find(name)
        hash = self._nobody if user is None else user.password_hash
        right = len(password) <= MOST_PASSWORD and self._hash.verify(password, hash)
        return user if right and user is not None and not user.disabled else None

    def add_demo_users(self) -> None:
        """The demo users of a developer's machine, where they are not there yet."""
        for name, password, role in DEMO_USERS:
            if self.find(name) is None:
                self.add(name, password, role, check=False)

    def refuse_demo_users(self) -> None:
        """Raise SettingsError where a demo user could log in with the password that everybody knows."""
        for name, password, _ in DEMO_USERS:
            if self.verify(name, password) is not None:
                raise SettingsError(
                    f"{name} has the demo password, which only development may have; run inkread users disable {name}"
                )

    def _hashed(self, password: str, check: bool) -> str:
        if check and not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise SettingsError(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
        return self._hash.hash(password)

    def _change(self, name: str, **values: object) -> None:
        with Session(self._engine) as session, session.begin():
            row = session.get(_Row, name)
            if row is None:
                raise SettingsError(f"{name}: there is no such user; inkread users list shows who there is")
            for key, value in values.items():
                setattr(row, key, value)


def _user(row: _Row) -> User:
    return User(row.name, cast(Role, row.role), row.password_hash, row.disabled, row.created)
