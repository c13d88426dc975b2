"""Which lines of a user's documents to correct next; `inkread.data.queue` has the order.

Usage: ``lines = next_lines(store, who, limit=50)``

Lines on which two other people disagree come first, for a third to decide. A document stands for its writer, who is not
known. Only pages that were read and are not done count. Of many pages the
`MOST_PAGES` with the lowest confidence are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from inkread.data.queue import Candidate, Learnt, expected_errors, queue
from inkread.document import UNUSUAL
from inkread.server.documents import models
from inkread.server.documents.content import Mark, unpack
from inkread.server.documents.disputes import disputes
from inkread.server.documents.store import Store
from inkread.server.documents.tables import DONE, IN_CORRECTION, READ, Document, Page, Share, Version
from inkread.server.tokens import Identity

MOST_PAGES = 300
NEWEST_PAGES = 100
"""Looked at too, however sure their reading is: a page that shows a drift is a new one."""


def next_lines(store: Store, who: Identity, limit: int = 50, collection: str | None = None) -> models.QueueList:
    """The lines to correct next, of the documents that a user may correct, the most useful first.

    Args:
        store: the documents.
        who: corrects.
        limit: how many lines.
        collection: only of these documents.
    """
    candidates: dict[str, tuple[Candidate, models.QueueEntry]] = {}
    learnt: list[Learnt] = []
    disputed: list[models.QueueEntry] = []
    may = or_(
        Document.owner == who.name,
        select(Share.user)
        .where(Share.document == Document.id, Share.user == who.name, Share.role != "reader")
        .exists(),
    )
    wanted = [may, Page.state.in_((READ, IN_CORRECTION, DONE)), Page.revision > 0]
    if collection is not None:
        wanted.append(Document.collection == collection)
    with store.session() as session:
        of_pages = (
            select(Document.name, Page.document, Page.number, Page.state, Version.content)
            .join(Page, Page.document == Document.id)
            .join(
                Version,
                and_(
                    Version.document == Page.document,
                    Version.page == Page.number,
                    Version.revision == Page.revision,
                ),
            )
            .where(*wanted)
        )
        doubtful = session.execute(of_pages.order_by(Page.confidence, Page.document, Page.number).limit(MOST_PAGES))
        newest = session.execute(of_pages.order_by(Page.time.desc(), Page.document, Page.number).limit(NEWEST_PAGES))
        rows = list({(row.document, row.number): row for row in (*doubtful, *newest)}.values())
    for name, document, number, state, packed in rows:
        content = unpack(packed)
        for line in content.page.lines:
            mark = content.marks.get(line.id, Mark())
            if mark.corrected_by is not None or state == DONE:
                learnt.append(Learnt(line.text, document))
            elif line.text and not mark.flags and line.confidence is not None:
                key = f"{document}/{number}/{line.id}"
                unusual = [flag.removeprefix(UNUSUAL) for flag in content.page.flags if flag.startswith(UNUSUAL)]
                candidate = Candidate(key, line.text, line.confidence, document, drifted=bool(unusual))
                entry = models.QueueEntry(
                    document=document,
                    name=name,
                    page=number,
                    line=line.id,
                    text=line.text,
                    confidence=line.confidence,
                    expected_errors=round(expected_errors(candidate), 2),
                    unusual=unusual,
                )
                candidates[key] = candidate, entry
    with store.session() as session:
        for name, document, number, _, packed in rows:
            disputed += _disputed(session, name, document, number, packed, who.name)
    order = queue([candidate for candidate, _ in candidates.values()], learnt, limit)
    return models.QueueList(lines=[*disputed, *(candidates[line.name][1] for line in order)][:limit])


def _disputed(
    session: Session, name: str, document: str, number: int, packed: bytes, user: str
) -> Iterator[models.QueueEntry]:
    """The disputed lines of a page that this user has no part in."""
    versions = session.scalars(
        select(Version).where(Version.document == document, Version.page == number).order_by(Version.revision)
    ).all()
    if len({version.user for version in versions if version.user}) < 2:
        return
    lines = {line.id: line.text for line in unpack(packed).page.lines}
    for line, found in disputes(versions).items():
        if line in lines and user not in found.users:
            yield models.QueueEntry(
                document=document,
                name=name,
                page=number,
                line=line,
                text=lines[line],
                confidence=None,
                expected_errors=0.0,
                disputed=list(found.texts),
            )
