"""Fields that people key: which ones wait, and what becomes of a keyed value.

Usage: ``queue = Keying(store, templates, sheets).queue(who, limit=50)``
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from inkread.forms.reading import INVALID
from inkread.forms.rules import names_of
from inkread.forms.template import FormField, Template
from inkread.server.documents.store import Store, now, touch
from inkread.server.documents.tables import Document, Page
from inkread.server.forms import models, tables
from inkread.server.forms.batches import Batches, field_row
from inkread.server.forms.fields import (
    FORCED,
    Decision,
    decide,
    decided,
    fields_of,
    graded_state,
    keyings_of,
    reading_of,
    settle_fields,
    values_of,
)
from inkread.server.forms.queue import may_correct, waiting
from inkread.server.forms.sheets import SheetReader
from inkread.server.forms.templates import Templates, Version
from inkread.server.forms.values import WrongValueError, keyed_value
from inkread.server.problems import ProblemError
from inkread.server.tokens import Identity

ACCEPTED, TYPED = "accepted", "typed"
MOST_GROUPS = 1000
MOST_SUGGESTIONS = 1000


class Keying:
    """What people key.

    Args:
        store: of documents.
        templates: of forms.
        sheets: knows the versions of templates.
        batches: of forms.
    """

    def __init__(self, store: Store, templates: Templates, sheets: SheetReader, batches: Batches) -> None:
        self._store = store
        self._templates = templates
        self._sheets = sheets
        self._batches = batches

    def queue(  # noqa: PLR0913, PLR0917
        self,
        who: Identity,
        template: str | None = None,
        field: str | None = None,
        batch: str | None = None,
        limit: int = 50,
        address: str = "",
    ) -> models.Queue:
        """What this user may key next: one field after the other, the oldest batch first.

        Args:
            who: keys.
            template, field, batch: only these; a column of a table is ``items.amount``.
            limit: how many fields.
            address: what the addresses of pictures begin with.
        """
        with self._store.session() as session:
            wanted: list[ColumnElement[bool]] = []
            if template is not None:
                wanted.append(tables.Sheet.template == self._templates.allow(session, template, who)[0].document)
            if batch is not None:
                self._batches.allow(session, batch, who)
                wanted.append(tables.Field.document == batch)
            groups: dict[tuple[str, str, str], int] = {}
            labels: dict[tuple[str, str, str], str] = {}
            newest = func.max(tables.Sheet.version)
            rows = session.execute(
                waiting(select(tables.Sheet.template, tables.Field.name, tables.Field.type, func.count(), newest), who)
                .where(*wanted)
                .group_by(tables.Sheet.template, tables.Field.name, tables.Field.type)
                .order_by(tables.Sheet.template, tables.Field.name)
                .limit(MOST_GROUPS)
            )
            for document, name, kind, count, version in rows:
                key = (document, _column(name), kind)
                groups[key] = groups.get(key, 0) + count
                template_now = self._sheets.version(session, document, version).template
                labels[key] = _field_of(template_now, name).label
            names = {
                row.document: row.name
                for row in session.scalars(
                    select(tables.Template).where(tables.Template.document.in_({key[0] for key in groups}))
                )
            }
            if field is not None:
                table, _, part = field.partition(".")
                begin = tables.Field.name.startswith(f"{table}.", autoescape=True)
                end = tables.Field.name.endswith(f".{part}", autoescape=True)
                wanted.append(and_(begin, end) if part and part.isidentifier() else tables.Field.name == field)
            found = session.execute(
                waiting(select(tables.Field, tables.Sheet, tables.Batch.least), who)
                .where(*wanted)
                .order_by(
                    tables.Sheet.template,
                    tables.Field.name,
                    Document.created,
                    tables.Field.document,
                    tables.Field.sheet,
                )
                .limit(limit)
            ).all()
            items = [self._item(session, row, names, address) for row in found]
        shown = [
            models.QueueGroup(template=names.get(key[0], ""), field=key[1], label=labels[key], type=key[2], count=count)
            for key, count in groups.items()
        ]
        return models.Queue(groups=shown, items=items)

    def _item(self, session: Session, row: Any, names: dict[str, str], address: str) -> models.QueueItem:
        field: tables.Field = row[0]
        sheet: tables.Sheet = row[1]
        least: float = row[2]
        template = self._sheets.version(session, sheet.template, sheet.version).template
        read = reading_of(field)
        known = _field_of(template, field.name)
        return models.QueueItem(
            batch=field.document,
            form=sheet.form,
            template=names.get(sheet.template, template.name),
            field=field.name,
            label=known.label,
            type=field.type,
            value=field.value,
            raw=read.raw,
            alternatives=list(read.alternatives),
            confidence=field.confidence,
            state=cast(models.FieldState, graded_state(field.state, field.confidence, least)),
            reason=field.reason,
            image=f"{address}/forms/batches/{field.document}/forms/{sheet.form}/fields/{field.name}/image",
            options=list(known.options or ()),
        )

    def key(self, batch: str, form: int, name: str, who: Identity, given: models.Key) -> models.KeyedField:
        """Keep what somebody says of a field.

        Raises:
            ProblemError: 422 where it does not fit and ``force`` is not set.
        """
        with self._store.session() as session:
            row, settings = self._batches.allow(session, batch, who, "corrector")
            session.execute(select(Document.sequence).where(Document.id == row.id).with_for_update(key_share=True))
            field, sheet = field_row(session, batch, form, name)
            version = self._sheets.version(session, sheet.template, sheet.version)
            text = (field.value if given.accept else given.value) or ""
            action = ACCEPTED if given.accept else TYPED
            wrong = ""
            try:
                value = keyed_value(version.template, _field_of(version.template, name), text)
            except WrongValueError as error:
                value, wrong = text, str(error)
            numbers = list(
                session.scalars(
                    select(tables.Sheet.number).where(tables.Sheet.document == batch, tables.Sheet.form == form)
                )
            )
            wrong = wrong or self._broken(session, version, batch, numbers, name, value, settings)
            if wrong and not given.force:
                raise ProblemError(422, "Unprocessable Content", wrong)
            keyings = keyings_of(session, batch, numbers)
            own = keyings.get(name, [])
            made = tables.Keying(
                document=batch,
                sheet=sheet.number,
                name=name,
                number=len(own) + 1,
                user=who.name,
                time=now(),
                text=text,
                value=value,
                action=FORCED if wrong else action,
            )
            session.add(made)
            own = [*own, made]
            field.keyed = len({keying.user for keying in own})
            decision = decide(own, double=settings.double)
            decisions = decided(session, batch, numbers, double=settings.double)
            if decision is not None:
                decisions[name] = decision
            settle_fields(version, fields_of(session, batch, numbers), decisions)
            touch(session, batch, session.get_one(Page, (batch, sheet.number)))
            read = reading_of(field)
            return models.KeyedField(
                name=name,
                done=field.done,
                type=field.type,
                value=field.value,
                raw=read.raw,
                state=cast(models.FieldState, graded_state(field.state, field.confidence, settings.least)),
                confidence=field.confidence,
                alternatives=list(read.alternatives),
                reason=field.reason,
                keyed_by=list(dict.fromkeys(keying.user for keying in own)),
                page=sheet.page,
            )

    @staticmethod
    def _broken(  # noqa: PLR0913, PLR0917
        session: Session,
        version: Version,
        batch: str,
        numbers: list[int],
        name: str,
        value: str,
        settings: tables.Batch,
    ) -> str:
        """Why a value breaks a rule with fields that are settled or sure; "" where it breaks none of these."""
        fields = {field.name: field for field in fields_of(session, batch, numbers)}
        decisions = decided(session, batch, numbers, double=settings.double)
        found = values_of(version, fields.values(), {**decisions, name: Decision(value, TYPED)})[name]
        if found.state != INVALID:
            return ""
        if not value:
            return found.reason

        def is_known(field: tables.Field) -> bool:
            return field.done or (field.state != INVALID and field.confidence >= settings.least)

        for rule in version.template.rules:
            members = [each for part in rule.fields for each in names_of(part, fields)]
            if name in members and all(is_known(fields[each]) for each in members if each != name):
                return found.reason
        return ""

    def suggestions(self, template: str, listed: str, who: Identity) -> models.Suggestions:
        """Values that people have keyed into the fields of a list, and that are not in it, the most frequent first."""
        with self._store.session() as session:
            row, _ = self._templates.allow(session, template, who, "corrector")
            content, entries = self._templates.newest(session, row, listed)
            columns = {
                f"{parent.name}.{each.name}" if parent.columns else each.name
                for page in content.pages
                for parent in page.fields
                for each in (parent.columns or (parent,))
                if each.list == listed
            }
            counts: dict[str, int] = {}
            for name, value, count in session.execute(
                select(tables.Field.name, tables.Field.value, func.count())
                .join(
                    tables.Sheet,
                    and_(tables.Sheet.document == tables.Field.document, tables.Sheet.number == tables.Field.sheet),
                )
                .join(Document, Document.id == tables.Field.document)
                .where(
                    tables.Sheet.template == row.document,
                    tables.Field.done.is_(True),
                    tables.Field.value != "",
                    tables.Field.type.in_(("name", "choice")),
                    may_correct(who),
                )
                .group_by(tables.Field.name, tables.Field.value)
            ):
                if _column(name) in columns and value.casefold() not in entries:
                    counts[value] = counts.get(value, 0) + count
        ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_SUGGESTIONS]
        return models.Suggestions(suggestions=[models.Suggestion(value=value, count=n) for value, n in ordered])


def _column(name: str) -> str:
    """``_column("items.3.amount") == "items.amount"``."""
    parts = name.split(".")
    return f"{parts[0]}.{parts[2]}" if len(parts) == 3 else name


def _field_of(template: Template, name: str) -> FormField:
    return next(field for _, each, field in template.named_fields() if each == name)
