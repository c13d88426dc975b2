"""What people key into fields: checked against the type, and written as the type writes it.

Usage: ``keyed_value(template, field, "27.1.1934") == "1934-01-27"``
"""

from __future__ import annotations

from functools import lru_cache

from inkread.errors import PatternError
from inkread.forms.reading import YES, FormValue
from inkread.forms.rules import pattern_of
from inkread.forms.template import FormField, Template
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.server.documents.models import plain

ALPHABET = Alphabet(LATIN)
AS_WRITTEN = ("text", "name", "choice", "regex")
"""Types whose value is what is written on the sheet."""
EXAMPLES = {
    "date": "a date of the years that are allowed, such as 1934-01-27",
    "time": "a time, such as 14:30",
    "number": "a number",
    "amount": "an amount, such as 1234.50 EUR",
    "phone": "a phone number",
    "email": "an e-mail address",
    "iban": "an IBAN whose check digits fit",
    "card": "a card number whose check digit fits",
    "ean": "an EAN whose check digit fits",
    "isbn": "an ISBN whose check digit fits",
    "postcode": "a postcode of the country",
    "regex": "what the expression of the field allows",
}


class WrongValueError(ValueError):
    """A value does not fit its field; the message says so in one sentence."""


def keyed_value(template: Template, field: FormField, text: str) -> str:
    """The value that somebody has typed, as the type of the field writes it; "" for an empty field.

    Raises:
        WrongValueError: it does not fit.
    """
    text = plain(text)
    if not text:
        return ""
    if field.type in ("tick", "signature"):
        if text != YES:
            raise WrongValueError(f"{field.name} is {YES} or empty")
        return YES
    if field.type == "ticks":
        return _ticks(field, text)
    if field.type in ("name", "choice"):
        return _entry(template, field, text)
    try:
        pattern = pattern_of(template, field)
        if pattern is None:
            return text
        if pattern.fits(text, ALPHABET):
            return pattern.value(text if pattern.spaces else text.replace(" ", ""))
    except PatternError as error:
        raise WrongValueError(f"{field.name}: {error}") from error
    raise WrongValueError(f"{text[:60]} is not {EXAMPLES[field.type]}")


def _ticks(field: FormField, text: str) -> str:
    options = field.options or {}
    chosen = [part.strip() for part in text.split(";") if part.strip()]
    if unknown := [part for part in chosen if part not in options]:
        raise WrongValueError(f"{unknown[0][:60]} is none of {', '.join(options)}")
    if len(set(chosen)) > 1 and not field.several:
        raise WrongValueError(f"only one of {', '.join(options)} can be ticked")
    return ";".join(option for option in options if option in chosen)


def _entry(template: Template, field: FormField, text: str) -> str:
    entries = template.entries(field)
    if entries is None:
        return text
    found = _folded(entries).get(text.casefold())
    if found is None and field.type == "choice":
        raise WrongValueError(f"{text[:60]} is not in the list of {field.name}")
    return found or text


@lru_cache(maxsize=8)
def _folded(entries: tuple[str, ...]) -> dict[str, str]:
    return {plain(entry).casefold(): entry for entry in reversed(entries)}


def transcript(template: Template, field: FormField, value: str, typed: str, read: FormValue) -> str | None:
    """What is written on the sheet, as far as it follows from a settled value; None where that is not known.

    A date that was keyed as 1934-01-27 may be written in many ways, so the reading without the type is the text, if it
    means that value. The value of a text, name, choice or expression is what is written, but for the case of letters.
    """
    if not value or field.type in ("tick", "ticks", "signature"):
        return None
    if read.raw and read.raw.casefold() == value.casefold():
        return read.raw
    if field.type in AS_WRITTEN:
        return typed if typed.casefold() == value.casefold() else value
    try:
        return read.raw if read.raw and keyed_value(template, field, read.raw) == value else None
    except WrongValueError:
        return None
