"""Which lines of a user's documents to correct next; `inkread.data.queue` has the order.

Usage: ``lines = next_lines(store, who, limit=50)``

A document stands for its writer, who is not known. Only pages that were read and are not done count. Of many pages the
`MOST_PAGES` with the lowest confidence are looked at.
"""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from inkread.data.queue import Candidate, Learnt, expected_errors, queue
from inkread.server.documents import models
from inkread.server.documents.content import Mark, unpack
from inkread.server.documents.store import Store
from inkread.server.documents.tables import DONE, IN_CORRECTION, READ, Document, Page, Share, Version
from inkread.server.tokens import Identity

MOST_PAGES = 300


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
        rows = session.execute(
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
            .order_by(Page.confidence, Page.document, Page.number)
            .limit(MOST_PAGES)
        ).all()
    for name, document, number, state, packed in rows:
        content = unpack(packed)
        for line in content.page.lines:
            mark = content.marks.get(line.id, Mark())
            if mark.corrected_by is not None or state == DONE:
                learnt.append(Learnt(line.text, document))
            elif line.text and not mark.flags and line.confidence is not None:
                key = f"{document}/{number}/{line.id}"
                candidate = Candidate(key, line.text, line.confidence, document)
                entry = models.QueueEntry(
                    document=document,
                    name=name,
                    page=number,
                    line=line.id,
                    text=line.text,
                    confidence=line.confidence,
                    expected_errors=round(expected_errors(candidate), 2),
                )
                candidates[key] = candidate, entry
    order = queue([candidate for candidate, _ in candidates.values()], learnt, limit)
    return models.QueueList(lines=[candidates[line.name][1] for line in order])
