"""What may stand in a field, and which fields have to fit together.

Usage: ``pattern = pattern_of(template, field)``; ``settle(template, readings)``

A rule across fields chooses among the values that fit each field: the most probable combination that keeps the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import islice, product
from math import prod
from pathlib import Path

from inkread.errors import TemplateError
from inkread.forms.template import FormField, OrderRule, PairsRule, Rule, SumRule, Template, read_list
from inkread.recognition.kinds import YEARS
from inkread.recognition.patterns import Pattern

Choices = Sequence[tuple[str, float]]
"""Values of a field with their probabilities, the best one first."""
MOST_COMBINATIONS = 20_000


def pattern_of(template: Template, field: FormField) -> Pattern | None:
    """What may stand in a field; None for any text.

    Raises:
        PatternError: the expression, the list or the country has an error.
        TemplateError: the list cannot be read.
    """
    if field.type in ("text", "tick", "ticks", "signature", "table"):
        return None
    if field.type in ("name", "choice"):
        entries = template.entries(field)
        return None if entries is None else _from_entries(entries, field.comb)
    if field.type == "date":
        return Pattern.date(field.years or YEARS, month_first=field.month_first)
    if field.type == "regex":
        return replace(Pattern.of(field.expression or ""), spaces=not field.comb)
    named = {"amount": "amount-with-cents" if field.cents else "amount", "postcode": f"postcode-{field.country}"}
    return Pattern.named(named.get(field.type, field.type))


def _from_entries(entries: tuple[str, ...], cells: int | None) -> Pattern:
    """The entries of a list; those with more characters than a comb has cells are written as far as they fit."""
    if cells is None or all(len(entry) <= cells for entry in entries):
        return Pattern.of(entries, ignore_case=True)
    whole: dict[str, str] = {}
    for entry in entries:
        start = entry[:cells].strip()
        whole[start] = start if start in whole else entry
    pattern = Pattern.of(list(whole), ignore_case=True)
    return replace(pattern, value=lambda text: whole.get(pattern.value(text), text))


def names_of(name: str, known: Mapping[str, object]) -> list[str]:
    """``items.amount`` is that column in all rows of the table; other names are themselves."""
    if name in known:
        return [name]
    table, _, column = name.partition(".")
    return [each for each in known if each.startswith(f"{table}.") and each.endswith(f".{column}")]


def settle(template: Template, choices: Mapping[str, Choices]) -> tuple[dict[str, str], dict[str, str]]:
    """Apply the rules of a template.

    Args:
        template: the template.
        choices: of each field that is not empty.

    Returns:
        The values that rules have chosen instead of the most probable ones, and for each field of a rule that no
        combination keeps a sentence that says which.
    """
    changed: dict[str, str] = {}
    broken: dict[str, str] = {}
    for rule in template.rules:
        names = [name for part in rule.fields for name in names_of(part, choices)]
        needed = [rule.total] if isinstance(rule, SumRule) else list(rule.fields)
        if any(name not in choices for name in needed) or len(names) < 2:
            continue
        kept = _kept(template, rule)
        options = [choices[name] for name in names]
        combinations = islice(product(*options), MOST_COMBINATIONS)
        fitting = [each for each in combinations if kept([value for value, _ in each])]
        if not fitting:
            broken |= dict.fromkeys(names, _sentence(rule))
            continue
        best = max(fitting, key=lambda each: prod(share for _, share in each))
        for name, (value, _), (usual, _) in zip(names, best, (option[0] for option in options), strict=True):
            if value != usual:
                changed[name] = value
    return changed, broken


def _kept(template: Template, rule: Rule) -> Callable[[Sequence[str]], bool]:
    match rule:
        case OrderRule():
            return lambda values: _ordered(values[0], values[1])
        case SumRule():
            return lambda values: _adds_up(values[0], values[1:])
        case PairsRule():
            pairs = _pairs(template.folder / rule.list)
            return lambda values: (values[0].casefold(), values[1].casefold()) in pairs


def _ordered(first: str, second: str) -> bool:
    a, b = _number(first), _number(second)
    return first <= second if a is None or b is None else a <= b


def _adds_up(total: str, parts: Sequence[str]) -> bool:
    numbers = [_number(part) for part in parts]
    whole = _number(total)
    return whole is not None and None not in numbers and sum(filter(None, numbers), Decimal()) == whole


def _number(value: str) -> Decimal | None:
    """``_number("1234.50 EUR") == Decimal("1234.50")``."""
    try:
        return Decimal(value.split(" ")[0])
    except (InvalidOperation, IndexError):
        return None


def _pairs(path: Path) -> frozenset[tuple[str, str]]:
    pairs = set()
    for line in read_list(path):
        first, tab, second = line.partition("\t")
        if not tab:
            raise TemplateError(f"{path}: a line of a list of pairs has a tab between its two values, not {line!r}")
        pairs.add((first.strip().casefold(), second.strip().casefold()))
    return frozenset(pairs)


def _sentence(rule: Rule) -> str:
    match rule:
        case OrderRule():
            return f"{rule.second} is before {rule.first}"
        case SumRule():
            return f"{rule.total} is not the sum of {', '.join(rule.parts)}"
        case PairsRule():
            return f"{rule.first} and {rule.second} do not belong together"
