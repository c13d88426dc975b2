"""Kinds of fields that have a name: dates, numbers, amounts, phone numbers, numbers with check digits and others.

Usage: ``KINDS["iban"].build(alphabet)``; ``KINDS["date"].value("3 avril 1821") == "1821-04-03"``

A kind accepts only what can exist: no 30 February, no number with a wrong check digit. A check digit is part of the
automaton, as the remainder of what was read so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.automata import Automaton, explore
from inkread.recognition.regex import compile_regex

DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


LENGTH_BONUS = 2.0
"""Natural log added for each character of a kind made of digits: beside another digit the network reads a narrow one
as nothing (decision 0070)."""
MIXED_PADDING = -3.0
"""Natural log added to a date with a zero before its day or month where the other one lacks it, as in 3/04/1921."""


def equally_likely(_: str) -> float:
    """No text is likelier than another."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of field: its automaton for an alphabet, and the value that a text means. Spaces do not count in it.

    ``length_bonus`` is added to the natural log probability for each character, ``prior`` for the text.
    """

    build: Callable[[Alphabet], Automaton]
    value: Callable[[str], str]
    length_bonus: float = LENGTH_BONUS
    prior: Callable[[str], float] = equally_likely


# Dates

MONTHS = (
    "January|Jan|Januar|Jänner|janvier|janv|enero|ene|gennaio|gen|januari|janeiro",
    "February|Feb|Februar|février|févr|fév|febrero|febbraio|febbr|februari|fevereiro|fev",
    "March|Mar|März|mars|marzo|maart|mrt|março",
    "April|Apr|avril|avr|abril|abr|aprile",
    "May|Mai|mayo|maggio|mag|mei|maio",
    "June|Jun|Juni|juin|junio|giugno|giu|junho",
    "July|Jul|Juli|juillet|juil|julio|luglio|lug|julho",
    "August|Aug|août|agosto|ago|augustus",
    "September|Sept|Sep|septembre|septiembre|settembre|set|setembro",
    "October|Oct|Oktober|Okt|octobre|octubre|ottobre|ott|outubro|out",
    "November|Nov|novembre|noviembre|novembro",
    "December|Dec|Dezember|Dez|décembre|déc|diciembre|dic|dicembre|dezembro",
)
"""English, German, French, Spanish, Italian, Dutch and Portuguese, with usual abbreviations."""
LONG_MONTHS = (1, 3, 5, 7, 8, 10, 12)
YEARS = (1000, 2049)
"""First and last year of a date, unless said otherwise."""
_NAME_OF = {spelling.lower(): number for number, names in enumerate(MONTHS, 1) for spelling in names.split("|")}


@dataclass(frozen=True, slots=True)
class Dates:
    """How dates are written and read.

    Attributes:
        years: the first and the last one that is possible; a year of two digits is one of the last hundred of them.
        month_first: 3/4/1921 is the 4th of March, not the 3rd of April.
    """

    years: tuple[int, int] = YEARS
    month_first: bool = False

    @property
    def expression(self) -> str:
        """Days and months that exist together, with a year: by numbers and by the month's name, without spaces."""
        first, last = self.years
        every = range(first, last + 1)
        leap = [year for year in every if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)]
        groups = [
            ("0?[1-9]|1[0-9]|2[0-8]", tuple(range(1, 13)), every),
            ("29", (2,), leap),
            ("29|30", tuple(month for month in range(1, 13) if month != 2), every),
            ("31", LONG_MONTHS, every),
        ]
        return "|".join(
            option for days, months, years in groups if years for option in self._options(days, months, years)
        )

    def _options(self, days: str, months: Sequence[int], years: Sequence[int]) -> list[str]:
        full = _any_of(f"{year:04d}" for year in years)
        year = f"(?:{full}|'?{_any_of(f'{year % 100:02d}' for year in years if year > self.years[1] - 100)})"
        day, padded_day = f"(?:{days})", f"(?:{days.replace('0?', '0')})"
        month, padded_month = "(?:0?" + ")|(?:0?".join(map(str, months)) + ")", _any_of(f"{m:02d}" for m in months)
        month = f"(?:{month})"
        name = "(?:" + "|".join(_any_case(name) for m in months for name in MONTHS[m - 1].split("|")) + ")"
        numbers = (month, day) if self.month_first else (day, month)
        padded = (padded_month, padded_day) if self.month_first else (padded_day, padded_month)
        return [
            *(separator.join((*numbers, year)) for separator in ("/", "-", r"\.")),
            "".join((*padded, full)),
            f"{full}-{padded_month}-{padded_day}",
            rf"{day}(?:\.|st|nd|rd|th|er|º|°)?(?:of|de)?{name}\.?,?(?:de)?{year}",
            rf"{name}\.?{day}(?:st|nd|rd|th)?,?{full}",
        ]

    def iso(self, text: str) -> str:
        """``Dates().iso("3.4.21") == "2021-04-03"``."""
        named = re.search("|".join(sorted(_NAME_OF, key=len, reverse=True)), text.lower())
        numbers = re.findall(r"\d+", text)
        if named:
            if len(numbers) == 1:  # the day and the year after a month without a comma
                numbers = [numbers[0][:-4], numbers[0][-4:]]
            (day, year), month = numbers, str(_NAME_OF[named.group()])
        elif len(numbers) == 1:
            numbers = [text[:2], text[2:4], text[4:]]
            month, day, year = _by_order(numbers, month_first=self.month_first)
        elif len(numbers[0]) == 4:
            year, month, day = numbers
        else:
            month, day, year = _by_order(numbers, month_first=self.month_first)
        whole = int(year)
        if len(year) == 2:
            earliest = self.years[1] - 99
            whole = earliest + (whole - earliest) % 100
        return f"{whole:04d}-{int(month):02d}-{int(day):02d}"


def _by_order(numbers: Sequence[str], *, month_first: bool) -> tuple[str, str, str]:
    first, second, year = numbers
    return (first, second, year) if month_first else (second, first, year)


def _any_of(numbers: Iterable[str]) -> str:
    """An expression for numbers with the same count of digits, short because common beginnings are written once."""
    endings: dict[str, set[str]] = {}
    for number in numbers:
        endings.setdefault(number[:1], set()).add(number[1:])
    if set(endings) == {""}:
        return ""
    digits_of: dict[frozenset[str], str] = {}
    for digit, rest in endings.items():
        key = frozenset(rest)
        digits_of[key] = digits_of.get(key, "") + digit
    return "(?:" + "|".join(f"[{digits}]{_any_of(sorted(rest))}" for rest, digits in digits_of.items()) + ")"


def _any_case(name: str) -> str:
    """First letter and rest in either case: May, may, MAY."""
    first, rest = name[0], name[1:]
    return f"[{first.lower()}{first.upper()}](?:{rest.lower()}|{rest.upper()})"


# Numbers and amounts

INTEGER = "(?:0|[1-9][0-9]{0,14})"


def _decimal(fraction: str, *, required: bool = False) -> str:
    """A number with a point or a comma, plain or in groups of three digits."""
    often = "" if required else "?"
    options = [f"{INTEGER}(?:[.,]{fraction}){often}"]
    for thousands, decimal in ((r"\.", ","), (",", r"\."), ("'", r"\.")):
        options.append(f"[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}}){{1,4}}(?:{decimal}{fraction}){often}")
    return "(?:" + "|".join(options) + ")"


NUMBER = "[-+]?" + _decimal("[0-9]{1,6}")
CURRENCIES = {
    "€": "EUR",
    "EUR": "EUR",
    "Euro": "EUR",
    "euros": "EUR",
    "$": "USD",
    "USD": "USD",
    "£": "GBP",
    "GBP": "GBP",
    "CHF": "CHF",
    "Fr.": "CHF",
    "¥": "JPY",
    "JPY": "JPY",
}
_CURRENCY = "(?:" + "|".join(re.escape(name) for name in CURRENCIES) + ")"
_CENTS = "(?:[0-9]{2}|--?|–|—)"


def _amounts(number: str) -> str:
    return f"-?{_CURRENCY}?{number}|-?{number}{_CURRENCY}"


AMOUNT = _amounts(_decimal(f"{_CENTS}", required=False))
AMOUNT_WITH_CENTS = _amounts(_decimal(f"{_CENTS}", required=True))


def _plain_number(text: str) -> str:
    """``_plain_number("1.234,50") == "1234.50"``; one separator before three digits groups thousands."""
    sign = "-" if text.startswith("-") else ""
    compact = re.sub("['+]", "", text).removeprefix("-")
    compact = re.sub(r"[.,](?:-+|–|—)$", "", compact)
    separators = re.findall(r"[.,]", compact)
    if not separators:
        return sign + compact
    whole, _, fraction = compact.rpartition(separators[-1])
    grouped = re.fullmatch(r"[1-9]\d{0,2}", re.split(r"[.,]", compact)[0]) and len(fraction) == 3
    if grouped and len(set(separators)) == 1:
        return sign + re.sub(r"[.,]", "", compact)
    return f"{sign}{re.sub(r'[.,]', '', whole)}.{fraction}"


def _amount(text: str) -> str:
    currency = re.search(_CURRENCY, text)
    number = _plain_number(re.sub(_CURRENCY, "", text))
    return f"{number} {CURRENCIES[currency.group()]}" if currency else number


# Addresses

PHONE = (
    r"(?:\+[1-9][0-9]{0,2}(?:\(0\))?|\(?0[0-9]{1,5}\)?[-/]?|\([1-9][0-9]{2}\)|[1-9])"
    r"[0-9](?:[./-]?[0-9]){4,12}"
)
EMAIL = r"[A-Za-z0-9](?:[._%+-]?[A-Za-z0-9]){0,63}@[A-Za-z0-9](?:[.-]?[A-Za-z0-9]){0,63}\.[A-Za-z]{2,10}"
TIME = "(?:0?[0-9]|1[0-9]|2[0-3])[:.h][0-5][0-9]"
POSTCODES = {
    "at": "[1-9][0-9]{3}",
    "be": "[1-9][0-9]{3}",
    "ca": "[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z] ?[0-9][ABCEGHJ-NPRSTV-Z][0-9]",
    "ch": "[1-9][0-9]{3}",
    "de": "(?:0[1-9]|[1-9][0-9])[0-9]{3}",
    "es": "(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}",
    "fr": "(?:0[1-9]|[1-8][0-9]|9[0-8])[0-9]{3}",
    "gb": "[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][ABD-HJLNP-UW-Z]{2}",
    "it": "[0-9]{5}",
    "nl": "[1-9][0-9]{3}[A-Z]{2}",
    "pt": "[1-9][0-9]{3}-[0-9]{3}",
    "us": "[0-9]{5}(?:-[0-9]{4})?",
}


def _phone(text: str) -> str:
    """Digits, with the + before a country code."""
    return ("+" if text.startswith("+") else "") + re.sub(r"\(0\)|\D", "", text)


def _time(text: str) -> str:
    return re.sub("[.h]", ":", text).zfill(5)


def _email(text: str) -> str:
    name, _, domain = text.partition("@")
    return f"{name}@{domain.lower()}"


# Numbers with check digits

IBAN_ACCOUNTS = {
    "AT": "n16",
    "BE": "n12",
    "BG": "a4n14",
    "CH": "n17",
    "CY": "n24",
    "CZ": "n20",
    "DE": "n18",
    "DK": "n14",
    "EE": "n16",
    "ES": "n20",
    "FI": "n14",
    "FR": "n23",
    "GB": "a4n14",
    "GR": "n23",
    "HR": "n17",
    "HU": "n24",
    "IE": "a4n14",
    "IT": "a1n22",
    "LI": "n17",
    "LT": "n16",
    "LU": "n16",
    "LV": "a4n13",
    "MC": "n23",
    "MT": "a4n23",
    "NL": "a4n10",
    "NO": "n11",
    "PL": "n24",
    "PT": "n21",
    "RO": "a4n16",
    "SE": "n20",
    "SI": "n15",
    "SK": "n20",
}
"""By country the account: letters, then digits (ISO 13616). Digits are expected where letters are possible but rare."""
_IBAN_MODULUS = 97
_SHIFT = pow(pow(10, 6, _IBAN_MODULUS), -1, _IBAN_MODULUS)
"""Undoes the six digits, country and check digits, that are put after the account before the remainder is taken."""


def _account(country: str) -> str:
    """One ``a`` for each letter and one ``n`` for each digit."""
    return "".join(kind * int(count) for kind, count in re.findall(r"([an])(\d+)", IBAN_ACCOUNTS[country]))


@lru_cache(maxsize=2)
def _iban(alphabet: Alphabet) -> Automaton:
    """State: the head (country and check digits) as far as it is read; then what of the account is missing, and the
    remainder that it has to have."""
    label_of = {character: alphabet.encode(character)[0] for character in DIGITS + CAPITALS}
    value_of = {character: int(character, 36) for character in label_of}

    def after_head(head: str) -> tuple[str, int]:
        number = value_of[head[0]] * 100 + value_of[head[1]]
        return _account(head[:2]), (1 - number * 100 - int(head[2:])) * _SHIFT % _IBAN_MODULUS

    def head_moves(head: str) -> dict[int, str | tuple[str, int]]:
        if len(head) < 2:
            following = {country[len(head)] for country in IBAN_ACCOUNTS if country.startswith(head)}
        else:
            following = set(DIGITS)
        longer = {letter: head + letter for letter in sorted(following)}
        return {label_of[c]: after_head(text) if len(text) == 4 else text for c, text in longer.items()}

    def moves(state: str | tuple[str, int]) -> dict[int, str | tuple[str, int]]:
        if isinstance(state, str):
            return head_moves(state)
        missing, needed = state
        if not missing:
            return {}
        power = pow(10, len(missing) - 1 + missing[1:].count("a"), _IBAN_MODULUS)
        return {
            label_of[character]: (missing[1:], (needed - value_of[character] * power) % _IBAN_MODULUS)
            for character in (DIGITS if missing[0] == "n" else CAPITALS)
        }

    start: str | tuple[str, int] = ""
    return explore(start, moves, lambda state: state == ("", 0))


Memory = tuple[int, ...]


def _checked(
    alphabet: Alphabet,
    *,
    start: Memory,
    update: Callable[[Memory, int, int], Memory | None],
    ends: Callable[[int, Memory], bool],
    most: int,
    extra: str = "",
) -> Automaton:
    """Digits with single hyphens between them.

    Args:
        alphabet: of the recogniser.
        start: what is remembered before the first digit.
        update: from what is remembered, the number of digits before and the digit, what is remembered after it; None
            for a digit that cannot stand there.
        ends: whether a number of so many digits with such a memory is right.
        most: digits at most.
        extra: a character that stands for ten.
    """
    labels = {alphabet.encode(character)[0]: value for value, character in enumerate(DIGITS + extra)}
    hyphen = alphabet.encode("-")[0]

    def moves(state: tuple[int, Memory, bool]) -> dict[int, tuple[int, Memory, bool]]:
        count, memory, separated = state
        found = {hyphen: (count, memory, True)} if 0 < count < most and not separated else {}
        for label, value in labels.items() if count < most else ():
            after = update(memory, count, value)
            if after is not None:
                found[label] = (count + 1, after, False)
        return found

    return explore((0, start, False), moves, lambda state: not state[2] and ends(*state[:2]))


@lru_cache(maxsize=2)
def _card(alphabet: Alphabet) -> Automaton:
    """Luhn's check digit (ISO/IEC 7812): remembered are the sums with every first and with every second digit doubled,
    because only the end says which digits count twice."""

    def doubled(digit: int) -> int:
        return 2 * digit - 9 * (digit > 4)

    def update(sums: Memory, count: int, digit: int) -> Memory:
        added = (doubled(digit), digit) if count % 2 == 0 else (digit, doubled(digit))
        return tuple((total + more) % 10 for total, more in zip(sums, added, strict=True))

    return _checked(
        alphabet,
        start=(0, 0),
        update=update,
        ends=lambda count, sums: count in (13, 14, 15, 16, 19) and sums[count % 2] == 0,
        most=19,
    )


@lru_cache(maxsize=2)
def _ean(alphabet: Alphabet) -> Automaton:
    """Articles (GS1): every second digit before the check digit counts three times."""

    def update(sums: Memory, count: int, digit: int) -> Memory:
        weights = (3, 1) if count % 2 == 0 else (1, 3)
        return tuple((total + weight * digit) % 10 for total, weight in zip(sums, weights, strict=True))

    return _checked(
        alphabet,
        start=(0, 0),
        update=update,
        ends=lambda count, sums: count in (8, 12, 13, 14) and sums[count % 2] == 0,
        most=14,
    )


@lru_cache(maxsize=2)
def _isbn(alphabet: Alphabet) -> Automaton:
    """Books (ISO 2108): ten digits with remainder 0 of 11, an X for ten at the end, or an article number 978, 979."""

    def update(memory: Memory, count: int, digit: int) -> Memory | None:
        """Remembered: the weighted sum of ten digits, that of thirteen, and the number of digits that fit 978."""
        short, long, prefix = memory
        if digit == 10:
            return ((short + 10) % 11, 0, 0) if count == 9 else None
        if prefix == count < 3:
            prefix += (digit == 9, digit == 7, digit in (8, 9))[count]
        if count >= 10 and prefix < 3:
            return None
        return (short + (10 - count) * digit) % 11, (long + (1 + 2 * (count % 2)) * digit) % 10, prefix

    def ends(count: int, memory: Memory) -> bool:
        short, long, prefix = memory
        return (count == 10 and short == 0) or (count == 13 and prefix == 3 and long == 0)

    return _checked(alphabet, start=(0, 0, 0), update=update, ends=ends, most=13, extra="X")


def _compact(text: str) -> str:
    return text.replace("-", "")


def _regex_kind(expression: str, value: Callable[[str], str] = str, length_bonus: float = LENGTH_BONUS) -> Kind:
    return Kind(partial(compile_regex, expression), value, length_bonus)


def date_kind(dates: Dates) -> Kind:
    """Dates of some years, in some order of day and month."""
    return Kind(partial(compile_regex, dates.expression), dates.iso, prior=_padding_prior)


def _padding_prior(date: str) -> float:
    """``_padding_prior("3/04/1921") < _padding_prior("03/04/1921")``."""
    numbers = re.match(r"(\d+)\D(\d+)\D", date)
    first, second = numbers.groups() if numbers else ("", "")
    mixed = len(first) + len(second) == 3 and "0" in (first[0], second[0])
    return MIXED_PADDING if mixed else 0.0


KINDS = {
    "amount": _regex_kind(AMOUNT, _amount),
    "card": Kind(_card, _compact),
    "amount-with-cents": _regex_kind(AMOUNT_WITH_CENTS, _amount),
    "date": date_kind(Dates()),
    "date-month-first": date_kind(Dates(month_first=True)),
    "ean": Kind(_ean, _compact),
    "email": _regex_kind(EMAIL, _email, length_bonus=0.0),
    "iban": Kind(_iban, _compact),
    "isbn": Kind(_isbn, _compact),
    "number": _regex_kind(NUMBER, _plain_number),
    "phone": _regex_kind(PHONE, _phone),
    "time": _regex_kind(TIME, _time),
    **{f"postcode-{country}": _regex_kind(code) for country, code in POSTCODES.items()},
}
