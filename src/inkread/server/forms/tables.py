"""Tables of forms; `inkread.server.migrations` makes them.

Usage: ``session.get(Template, document)``

A template and a batch are documents of a kind of their own: the document has owner, shares, files, pages, the queue of
work, and deletion. The tables here hold what only forms have, and go with their document.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from inkread.server.documents.tables import HASH_LENGTH, ID_LENGTH, Base, document_key

NAME_LENGTH = 60
FIELD_LENGTH = 150
"""Of the name of a field in the results, such as ``items.1.amount``."""


class Template(Base):
    """A template. ``version`` is the newest; ``figures`` and ``drift`` are of `inkread.server.forms.drift`."""

    __tablename__ = "form_templates"

    document: Mapped[str] = document_key()
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    drift: Mapped[float] = mapped_column(Float, default=0.0)


class TemplateVersion(Base):
    """What a template said from one version to the next.

    ``content`` is the template as JSON. ``files`` are the SHA-256 of pictures and lists by their names. ``digest`` is
    a SHA-256 of both.
    """

    __tablename__ = "form_template_versions"

    document: Mapped[str] = document_key()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime]
    content: Mapped[dict[str, Any]]
    files: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(HASH_LENGTH))


class Batch(Base):
    """How the sheets of a document are read: with which versions of templates, and which fields are sure.

    ``templates`` are pairs of document and version. ``template`` is the document of the template where there is one
    only, else "".
    """

    __tablename__ = "form_batches"

    document: Mapped[str] = document_key()
    template: Mapped[str] = mapped_column(String(ID_LENGTH), index=True)
    templates: Mapped[list[Any]]
    least: Mapped[float] = mapped_column(Float)
    max_error: Mapped[float | None] = mapped_column(Float)
    double: Mapped[bool] = mapped_column(Boolean, default=False)


class Sheet(Base):
    """A page of a batch that was read. ``form`` is the number of the first sheet of its form, 0 before that is known.

    ``template`` is "" where it is no form, and ``problem`` says why. ``crops`` are pictures of its fields, one after
    the other in one file.
    """

    __tablename__ = "form_sheets"

    document: Mapped[str] = document_key()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    template: Mapped[str] = mapped_column(String(ID_LENGTH), default="", index=True)
    version: Mapped[int] = mapped_column(Integer, default=0)
    page: Mapped[int] = mapped_column(Integer, default=0)
    form: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[float] = mapped_column(Float, default=0.0)
    problem: Mapped[str] = mapped_column(Text, default="")
    crops: Mapped[str] = mapped_column(String(HASH_LENGTH), default="")


class Field(Base):
    """A field of a sheet. ``reading`` is what was read, packed; the other columns are what holds now.

    ``state`` is that before a threshold: unsure, empty or invalid. ``done`` says that people have settled it; ``keyed``
    is how many have keyed it.
    """

    __tablename__ = "form_fields"

    document: Mapped[str] = document_key()
    sheet: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(FIELD_LENGTH), primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text, default="")
    done: Mapped[bool] = mapped_column(Boolean, default=False)
    keyed: Mapped[int] = mapped_column(Integer, default=0)
    start: Mapped[int] = mapped_column(Integer, default=0)
    length: Mapped[int] = mapped_column(Integer, default=0)
    reading: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("form_fields_doubtful", "document", "done", "confidence"),)


class Keying(Base):
    """What somebody has keyed into a field, in order. ``text`` is as it was typed, ``value`` as its type writes it."""

    __tablename__ = "form_keyings"

    document: Mapped[str] = document_key()
    sheet: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(FIELD_LENGTH), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    user: Mapped[str] = mapped_column(String(64))
    time: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(16))
