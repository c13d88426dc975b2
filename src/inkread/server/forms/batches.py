"""Batches of sheets: what was read of each form, and tables of it.

Usage: ``batches = Batches(store, templates); batches.write(batch, who, "csv", folder)``
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path, PurePath
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from inkread.forms.reading import (
    DEFAULT_LEAST,
    EMPTY,
    MISSING,
    UNSURE,
    Form,
    FormValue,
    SheetOf,
)
from inkread.forms.results import Batch as GradedBatch
from inkread.forms.results import write_table
from inkread.server.answers import file_name
from inkread.server.documents.models import Role
from inkread.server.documents.store import File, Store, role_of, seen_by, touch
from inkread.server.documents.tables import BATCH, Document, Page, Upload
from inkread.server.forms import models, tables
from inkread.server.forms.fields import graded_state, keyings_of, least_for, reading_of
from inkread.server.forms.sheets import SheetReader
from inkread.server.forms.templates import Templates
from inkread.server.problems import ProblemError
from inkread.server.tokens import Identity

MOST_ROWS = 1000


class Batches:
    """The batches of all users.

    Args:
        store: of documents.
        templates: that they are read with.
        sheets: knows the versions of templates.

    Raises:
        ProblemError: from every method: 404 where the user has no part in the batch, 403 where too small a one.
    """

    def __init__(self, store: Store, templates: Templates, sheets: SheetReader) -> None:
        self._store = store
        self._templates = templates
        self._sheets = sheets

    def create(  # noqa: PLR0913
        self, who: Identity, template: str, name: str, files: Sequence[File], webhook: str = "", *, double: bool = False
    ) -> models.Batch:
        """Keep files as sheets that wait to be read with a template, or with the right one of all for "any"."""
        with self._store.session() as session:
            usable = self._templates.usable(session, template, who)
            chosen = [[row.document, row.version] for row in usable]

        def add(session: Session, row: Document) -> None:
            session.add(
                tables.Batch(
                    document=row.id,
                    template=chosen[0][0] if template != "any" else "",
                    templates=chosen,
                    least=DEFAULT_LEAST,
                    double=double,
                )
            )

        made = self._store.create(who, name, "", files, webhook, kind=BATCH, add=add)
        return self.batch(made.id, who)

    def batches(self, template: str, who: Identity, offset: int = 0, limit: int = 50) -> models.BatchList:
        """The batches of a template that the user may see, the newest first; of all templates for "any"."""
        with self._store.session() as session:
            wanted = [seen_by(who.name)]
            if template != "any":
                document = self._templates.allow(session, template, who)[0].document
                used = select(tables.Sheet.document).where(tables.Sheet.template == document)
                wanted.append((tables.Batch.template == document) | tables.Batch.document.in_(used))
            rows = session.execute(
                select(Document, tables.Batch)
                .join(tables.Batch, tables.Batch.document == Document.id)
                .where(*wanted)
                .order_by(Document.created.desc(), Document.id)
                .offset(offset)
                .limit(limit)
            ).all()
            return models.BatchList(batches=[self._summary(session, row, batch, who) for row, batch in rows])

    def summary(self, batch: str, who: Identity) -> models.BatchSummary:
        """How a batch stands."""
        with self._store.session() as session:
            row, settings = self.allow(session, batch, who)
            return self._summary(session, row, settings, who)

    def batch(self, batch: str, who: Identity, offset: int = 0, limit: int = MOST_ROWS) -> models.Batch:
        """A batch with some of its forms."""
        with self._store.session() as session:
            row, settings = self.allow(session, batch, who)
            rows = [
                self._row(session, settings, sheets) for sheets in self._forms(session, batch)[offset : offset + limit]
            ]
            return models.Batch(**self._summary(session, row, settings, who).model_dump(), rows=rows)

    def threshold(self, batch: str, who: Identity, wanted: models.Threshold) -> models.BatchSummary:
        """Say from which confidence fields are sure."""
        if (wanted.confidence is None) == (wanted.max_error is None):
            raise ProblemError(422, "Unprocessable Content", "give either confidence or max_error")
        with self._store.session() as session:
            row, settings = self.allow(session, batch, who, "corrector")
            settings.max_error = wanted.max_error
            if wanted.confidence is not None:
                settings.least = wanted.confidence
            elif wanted.max_error is not None:
                settings.least = least_for(session, batch, wanted.max_error)
            touch(session, batch)
            return self._summary(session, row, settings, who)

    def write(self, batch: str, who: Identity, format: models.FormatName, folder: Path) -> Path:
        """Write the forms that were read as a table.

        Raises:
            ProblemError: 409 where nothing was read yet.
        """
        with self._store.session() as session:
            row, settings = self.allow(session, batch, who)
            forms = [self._form(session, sheets) for sheets in self._forms(session, batch)]
            least, stem = settings.least, PurePath(file_name(row.name)).stem or "forms"
        if not forms:
            raise ProblemError(409, "Conflict", "nothing of it was read yet, wait until it is")
        target = folder / f"{stem}.{format}"
        write_table(target, GradedBatch.graded(forms, least=least))
        return target

    def sheet(self, batch: str, number: int, who: Identity) -> Path:
        """Where the picture of a sheet is: as the empty page lies, once it was read."""
        with self._store.session() as session:
            self.allow(session, batch, who)
        row = self._store.picture(batch, number, who)
        return self._store.path(batch, row.sha256)

    def crop(self, batch: str, form: int, name: str, who: Identity) -> bytes:
        """The picture of a field, JPEG."""
        with self._store.session() as session:
            self.allow(session, batch, who)
            field, sheet = field_row(session, batch, form, name)
            path = self._store.path(batch, sheet.crops)
            if not field.length:
                raise ProblemError(404, "Not Found", f"{name} has no picture")
            with path.open("rb") as crops:
                crops.seek(field.start)
                return crops.read(field.length)

    def allow(
        self, session: Session, batch: str, who: Identity, least: Role = "reader"
    ) -> tuple[Document, tables.Batch]:
        """The rows of a batch where the user may do that with it."""
        settings = session.get(tables.Batch, batch)
        if settings is None:
            raise ProblemError(404, "Not Found", "there is no such batch, or it is not shared with you")
        return self._store.allow(session, batch, who, least), settings

    def _summary(self, session: Session, row: Document, settings: tables.Batch, who: Identity) -> models.BatchSummary:
        document = self._store.summaries(session, [row], who)[0]
        least = settings.least
        counts: dict[str, int] = dict.fromkeys(("sure", "unsure", "invalid", "empty"), 0)
        sure, wrong = 0, 0.0
        is_kept = (tables.Field.confidence >= least).label("kept")
        is_read = (tables.Field.confidence < 1).label("known")
        for state, kept, known, count, doubt in session.execute(
            select(tables.Field.state, is_kept, is_read, func.count(), func.sum(1 - tables.Field.confidence))
            .join(
                tables.Sheet,
                (tables.Sheet.document == tables.Field.document) & (tables.Sheet.number == tables.Field.sheet),
            )
            .where(tables.Field.document == row.id, tables.Sheet.form > 0)
            .group_by(tables.Field.state, "kept", "known")
        ):
            counts[graded_state(state, 1.0 if kept else 0.0, 0.5)] += count
            if kept and (state == UNSURE or (state == EMPTY and known)):
                sure, wrong = sure + count, wrong + doubt
        forms = session.scalar(
            select(func.count(tables.Sheet.form.distinct())).where(
                tables.Sheet.document == row.id, tables.Sheet.form > 0, tables.Sheet.template != ""
            )
        )
        template = session.get(tables.Template, settings.template) if settings.template else None
        return models.BatchSummary(
            id=row.id,
            name=row.name,
            template=template.name if template else None,
            owner=row.owner,
            role=role_of(session, row, who.name) or "reader",
            state=document.state,
            created=row.created,
            expires=row.expires,
            sheets_total=document.pages_total,
            sheets_done=document.pages_done,
            forms=forms or 0,
            fields=cast(dict[models.FieldState, int], counts),
            least_confidence=least,
            max_error=settings.max_error,
            expected_error=round(wrong / sure, 6) if sure else 0.0,
            double=settings.double,
            error=document.error,
        )

    @staticmethod
    def _forms(session: Session, batch: str) -> list[list[tables.Sheet]]:
        """The sheets of each form that was put together."""
        rows = session.scalars(
            select(tables.Sheet)
            .where(tables.Sheet.document == batch, tables.Sheet.form > 0)
            .order_by(tables.Sheet.form, tables.Sheet.number)
        )
        return [list(sheets) for _, sheets in groupby(rows, key=lambda sheet: sheet.form)]

    def _values(
        self, session: Session, sheets: Sequence[tables.Sheet]
    ) -> Iterable[tuple[str, FormValue, tables.Field | None]]:
        """Name, value and row of the fields of a form, in order; no row where the page is missing."""
        head = sheets[0]
        if not head.template:
            return
        numbers = [sheet.number for sheet in sheets]
        rows = {
            field.name: field
            for field in session.scalars(
                select(tables.Field).where(tables.Field.document == head.document, tables.Field.sheet.in_(numbers))
            )
        }
        for page, name, each in self._sheets.version(session, head.template, head.version).template.named_fields():
            row = rows.get(name)
            if row is None:
                yield name, FormValue(each.type, state=MISSING, page=page, confidence=0.0), None
                continue
            read = reading_of(row)
            yield (
                name,
                FormValue(
                    row.type,
                    row.value,
                    read.raw,
                    row.confidence,
                    row.state,
                    page,
                    alternatives=read.alternatives,
                    reason=row.reason,
                ),
                row,
            )

    def _row(self, session: Session, settings: tables.Batch, sheets: Sequence[tables.Sheet]) -> models.Row:
        head = sheets[0]
        template = session.get(tables.Template, head.template) if head.template else None
        keyings = keyings_of(session, head.document, [sheet.number for sheet in sheets])
        fields = {
            name: models.FieldValue(
                type=value.type,
                value=value.value,
                raw=value.raw,
                state=cast(models.FieldState, graded_state(value.state, value.confidence, settings.least)),
                confidence=value.confidence,
                alternatives=list(value.alternatives),
                reason=value.reason,
                keyed_by=list(dict.fromkeys(keying.user for keying in keyings.get(name, ()))),
                page=value.page,
            )
            for name, value, _ in self._values(session, sheets)
        }
        return models.Row(
            form=head.form,
            template=template.name if template else None,
            version=head.version,
            sheets=[sheet.number for sheet in sheets],
            pages=[sheet.page for sheet in sheets],
            error_pixels=max(sheet.error for sheet in sheets) if template else None,
            problem=head.problem or None,
            fields=fields,
        )

    def _form(self, session: Session, sheets: Sequence[tables.Sheet]) -> Form:
        places = {}
        for sheet in sheets:
            page = session.get_one(Page, (sheet.document, sheet.number))
            upload = session.get_one(Upload, (sheet.document, page.upload))
            places[sheet.page] = SheetOf(upload.name, page.index, sheet.error)
        head = sheets[0]
        values = {name: value for name, value, _ in self._values(session, sheets)}
        if not head.template:
            return Form("", "", places, values, head.problem)
        template = self._sheets.version(session, head.template, head.version).template
        return Form(template.name, template.version, places, values, head.problem)


def field_row(session: Session, batch: str, form: int, name: str) -> tuple[tables.Field, tables.Sheet]:
    """A field of a form and its sheet; ProblemError 404 where there is none."""
    found = session.execute(
        select(tables.Field, tables.Sheet)
        .join(
            tables.Sheet,
            (tables.Sheet.document == tables.Field.document) & (tables.Sheet.number == tables.Field.sheet),
        )
        .where(tables.Field.document == batch, tables.Sheet.form == form, tables.Field.name == name)
    ).first()
    if found is None:
        raise ProblemError(404, "Not Found", f"the batch has no field {name} in form {form}")
    return found[0], found[1]
