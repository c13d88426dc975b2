"""What a version reads otherwise than the champion: the lines of the gate that changed most, for people.

Usage: ``changes = changed_lines(lines, new, old); page = gate_report(3, comparison, changes)``

Gold pages may be confidential, and here are pictures of their lines. The registry keeps them beside the version, and
the gateway shows them to admins only.
"""

from __future__ import annotations

from collections.abc import Sequence

from inkread.evaluation.gate import Change, Comparison, LineErrors, gate_table, objections
from inkread.evaluation.gold import GoldImage
from inkread.evaluation.html import data_uri, environment

SHOWN = 12
"""Lines that are read better, and as many that are read worse."""
MOST_OF_A_DOCUMENT = 3
"""Of each kind, so that one page does not fill the report."""


def changed_lines(lines: Sequence[GoldImage], new: Sequence[LineErrors], old: Sequence[LineErrors]) -> list[Change]:
    """The lines whose number of errors changed most: those that got worse, the worst first, then those that got better.

    Args:
        lines: that both read.
        new, old: what the version and the champion read in them.
    """
    gain = [before.characters.edits - after.characters.edits for after, before in zip(new, old, strict=True)]
    order = sorted(range(len(lines)), key=lambda index: (-abs(gain[index]), index))
    chosen = [
        *_spread([index for index in order if gain[index] < 0], lines),
        *_spread([index for index in order if gain[index] > 0], lines),
    ]
    return [
        Change(
            document=lines[index].place.document,
            written=lines[index].text,
            champion=old[index].read,
            version=new[index].read,
            champion_edits=old[index].characters.edits,
            edits=new[index].characters.edits,
            picture=data_uri(lines[index].image),
        )
        for index in chosen
    ]


def _spread(order: Sequence[int], lines: Sequence[GoldImage]) -> list[int]:
    taken: dict[str, int] = {}
    chosen = []
    for index in order:
        document = lines[index].place.document
        taken[document] = taken.get(document, 0) + 1
        if taken[document] <= MOST_OF_A_DOCUMENT:
            chosen.append(index)
    return chosen[:SHOWN]


def gate_report(version: int, comparison: Comparison, changes: Sequence[Change]) -> str:
    """What the gate compared, why it objects, and the lines that changed most, as one HTML page."""
    worse = [change for change in changes if change.edits > change.champion_edits]
    better = [change for change in changes if change.edits < change.champion_edits]
    return (
        environment()
        .get_template("gate.html.j2")
        .render(
            version=version,
            champion=comparison.champion,
            lines=comparison.lines,
            documents=comparison.documents,
            objections=objections(comparison),
            table=gate_table(comparison),
            groups=[("Read worse", worse), ("Read better", better)],
        )
    )
