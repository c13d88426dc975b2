"""What people keyed, as line images with their text, for `inkread.server.documents.corrections`.

Usage: ``for line in keyed_lines(store, "ada", None): line.picture``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
from sqlalchemy import ColumnElement, and_, select

from inkread.errors import OutputError
from inkread.forms.reading import INVALID
from inkread.forms.writing import Written
from inkread.io.inputs import load_pages
from inkread.recognition.line_images import Grey
from inkread.server.documents.store import Store
from inkread.server.documents.tables import Document, Page
from inkread.server.documents.tags import PERSONAL, page_tagged
from inkread.server.forms import tables
from inkread.server.forms.fields import keyings_of, reading_of
from inkread.server.forms.templates import Templates
from inkread.server.forms.values import transcript


@dataclass(frozen=True, slots=True)
class KeyedLine:
    """A field that people have settled.

    Attributes:
        document, sheet, field: where it is.
        picture: what the reader sees of it, PNG; b"" where ``skipped`` says why it is left out.
        text: what is written there.
        read: what was read there.
        user: who keyed it last.
        time: when.
        keyings: how often it was keyed.
        disputed: whether people disagreed about it.
        sha256: of the sheet.
        skipped: why it is left out, else "".
    """

    document: str
    sheet: int
    field: str
    picture: bytes
    text: str
    read: str
    user: str
    time: datetime
    keyings: int
    disputed: bool
    sha256: str
    skipped: str = ""


def keyed_lines(
    store: Store, owner: str | None, collection: str | None, tag: str | None = None, *, personal: bool = False
) -> Iterator[KeyedLine]:
    """The fields that people have settled, sheet by sheet.

    Args:
        store: of documents.
        owner: whose batches; None for those of all users.
        collection: only of these documents.
        tag: only of sheets with this tag.
        personal: also of sheets that are tagged as personal.
    """
    wanted: list[ColumnElement[bool]] = [tables.Field.done.is_(True)]
    if owner is not None:
        wanted.append(Document.owner == owner)
    if collection is not None:
        wanted.append(Document.collection == collection)
    if tag is not None:
        wanted.append(page_tagged(tag, tables.Field.document, tables.Field.sheet))
    if not personal:
        wanted.append(~page_tagged(PERSONAL, tables.Field.document, tables.Field.sheet))
    with store.session() as session:
        keys = session.execute(
            select(tables.Field.document, tables.Field.sheet)
            .join(Document, Document.id == tables.Field.document)
            .where(*wanted)
            .order_by(tables.Field.document, tables.Field.sheet)
            .distinct()
        ).all()
    for document, number in keys:
        yield from _of_sheet(store, document, number)


def _of_sheet(store: Store, document: str, number: int) -> Iterator[KeyedLine]:
    with store.session() as session:
        found = session.execute(
            select(tables.Sheet, Page)
            .join(Page, and_(Page.document == tables.Sheet.document, Page.number == tables.Sheet.number))
            .where(tables.Sheet.document == document, tables.Sheet.number == number)
        ).first()
        if found is None:
            return  # deleted meanwhile
        sheet, page = found
        version = Templates(store).version(session, sheet.template, sheet.version)
        rows = session.scalars(
            select(tables.Field)
            .where(tables.Field.document == document, tables.Field.sheet == number, tables.Field.done.is_(True))
            .order_by(tables.Field.name)
        ).all()
        keyings = keyings_of(session, document, [number])
    fields = {name: field for _, name, field in version.template.named_fields()}
    written = Written(_grey(store.path(document, page.sha256)), version.template.blank(sheet.page))
    for row in rows:
        last = keyings[row.name][-1]
        read, field = reading_of(row), fields[row.name]
        text = transcript(version.template, field, row.value, last.text, read)
        image = None if text is None or field.lines > 1 else written.line(field)
        skipped = "empty" if not row.value else ""
        if not skipped and (image is None or row.state == INVALID):
            skipped = "its value does not say what is written" if row.state != INVALID else "does not fit its field"
        yield KeyedLine(
            document,
            number,
            row.name,
            b"" if skipped or image is None else _png(image),
            text or "",
            read.value,
            last.user,
            last.time,
            len(keyings[row.name]),
            len({keying.value for keying in keyings[row.name]}) > 1,
            page.sha256,
            skipped,
        )


def _grey(path: Path) -> Grey:
    return next(load_pages(path)).grey


def _png(grey: Grey) -> bytes:
    done, encoded = cv2.imencode(".png", grey)
    if not done:
        raise OutputError("the picture of a field cannot be encoded")
    return encoded.tobytes()
