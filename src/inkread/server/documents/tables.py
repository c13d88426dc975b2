"""Tables of documents; `inkread.server.migrations` makes them.

Usage: ``session.get(Page, (document, 3))``

A row of ``document_pages`` is both what a user sees of a page and its place in the queue of work.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_LENGTH = 26
HASH_LENGTH = 64
NAME_LENGTH = 200
TAG_LENGTH = 64

BATCH, TEMPLATE = "batch", "template"
"""Kinds of documents that are forms; all others have none."""
WAITING, READING, READ, FAILED, CANCELLED = "waiting", "reading", "read", "failed", "cancelled"
IN_CORRECTION, DONE = "in_correction", "done"


class Time(TypeDecorator[datetime]):
    """A time in UTC, also from SQLite, which keeps none of the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time with its zone."""
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """Of all tables of documents."""

    type_annotation_map = {datetime: Time, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


def document_key() -> Mapped[str]:
    """The id of the document that a row belongs to and goes with, as part of its key."""
    return mapped_column(String(ID_LENGTH), ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)


class Document(Base):
    """What a user gave, as one or several files.

    ``kind`` is "" but for a template or a batch of forms, see `inkread.server.forms.tables`.
    ``sequence`` grows with every change of the document or of one of its pages, which get its value. ``served`` is
    when one of its pages was last taken to be read. ``key`` is the API key that it came with, in whose quota its pages
    count.
    """

    __tablename__ = "documents"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    collection: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    kind: Mapped[str] = mapped_column(String(16), default="")
    owner: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16), default=WAITING)
    created: Mapped[datetime]
    expires: Mapped[datetime | None] = mapped_column(index=True)
    sequence: Mapped[int] = mapped_column(Integer, default=1)
    served: Mapped[datetime | None]
    webhook: Mapped[str] = mapped_column(Text, default="")
    webhook_due: Mapped[datetime | None]
    webhook_tries: Mapped[int] = mapped_column(Integer, default=0)
    key: Mapped[str] = mapped_column(String(16), default="")


class Upload(Base):
    """A file of a document. ``first`` is the number of pages before its own; ``pages`` is None until it was opened."""

    __tablename__ = "document_uploads"

    document: Mapped[str] = document_key()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    sha256: Mapped[str] = mapped_column(String(HASH_LENGTH))
    bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16), default=WAITING)
    pages: Mapped[int | None] = mapped_column(Integer)
    claim: Mapped[str] = mapped_column(String(ID_LENGTH), default="")
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, default=0)


class Page(Base):
    """A page. ``revision`` is that of the version that holds now, 0 before it was read."""

    __tablename__ = "document_pages"

    document: Mapped[str] = document_key()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    upload: Mapped[int] = mapped_column(Integer)
    index: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default=WAITING, index=True)
    error: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(HASH_LENGTH), default="")
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    width: Mapped[int] = mapped_column(Integer, default=0)
    height: Mapped[int] = mapped_column(Integer, default=0)
    lines: Mapped[int] = mapped_column(Integer, default=0)
    confidence: Mapped[float | None] = mapped_column(Float)
    revision: Mapped[int] = mapped_column(Integer, default=0)
    sequence: Mapped[int] = mapped_column(Integer, default=0)
    user: Mapped[str] = mapped_column(String(64), default="")
    time: Mapped[datetime]
    claim: Mapped[str] = mapped_column(String(ID_LENGTH), default="")
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, default=0)


class Version(Base):
    """What a page held from one revision to the next; ``content`` is packed, see `inkread.server.documents.content`."""

    __tablename__ = "document_versions"

    document: Mapped[str] = document_key()
    page: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user: Mapped[str] = mapped_column(String(64), default="")
    time: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    changes: Mapped[list[Any]]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Passage(Base):
    """A line, or one of its alternatives, as search compares it."""

    __tablename__ = "document_texts"

    document: Mapped[str] = document_key()
    page: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    alternative: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    line: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    folded: Mapped[str] = mapped_column(Text)


class Share(Base):
    """Who besides the owner may see a document."""

    __tablename__ = "document_shares"

    document: Mapped[str] = document_key()
    user: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))


class Tag(Base):
    """A word that somebody gave to a page, or with 0 for the page to a whole document."""

    __tablename__ = "document_tags"

    document: Mapped[str] = document_key()
    page: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(String(TAG_LENGTH), primary_key=True, index=True)


class Use(Base):
    """A dataset that was made of a document, by its content hash; the row outlives the document."""

    __tablename__ = "document_uses"

    document: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    dataset: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    lines: Mapped[int] = mapped_column(Integer)
    time: Mapped[datetime]


class Deletion(Base):
    """A document whose rows are gone and whose bytes may still be on the disk.

    ``erased`` says that only datasets may still have some.
    """

    __tablename__ = "document_deletions"

    document: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    erased: Mapped[bool] = mapped_column(Boolean, default=False)
