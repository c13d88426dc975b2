"""Reads the sheets of batches, and puts sheets together to forms.

Usage: ``SheetReader(store, templates, prediction)`` as a reader of `inkread.server.documents.work.Work`

Each sheet is read by itself. A form is put together once all its sheets, or one that begins another form, were read.
Then the rules across its fields are applied. Pages of a form follow each other, in any order; a file of several pages
ends its last form.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from inkread.forms.reading import missing_pages
from inkread.server.documents.prediction import Prediction
from inkread.server.documents.store import Store
from inkread.server.documents.tables import READING, WAITING, Document, Page, Upload
from inkread.server.documents.work import Claimed, PageFailedError, Reading, answered, check_answer
from inkread.server.forms import tables
from inkread.server.forms.drift import with_form
from inkread.server.forms.fields import decided, fields_of, graded_state, least_for, letter_of, settle_fields
from inkread.server.forms.templates import Templates, Version
from inkread.server.metrics import FORM_DRIFT, MOST_TEMPLATES, count_form_fields, template_label

KEPT_VERSIONS = 200


class SheetReader:
    """Reads sheets; see `inkread.server.documents.work.PageReader`.

    Args:
        store: the documents.
        templates: what the sheets may be.
        prediction: reads.
    """

    def __init__(self, store: Store, templates: Templates, prediction: Prediction) -> None:
        self._store = store
        self._templates = templates
        self._prediction = prediction
        self._versions: OrderedDict[tuple[str, int], Version] = OrderedDict()

    async def read(self, job: Claimed, picture: bytes) -> Reading:
        """The fields of a sheet; its picture becomes the sheet as the empty page lies."""
        versions = await asyncio.to_thread(self._of_batch, job.document)
        by_digest = {version.digest: version for version in versions}
        data = {"digests": ",".join(by_digest)}
        files: list[tuple[str, tuple[str, bytes]]] = [("file", ("sheet", picture))]
        answer = await answered(self._prediction, job, "/forms/read", files=files, data=data)
        if answer.status_code == 424:
            packed = await asyncio.to_thread(lambda: [(each.digest, each.packed()) for each in versions])
            files += [("template", part) for part in packed]
            answer = await answered(self._prediction, job, "/forms/read", files=files, data=data)
        check_answer(answer)
        found = answer.json()
        crops = base64.b64decode(found["crops"])
        digest = await asyncio.to_thread(self._store.keep, job.document, crops) if crops else ""
        version = by_digest.get(found["digest"])

        def put(session: Session, row: Page) -> None:
            _lock(session, job.document)
            for table in (tables.Field, tables.Keying):
                session.execute(delete(table).where(table.document == row.document, table.sheet == row.number))
            session.merge(
                tables.Sheet(
                    document=row.document,
                    number=row.number,
                    template=version.document if version else "",
                    version=version.number if version else 0,
                    page=found["page"],
                    form=0,
                    error=found["error"],
                    problem=found["problem"],
                    crops=digest,
                )
            )
            session.add_all(_field(row, each) for each in found["fields"])
            row.lines = len(found["fields"])
            row.width, row.height = found["width"] or row.width, found["height"] or row.height

        return Reading(base64.b64decode(found["picture"]), put, len(crops))

    def settled(self, session: Session, document: str) -> None:
        """Put together the forms of which all sheets are known now."""
        _lock(session, document)
        ended = session.get_one(Document, document).state not in (WAITING, READING)
        loose = select(tables.Sheet.number).where(tables.Sheet.document == document, tables.Sheet.form == 0)
        if not ended and session.scalar(loose.limit(1)) is None:
            return
        seen, known = self._seen(session, document)
        for group in gathered(seen, ended=ended):
            first = min(each.number for each in group)
            if any(known[each.number] != first for each in group):
                self._put_form(
                    session, [session.get_one(tables.Sheet, (document, each.number)) for each in group], first
                )
        batch = session.get_one(tables.Batch, document)
        if ended and batch.max_error is not None:
            batch.least = least_for(session, document, batch.max_error)

    def measure(self, session: Session) -> None:
        """Show how far the fields of templates have drifted."""
        rows = session.execute(
            select(tables.Template.name, tables.Template.drift)
            .order_by(tables.Template.drift.desc(), tables.Template.name)
            .limit(MOST_TEMPLATES)
        )
        for name, drift in rows:
            FORM_DRIFT.labels(template_label(name)).set(drift)

    def version(self, session: Session, document: str, number: int) -> Version:
        """A version of a template, kept for later."""
        key = (document, number)
        found = self._versions.get(key)
        if found is None:
            self._versions[key] = found = self._templates.version(session, document, number)
            while len(self._versions) > KEPT_VERSIONS:
                self._versions.popitem(last=False)
        return found

    def _of_batch(self, document: str) -> list[Version]:
        with self._store.session() as session:
            batch = session.get(tables.Batch, document)
            if batch is None:
                raise FileNotFoundError(document)
            known = session.get(tables.TemplateVersion, tuple(batch.templates[0]))
            if known is None:
                raise PageFailedError("its template was deleted")
            return [self.version(session, template, number) for template, number in batch.templates]

    def _seen(self, session: Session, document: str) -> tuple[list[Seen], dict[int, int]]:
        """The sheets that were read and that no unread sheet stands before, and their forms by their numbers."""
        rows = session.execute(
            select(
                Page.number,
                Page.upload,
                Page.state,
                Upload.pages,
                tables.Sheet.template,
                tables.Sheet.version,
                tables.Sheet.page,
                tables.Sheet.form,
            )
            .join(Upload, and_(Upload.document == Page.document, Upload.number == Page.upload))
            .outerjoin(tables.Sheet, and_(tables.Sheet.document == Page.document, tables.Sheet.number == Page.number))
            .where(Page.document == document)
            .order_by(Page.number)
        )
        seen: list[Seen] = []
        known: dict[int, int] = {}
        for expected, row in enumerate(rows, start=1):
            if row.number != expected or row.state in (WAITING, READING):
                break
            if row.template is None:
                continue  # it could not be decoded
            pages = 0
            if row.template:
                pages = len(self.version(session, row.template, row.version).template.pages)
            known[row.number] = row.form
            seen.append(Seen(row.number, row.template, row.page, pages, row.upload, (row.pages or 1) > 1))
        return seen, known

    def _put_form(self, session: Session, sheets: Sequence[tables.Sheet], first: int) -> None:
        is_new = all(sheet.form == 0 for sheet in sheets)
        for sheet in sheets:
            sheet.form = first
        head = min(sheets, key=lambda sheet: sheet.number)
        if not head.template:
            return
        version = self.version(session, head.template, head.version)
        head.problem = missing_pages(version.template, {sheet.page for sheet in sheets})
        numbers = [sheet.number for sheet in sheets]
        fields = fields_of(session, head.document, numbers)
        batch = session.get_one(tables.Batch, head.document)
        settle_fields(version, fields, decided(session, head.document, numbers, double=batch.double))
        if is_new:
            least = batch.least
            row = session.get(tables.Template, head.template, with_for_update={"key_share": True})
            if row is not None:
                letters = {field.name: letter_of(field, least) for field in fields}
                row.figures, row.drift = with_form(row.figures, letters)
                count_form_fields(row.name, [graded_state(field.state, field.confidence, least) for field in fields])


@dataclass(frozen=True, slots=True)
class Seen:
    """A sheet that was read.

    Attributes:
        number: in its batch.
        template: "" where it is no form.
        page: of the template.
        pages: that the template has.
        upload: the file it came in.
        bound: whether that file has several pages, so that a form ends with it.
    """

    number: int
    template: str
    page: int = 0
    pages: int = 1
    upload: int = 1
    bound: bool = False


def gathered(sheets: Iterable[Seen], *, ended: bool) -> list[list[Seen]]:
    """The sheets by form, as far as their forms are complete; all of them once the batch has ended.

    A sheet that is no form is one by itself, and ends none.
    """
    closed: list[list[Seen]] = []
    current: list[Seen] = []
    for sheet in sheets:
        if current and current[-1].bound and current[-1].upload != sheet.upload:
            closed.append(current)
            current = []
        if not sheet.template:
            closed.append([sheet])
            continue
        same = current and current[0].template == sheet.template and sheet.page not in {each.page for each in current}
        if current and not same:
            closed.append(current)
            current = []
        current.append(sheet)
        if len(current) == sheet.pages:
            closed.append(current)
            current = []
    return [*closed, current] if current and ended else closed


def _field(row: Page, found: Mapping[str, Any]) -> tables.Field:
    read = {key: found[key] for key in ("value", "raw", "confidence", "state", "page", "alternatives", "reason")}
    return tables.Field(
        document=row.document,
        sheet=row.number,
        name=found["name"],
        type=found["type"],
        value=found["value"],
        state=found["state"],
        confidence=found["confidence"],
        reason=found["reason"],
        start=found["start"],
        length=found["length"],
        reading=json.dumps(read, ensure_ascii=False).encode(),
    )


def _lock(session: Session, document: str) -> None:
    """Of two sheets of a batch that are read at the same time, one waits until the other is written.

    In PostgreSQL this is FOR NO KEY UPDATE: rows that name the document as theirs do not stand against it.
    """
    session.execute(select(Document.sequence).where(Document.id == document).with_for_update(key_share=True))
