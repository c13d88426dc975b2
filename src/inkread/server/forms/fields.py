"""The fields of a form: what was read, what people have settled, and how they stand against rules and a threshold.

Usage: ``settle_fields(version, fields, decided(session, document, [1, 2], double=False))``
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from inkread.forms.reading import EMPTY, INVALID, SURE, UNSURE, FormValue, checked
from inkread.forms.results import threshold_for
from inkread.server.forms import tables
from inkread.server.forms.templates import Version

KEYED = 1.0
"""Confidence of what people have settled."""
FORCED = "forced"
"""Action of somebody who keeps a value that does not fit."""
JUDGES = 3
"""People who have keyed a field in turn, of whom the last one decides."""


class Decision(NamedTuple):
    """What people have settled for a field, and what the last of them did."""

    value: str
    action: str


def decide(keyings: Iterable[tables.Keying], *, double: bool) -> Decision | None:
    """What people have settled for a field; None where one more has to look.

    Args:
        keyings: of the field, in order.
        double: whether two people have to agree; where they do not, a third decides.
    """
    said: dict[str, str] = {}
    found = None
    for keying in keyings:
        said[keying.user] = keying.value
        agreed = sum(value == keying.value for value in said.values()) > 1
        if found or not double or agreed or len(said) >= JUDGES:
            found = Decision(keying.value, keying.action)
    return found


def keyings_of(session: Session, document: str, sheets: Sequence[int]) -> dict[str, list[tables.Keying]]:
    """What people have keyed into the fields of a form, in order, by field."""
    found: dict[str, list[tables.Keying]] = {}
    for keying in session.scalars(
        select(tables.Keying)
        .where(tables.Keying.document == document, tables.Keying.sheet.in_(sheets))
        .order_by(tables.Keying.number)
    ):
        found.setdefault(keying.name, []).append(keying)
    return found


def decided(session: Session, document: str, sheets: Sequence[int], *, double: bool) -> dict[str, Decision]:
    """What people have settled in a form, by field."""
    found = keyings_of(session, document, sheets)
    return {name: made for name, keyings in found.items() if (made := decide(keyings, double=double))}


def fields_of(session: Session, document: str, sheets: Sequence[int]) -> list[tables.Field]:
    """The fields of some sheets."""
    return list(
        session.scalars(select(tables.Field).where(tables.Field.document == document, tables.Field.sheet.in_(sheets)))
    )


def values_of(
    version: Version, fields: Iterable[tables.Field], decisions: Mapping[str, Decision]
) -> dict[str, FormValue]:
    """The values of the fields of a form by what was read, what people have settled, and the rules of the template.

    Args:
        version: of the template.
        fields: of all sheets of the form.
        decisions: what people have settled, by field.
    """
    rows = {field.name: field for field in fields}
    values = {}
    for page, name, each in version.template.named_fields():
        if name not in rows:
            continue
        value = reading_of(rows[name])
        if name in decisions:
            text = decisions[name].value
            value = FormValue(each.type, text, value.raw, KEYED, UNSURE if text else EMPTY, page)
        values[name] = value
    return checked(version.template, values)


def settle_fields(version: Version, fields: Sequence[tables.Field], decisions: Mapping[str, Decision]) -> None:
    """Set what holds of the fields of a form; see `values_of`."""
    found = values_of(version, fields, decisions)
    for field in fields:
        value = found[field.name]
        field.value, field.confidence, field.state, field.reason = (
            value.value,
            value.confidence,
            value.state,
            value.reason,
        )
        field.done = field.name in decisions
        if field.done and decisions[field.name].action == FORCED:
            field.state, field.reason = INVALID, value.reason or "somebody has kept it although it does not fit"


def reading_of(field: tables.Field) -> FormValue:
    """What was read, before rules and people."""
    read = json.loads(field.reading)
    alternatives = tuple((str(text), float(share)) for text, share in read["alternatives"])
    return FormValue(
        field.type,
        read["value"],
        read["raw"],
        read["confidence"],
        read["state"],
        read["page"],
        alternatives=alternatives,
        reason=read["reason"],
    )


def graded_state(state: str, confidence: float, least: float) -> str:
    """How a field stands against a threshold; see `inkread.forms.reading.graded`."""
    if state in (UNSURE, EMPTY) and confidence < least:
        return UNSURE
    return SURE if state == UNSURE else state


def least_for(session: Session, document: str, max_error: float) -> float:
    """The lowest threshold of a batch that is expected to keep an error rate, at most 1."""
    confidences = session.scalars(
        select(tables.Field.confidence)
        .join(
            tables.Sheet,
            (tables.Sheet.document == tables.Field.document) & (tables.Sheet.number == tables.Field.sheet),
        )
        .where(
            tables.Field.document == document,
            tables.Sheet.form > 0,
            (tables.Field.state == UNSURE) | ((tables.Field.state == EMPTY) & (tables.Field.confidence < 1)),
        )
    ).all()
    return min(threshold_for(confidences, max_error), 1.0)


def letter_of(field: tables.Field, least: float) -> str:
    """How a field stands, as `inkread.server.forms.drift` notes it."""
    state = graded_state(field.state, field.confidence, least)
    return "e" if state == EMPTY else "u" if state in (UNSURE, INVALID) else "s"
