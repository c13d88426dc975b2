"""Whether a field has suddenly become empty or unsure: its last 50 forms against all before them.

Usage: ``figures, drift = with_form(figures, {"born": "s", "total": "e"})``

The figures of a template begin anew with each version that somebody saves. They hold for each field how many forms
there were before the last 50, how many of these were empty or unsure there, and a letter for each of the last 50:
s(ure), u(nsure) or e(mpty).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from inkread.server.forms.models import FieldDrift

WINDOW = 50
LEAST_BEFORE = 50
"""Forms before the last ones, below which nothing is said."""
SURPRISE = 4.0
"""Standard deviations, by a test of two proportions, from which chance does not explain a difference."""


def with_form(figures: Mapping[str, Any], states: Mapping[str, str]) -> tuple[dict[str, Any], float]:
    """The figures after one more form, and the largest drift of a field.

    Args:
        figures: so far.
        states: s, u or e of each field of the form.
    """
    found = dict(figures)
    for name, state in states.items():
        before, empty, unsure, last = found.get(name, (0, 0, 0, ""))
        last += state
        if len(last) > WINDOW:
            before, empty, unsure = before + 1, empty + (last[0] == "e"), unsure + (last[0] == "u")
        found[name] = [before, empty, unsure, last[-WINDOW:]]
    return found, max((each.drift for each in drifts(found)), default=0.0)


def drifts(figures: Mapping[str, Any]) -> list[FieldDrift]:
    """How each field of a template stands."""
    found = []
    for name, (before, empty, unsure, last) in figures.items():
        shares = [(last.count(letter), count) for letter, count in (("e", empty), ("u", unsure))]
        found.append(
            FieldDrift(
                field=name,
                forms=before + len(last),
                empty=_share(shares[0][0], len(last)),
                empty_before=_share(empty, before),
                unsure=_share(shares[1][0], len(last)),
                unsure_before=_share(unsure, before),
                drift=max(_rise(now, len(last), then, before) for now, then in shares),
            )
        )
    return found


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0


def _rise(count: int, total: int, earlier: int, before: int) -> float:
    """By how much a share rose; 0 where too few forms are known or chance explains it."""
    if before < LEAST_BEFORE or total < WINDOW:
        return 0.0
    rise = count / total - earlier / before
    pooled = (count + earlier) / (total + before)
    deviation = sqrt(pooled * (1 - pooled) * (1 / total + 1 / before))
    return round(rise, 4) if rise > 0 and deviation and rise / deviation >= SURPRISE else 0.0
