"""Corrections as a dataset: lines of pages that people have called done, fields of forms that they have keyed.

Usage: ``report = export(Store(settings), Path("corrections"), owner="ada")``

The dataset follows the contract of `inkread.data.dataset`. It names no split: what uses it divides it by document.
``lineage.jsonl`` beside the manifest says for each line what was read, who typed the text or accepted it, who called
the page done, and when.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, select

from inkread.data.dataset import Dataset, Sample, Skipped, write_manifest
from inkread.data.protected import REASON, digest, protected_images
from inkread.document import Document as WholeDocument
from inkread.errors import DatasetError
from inkread.formats import json as document_json
from inkread.server.documents.content import Content, Mark, unpack
from inkread.server.documents.disputes import disputes
from inkread.server.documents.store import Store, now
from inkread.server.documents.tables import DONE, Document, Page, Use, Version
from inkread.server.documents.tags import PERSONAL, page_tagged
from inkread.server.forms.corrections import KeyedLine, keyed_lines

SOURCE = "corrections"
LINEAGE = "lineage.jsonl"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has.

    Attributes:
        documents, pages, lines: how many.
        changed: lines that people changed.
        skipped: what was left out, by reason.
        dataset: its content hash.
        lines_of: lines of each document.
    """

    documents: int
    pages: int
    lines: int
    changed: int
    skipped: dict[str, int]
    dataset: str
    lines_of: dict[str, int]


Person = Callable[[str | None], str | None]
"""What stands in the lineage for the name of a user."""


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
    tag: str | None = None,
    personal: bool = False,
) -> Exported:
    """Write the lines of all pages in the state "done", and the fields of forms that were keyed, as a dataset.

    The folder appears when it is complete.

    Args:
        store: the documents.
        output: folder that is not there yet.
        owner: whose documents; None takes those of all users.
        collection: only these documents.
        licence: of the pages, kept with each sample.
        names: write the names of users into the lineage; else they are numbered, anew in each export. Document, page,
            line and revision lead to the person in the database.
        tag: only pages with this tag.
        personal: also pages with the tag "personal".

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
        chosen = _chosen(owner, collection, tag)
        if not personal:
            held_back = page_tagged(PERSONAL, Page.document, Page.number)
            for document, number in _keys(store, [*chosen, held_back]):
                skipped.add(f"{document}_{number:04}", "tagged personal")
            chosen.append(~held_back)
        for done in _pages(store, chosen):
            name = f"{done.document}_{done.page.number:04}"
            picture = store.read(done.document, done.page.sha256)
            if picture in protected:
                skipped.add(name, REASON)
                continue
            pages += 1
            for sample, row in _lines(done, picture, unfinished, licence, person, skipped):
                samples.append(sample)
                lineage.append(row)
        sheets = set()
        found = keyed_lines(store, owner, collection, tag, personal=personal)
        for keyed, sample in _keyed(found, store, unfinished, licence, skipped):
            sheets.add((keyed.document, keyed.sheet))
            samples.append(sample)
            lineage.append(_origin(keyed, sample, person))
        pages += len(sheets)
        if not samples:
            raise DatasetError("no line is corrected yet: pages count once they are marked as done, fields once keyed")
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lineage)
        (unfinished / LINEAGE).write_text(rows, encoding="utf-8")
        write_manifest(unfinished, samples)
        content = Dataset.open(unfinished).content_hash
        counts = Counter(sample.document_id for sample in samples)
        record_uses(store, content, counts)  # before the dataset is there, so that none is without its rows
        unfinished.rename(output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Exported(
        documents=len(counts),
        pages=pages,
        lines=len(samples),
        changed=sum(row["read"] != row["text"] for row in lineage),
        skipped=dict(skipped.reasons),
        dataset=content,
        lines_of=dict(counts),
    )


def _lines(  # noqa: PLR0913, PLR0917
    done: _Done, picture: bytes, folder: Path, licence: str, person: Person, skipped: Skipped
) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Lines of a page with where they are from; the picture and the layout of the page are written."""
    name = f"{done.document}_{done.page.number:04}"
    image, layout = f"images/{name}.jpg", f"layouts/{name}.json"
    for path in (image, layout):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / image).write_bytes(picture)
    (folder / layout).write_bytes(document_json.dump(WholeDocument((done.content.page,))))
    sha256 = digest(picture)
    read = {line.id: line.text for line in done.read.page.lines}
    for number, line in enumerate(done.content.page.lines):
        mark = done.content.marks.get(line.id, Mark())
        sample = f"{name}_{line.id}"
        if not line.text or mark.flags:
            skipped.add(sample, f"flagged {mark.flags[0]}" if mark.flags else "empty")
            continue
        yield (
            Sample(
                sample,
                image,
                line.text,
                "line",
                SOURCE,
                done.document,
                licence=licence,
                sha256=sha256,
                layout=layout,
                line=number,
            ),
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
            },
        )


def _origin(keyed: KeyedLine, sample: Sample, person: Person) -> dict[str, Any]:
    return {
        "sample_id": sample.sample_id,
        "document": keyed.document,
        "page": keyed.sheet,
        "line": keyed.field,
        "revision": keyed.keyings,
        "read": keyed.read,
        "text": keyed.text,
        "corrected_by": person(keyed.user),
        "disputed": keyed.disputed,
        "approved_by": person(keyed.user),
        "approved": keyed.time.isoformat(),
    }


def _keyed(
    lines: Iterable[KeyedLine], store: Store, folder: Path, licence: str, skipped: Skipped
) -> Iterator[tuple[KeyedLine, Sample]]:
    """Fields of forms with the samples that they are; their pictures are written."""
    protected, gold = protected_images(), dict[tuple[str, int], bool]()
    for keyed in lines:
        name, sheet = f"{keyed.document}_{keyed.sheet:04}_{keyed.field}", (keyed.document, keyed.sheet)
        if sheet not in gold:
            gold[sheet] = bool(protected) and store.read(keyed.document, keyed.sha256) in protected
        if keyed.skipped or gold[sheet]:
            skipped.add(name, keyed.skipped or REASON)
            continue
        image = f"images/{name}.png"
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        (folder / image).write_bytes(keyed.picture)
        sha256 = digest(keyed.picture)
        yield (
            keyed,
            Sample(
                name, image, keyed.text, "line", SOURCE, keyed.document, licence=licence, sha256=sha256, style="form"
            ),
        )


def record_uses(store: Store, dataset: str, lines_of: Mapping[str, int]) -> None:
    """Note that a dataset, by its content hash, has that many lines of each document."""
    with store.session() as session:
        for document, lines in lines_of.items():
            session.merge(Use(document=document, dataset=dataset, lines=lines, time=now()))


def _chosen(owner: str | None, collection: str | None, tag: str | None) -> list[ColumnElement[bool]]:
    wanted = [Page.state == DONE]
    if owner is not None:
        wanted.append(Document.owner == owner)
    if collection is not None:
        wanted.append(Document.collection == collection)
    if tag is not None:
        wanted.append(page_tagged(tag, Page.document, Page.number))
    return wanted


def _keys(store: Store, wanted: Iterable[ColumnElement[bool]]) -> list[tuple[str, int]]:
    with store.session() as session:
        rows = session.execute(
            select(Page.document, Page.number)
            .join(Document, Document.id == Page.document)
            .where(*wanted)
            .order_by(Page.document, Page.number)
        )
        return [(row.document, row.number) for row in rows]


def _pages(store: Store, wanted: Iterable[ColumnElement[bool]]) -> Iterator[_Done]:
    for document, number in _keys(store, wanted):
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
