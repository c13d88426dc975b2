"""API keys of users: scopes, quotas a day, stored as hashes.

Usage: ``text, key = Keys(engine).add("ada", "scanner", ["predict"], pages_a_day=500)``
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, cast, get_args

from sqlalchemy import Date, DateTime, Engine, Integer, String, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from inkread.errors import SettingsError
from inkread.server.database import Base
from inkread.server.problems import ProblemError

Scope = Literal["predict", "documents", "jobs", "admin"]
"""What a key opens: reading pages; documents; datasets and training; everything its user may do."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
FOR_ADMINS = {"jobs", "admin"}
PREFIX = "ink_"
KEY = re.compile(r"ink_([0-9a-f]{16})_([\w-]{43})", re.ASCII)
LONGEST_NAME = 100
USE_KEPT = timedelta(days=90)


class _Key(Base):
    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    user: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(100))
    requests_a_day: Mapped[int | None] = mapped_column(Integer)
    pages_a_day: Mapped[int | None] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class _Use(Base):
    __tablename__ = "api_key_use"

    key: Mapped[str] = mapped_column(String(16), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    requests: Mapped[int] = mapped_column(Integer)
    pages: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, without its secret.

    Attributes:
        id: names it.
        user: whose it is.
        name: what the user calls it.
        scopes: what it opens.
        requests_a_day, pages_a_day: quotas, None for none; a day is one of UTC.
        requests_today, pages_today: what was used of them.
        created: when it was made.
        expires: when it ends, None for never.
        active: whether it is neither revoked nor expired.
    """

    id: str
    user: str
    name: str
    scopes: tuple[Scope, ...]
    requests_a_day: int | None
    pages_a_day: int | None
    requests_today: int
    pages_today: int
    created: datetime
    expires: datetime | None
    active: bool


class Keys:
    """The keys of one database.

    Args:
        engine: of `inkread.server.database.open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        user: str,
        name: str,
        scopes: Sequence[str],
        *,
        admin: bool = False,
        requests_a_day: int | None = None,
        pages_a_day: int | None = None,
        days: int | None = None,
    ) -> tuple[str, Key]:
        """Make a key; its text is returned here and stored nowhere.

        Args:
            user: whose key it is.
            name: for people.
            scopes: at least one.
            admin: whether the user is an admin, whom alone the scopes jobs and admin are for.
            requests_a_day, pages_a_day: quotas.
            days: after which it ends.

        Raises:
            SettingsError: a value is wrong.
        """
        chosen = [scope for scope in SCOPES if scope in scopes]
        if not scopes or len(chosen) != len(set(scopes)):
            raise SettingsError(f"a key has one or more of the scopes {', '.join(SCOPES)}")
        if not admin and FOR_ADMINS & set(chosen):
            raise SettingsError(f"{user} is no admin, whom alone the scopes jobs and admin are for")
        if not 1 <= len(name.strip()) <= LONGEST_NAME or not name.isprintable():
            raise SettingsError(f"the name of a key has 1 to {LONGEST_NAME} printable characters")
        if any(value is not None and value < 1 for value in (requests_a_day, pages_a_day, days)):
            raise SettingsError("quotas and days are 1 or more")
        secret = secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        row = _Key(
            id=secrets.token_hex(8),
            user=user,
            name=name.strip(),
            secret_hash=_hashed(secret),
            scopes=",".join(chosen),
            requests_a_day=requests_a_day,
            pages_a_day=pages_a_day,
            created=now,
            expires=None if days is None else now + timedelta(days=days),
            revoked=None,
        )
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.add(row)
        return f"{PREFIX}{row.id}_{secret}", _key(row, None)

    def all(self, user: str | None = None) -> list[Key]:
        """The keys of a user, or of all, oldest first."""
        chosen = select(_Key, _Use).outerjoin(_Use, (_Use.key == _Key.id) & (_Use.day == _today()))
        if user is not None:
            chosen = chosen.where(_Key.user == user)
        with Session(self._engine) as session:
            return [_key(key, use) for key, use in session.execute(chosen.order_by(_Key.created, _Key.id))]

    def revoke(self, identifier: str, user: str | None = None) -> bool:
        """End a key, of this user where one is given; whether there was one that was not revoked yet."""
        chosen = update(_Key).where(_Key.id == identifier, _Key.revoked.is_(None)).values(revoked=datetime.now(UTC))
        if user is not None:
            chosen = chosen.where(_Key.user == user)
        with self._engine.begin() as connection:
            return connection.execute(chosen).rowcount == 1

    def find(self, text: str) -> Key | None:
        """The key with this text; None where there is none that is active."""
        parts = KEY.fullmatch(text)
        if parts is None:
            return None
        with Session(self._engine) as session:
            row = session.get(_Key, parts[1])
            if row is None or not hmac.compare_digest(row.secret_hash, _hashed(parts[2])):
                return None
            found = _key(row, session.get(_Use, (row.id, _today())))
        return found if found.active else None

    def count_request(self, key: Key, *, reads: bool) -> None:
        """Count a request with a key.

        Args:
            key: what it came with.
            reads: whether it asks for pages to be read; others need no quota of pages.

        Raises:
            ProblemError: 429 where a quota of the day is used up; Retry-After leads into the next day.
        """
        if reads and key.pages_a_day is not None and key.pages_today >= key.pages_a_day:
            raise _used_up(f"{key.pages_a_day} pages")
        if self._add(key.id, requests=1, most_requests=key.requests_a_day):
            return
        raise _used_up(f"{key.requests_a_day} requests")

    def count_pages(self, identifier: str, pages: int) -> None:
        """Count pages that were read with a key."""
        if pages:
            self._add(identifier, pages=pages)

    def used_up(self) -> frozenset[str]:
        """The keys that may read no more pages today."""
        chosen = (
            select(_Key.id).join(_Use, _Use.key == _Key.id).where(_Use.day == _today(), _Use.pages >= _Key.pages_a_day)
        )
        with Session(self._engine) as session:
            return frozenset(session.scalars(chosen))

    def _add(self, key: str, *, requests: int = 0, pages: int = 0, most_requests: int | None = None) -> bool:
        """Add to the use of today; False where that would be more requests than ``most_requests``."""
        today = _today()
        more = update(_Use).where(_Use.key == key, _Use.day == today)
        more = more.values(requests=_Use.requests + requests, pages=_Use.pages + pages)
        if most_requests is not None:
            more = more.where(_Use.requests + requests <= most_requests)
        with self._engine.begin() as connection:
            if connection.execute(more).rowcount:
                return True
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(_Use).where(_Use.key == key, _Use.day < today - USE_KEPT))
                connection.execute(_Use.__table__.insert().values(key=key, day=today, requests=requests, pages=pages))  # type: ignore[attr-defined]
        except IntegrityError:  # there is a row: the quota is used up, or another request was faster to make it
            with self._engine.begin() as connection:
                return bool(connection.execute(more).rowcount)
        return True


def _used_up(quota: str) -> ProblemError:
    now = datetime.now(UTC)
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    seconds = int((tomorrow - now).total_seconds()) + 1
    detail = f"the {quota} a day of this key are used up; the next day begins at 00:00 UTC"
    return ProblemError(429, "Quota Used Up", detail, {"Retry-After": str(seconds)})


def _hashed(secret: str) -> str:
    """SHA-256 is enough: the secret has 256 random bits, nobody guesses it however fast the hash is."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _today() -> date:
    return datetime.now(UTC).date()


def _key(row: _Key, use: _Use | None) -> Key:
    expires = None if row.expires is None else row.expires.replace(tzinfo=row.expires.tzinfo or UTC)
    return Key(
        row.id,
        row.user,
        row.name,
        tuple(cast(Scope, scope) for scope in row.scopes.split(",")),
        row.requests_a_day,
        row.pages_a_day,
        0 if use is None else use.requests,
        0 if use is None else use.pages,
        row.created.replace(tzinfo=row.created.tzinfo or UTC),
        expires,
        row.revoked is None and (expires is None or expires > datetime.now(UTC)),
    )
