"""Tags: words that people give to documents and pages, to find, choose and leave out by them.

Usage: ``put_tags(session, "3f2a...", WHOLE, ["Bristol"])``

A tag of a document counts for all its pages. Documents and pages with the tag ``personal`` are exported as a dataset
only where that is asked for, see `inkread.server.documents.corrections`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from inkread.server.documents.tables import Document, Tag

PERSONAL = "personal"
WHOLE = 0
"""Number of the page in the row of a tag of a whole document."""


def tagged(tags: Iterable[str]) -> list[ColumnElement[bool]]:
    """Conditions that a document, or one of its pages, has each of some tags."""
    return [select(Tag.tag).where(Tag.document == Document.id, Tag.tag == tag).exists() for tag in tags]


def page_tagged(tag: str, document: Any, page: Any) -> ColumnElement[bool]:
    """The condition that the page of two columns, or its document, has a tag."""
    return select(Tag.tag).where(Tag.document == document, Tag.page.in_((WHOLE, page)), Tag.tag == tag).exists()


def tags_of(session: Session, documents: Collection[str]) -> dict[tuple[str, int], list[str]]:
    """The tags of documents (page `WHOLE`) and of their pages, in order."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in session.scalars(select(Tag).where(Tag.document.in_(documents)).order_by(Tag.tag)):
        found[row.document, row.page].append(row.tag)
    return found


def put_tags(session: Session, document: str, page: int, tags: Iterable[str]) -> None:
    """Let a document or page have these tags and no others."""
    session.execute(delete(Tag).where(Tag.document == document, Tag.page == page))
    session.add_all(Tag(document=document, page=page, tag=tag) for tag in sorted(set(tags)))
