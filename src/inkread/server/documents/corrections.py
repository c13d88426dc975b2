"""Corrections as a dataset: the lines of pages that people have called done, and who stands for each.

Usage: ``report = export(Store(settings), Path("corrections"), owner="ada")``

The dataset follows the contract of `inkread.data.dataset`. It names no split: what uses it divides it by document.
``lineage.jsonl`` beside the manifest says for each line what was read, who typed the text or accepted it, who called
the page done, and when.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from inkread.data.dataset import Dataset, Sample, Skipped, write_manifest
from inkread.data.protected import REASON, digest, protected_images
from inkread.document import Document as WholeDocument
from inkread.errors import DatasetError
from inkread.formats import json as document_json
from inkread.server.documents.content import Content, Mark, unpack
from inkread.server.documents.disputes import disputes
from inkread.server.documents.store import Store, now
from inkread.server.documents.tables import DONE, Document, Page, Use, Version

SOURCE = "corrections"
LINEAGE = "lineage.jsonl"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has: documents, pages, lines, lines that people changed, what was left out; its content hash."""

    documents: int
    pages: int
    lines: int
    changed: int
    skipped: dict[str, int]
    dataset: str


@dataclass(frozen=True, slots=True)
class _Done:
    document: str
    page: Page
    content: Content
    read: Content
    disputed: frozenset[str]


def export(
    store: Store,
    output: Path,
    owner: str | None,
    *,
    collection: str | None = None,
    licence: str = "",
    names: bool = False,
) -> Exported:
    """Write the lines of all pages in the state "done" as a dataset.

    The folder appears when it is complete.

    Args:
        store: the documents.
        output: folder that is not there yet.
        owner: whose documents; None takes those of all users.
        collection: only these documents.
        licence: of the pages, kept with each sample.
        names: write the names of users into the lineage; else they are numbered, anew in each export. Document, page,
            line and revision lead to the person in the database.

    Raises:
        DatasetError: the folder is there, or there is no such line.
    """
    if output.exists():
        raise DatasetError(f"{output} is there already, name another folder")
    unfinished = output.with_name(f".{output.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    samples: list[Sample] = []
    lineage: list[dict[str, Any]] = []
    people: dict[str, str] = {}

    def person(name: str | None) -> str | None:
        return name if names or not name else people.setdefault(name, f"person {len(people) + 1}")

    skipped = Skipped()
    pages = 0
    protected = protected_images()
    try:
        for done in _pages(store, owner, collection):
            name = f"{done.document}_{done.page.number:04}"
            picture = store.path(done.document, done.page.sha256).read_bytes()
            if picture in protected:
                skipped.add(name, REASON)
                continue
            pages += 1
            image, layout = f"images/{name}.jpg", f"layouts/{name}.json"
            for path in (image, layout):
                (unfinished / path).parent.mkdir(parents=True, exist_ok=True)
            (unfinished / image).write_bytes(picture)
            (unfinished / layout).write_bytes(document_json.dump(WholeDocument((done.content.page,))))
            read = {line.id: line.text for line in done.read.page.lines}
            for number, line in enumerate(done.content.page.lines):
                mark = done.content.marks.get(line.id, Mark())
                sample = f"{name}_{line.id}"
                if not line.text or mark.flags:
                    skipped.add(sample, f"flagged {mark.flags[0]}" if mark.flags else "empty")
                    continue
                samples.append(
                    Sample(
                        sample,
                        image,
                        line.text,
                        "line",
                        SOURCE,
                        done.document,
                        licence=licence,
                        sha256=digest(picture),
                        layout=layout,
                        line=number,
                    )
                )
                lineage.append(
                    {
                        "sample_id": sample,
                        "document": done.document,
                        "page": done.page.number,
                        "line": line.id,
                        "revision": done.page.revision,
                        "read": read.get(line.id),
                        "text": line.text,
                        "corrected_by": person(mark.corrected_by),
                        "disputed": line.id in done.disputed,
                        "approved_by": person(done.page.user),
                        "approved": done.page.time.isoformat(),
                    }
                )
        if not samples:
            raise DatasetError("no line is corrected yet: pages count once they are marked as done")
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lineage)
        (unfinished / LINEAGE).write_text(rows, encoding="utf-8")
        write_manifest(unfinished, samples)
        content = Dataset.open(unfinished).content_hash
        counts = Counter(sample.document_id for sample in samples)
        with store.session() as session:  # before the dataset is there, so that none is without its rows
            for document, count in counts.items():
                session.merge(Use(document=document, dataset=content, lines=count, time=now()))
        unfinished.rename(output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Exported(
        documents=len({sample.document_id for sample in samples}),
        pages=pages,
        lines=len(samples),
        changed=sum(row["read"] != row["text"] for row in lineage),
        skipped=dict(skipped.reasons),
        dataset=content,
    )


def _pages(store: Store, owner: str | None, collection: str | None) -> Iterator[_Done]:
    wanted = [Page.state == DONE]
    if owner is not None:
        wanted.append(Document.owner == owner)
    if collection is not None:
        wanted.append(Document.collection == collection)
    with store.session() as session:
        keys = session.execute(
            select(Page.document, Page.number)
            .join(Document, Document.id == Page.document)
            .where(*wanted)
            .order_by(Page.document, Page.number)
        ).all()
    for document, number in keys:
        with store.session() as session:
            page = session.get(Page, (document, number))
            if page is None or page.state != DONE:
                continue  # deleted or opened again meanwhile
            content, read = (
                unpack(session.get_one(Version, (document, number, revision)).content)
                for revision in (page.revision, 1)
            )
            versions = session.scalars(
                select(Version).where(Version.document == document, Version.page == number).order_by(Version.revision)
            ).all()
        yield _Done(document, page, content, read, frozenset(disputes(versions)))
