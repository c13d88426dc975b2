"""Which fields wait to be keyed, as a part of a statement.

Usage: ``session.scalar(waiting(select(func.count()), who))``
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from inkread.forms.reading import INVALID
from inkread.server.documents.tables import Document, Share
from inkread.server.forms import tables
from inkread.server.tokens import Identity


def waiting(chosen: Select[*tuple[Any, ...]], who: Identity) -> Select[*tuple[Any, ...]]:
    """Of fields that wait to be keyed by this user: doubtful ones of the batches that the user may correct.

    With double keying, what this user has keyed waits for somebody else.
    """
    own = (
        select(tables.Keying.number)
        .where(
            tables.Keying.document == tables.Field.document,
            tables.Keying.sheet == tables.Field.sheet,
            tables.Keying.name == tables.Field.name,
            tables.Keying.user == who.name,
        )
        .exists()
    )
    return (
        chosen.select_from(tables.Field)
        .join(
            tables.Sheet,
            and_(tables.Sheet.document == tables.Field.document, tables.Sheet.number == tables.Field.sheet),
        )
        .join(tables.Batch, tables.Batch.document == tables.Field.document)
        .join(Document, Document.id == tables.Field.document)
        .where(
            tables.Field.done.is_(False),
            tables.Sheet.form > 0,
            or_(tables.Field.state == INVALID, tables.Field.confidence < tables.Batch.least),
            may_correct(who),
            or_(tables.Field.keyed == 0, ~own),
        )
    )


def may_correct(who: Identity) -> ColumnElement[bool]:
    """Documents that a user may correct."""
    shared = (
        select(Share.user).where(Share.document == Document.id, Share.user == who.name, Share.role != "reader").exists()
    )
    return or_(Document.owner == who.name, shared)
