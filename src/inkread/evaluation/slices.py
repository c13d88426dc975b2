"""Error rates of parts of the lines: by source, writer, century, length and confidence.

Usage: ``for part in slices(lines): print(part.dimension, part.name, part.cer)``
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inkread.evaluation.intervals import Estimate, rate_by_document
from inkread.evaluation.lines import ReadLine
from inkread.evaluation.text import character_errors

LENGTHS = (10, 20, 40, 80)
CONFIDENCES = (0.5, 0.7, 0.8, 0.9, 0.95)
MOST_WRITERS = 40
CENTURY = re.compile(r"(?<!\d)(1[4-9]|20)\d\d(?!\d)|mss(1[5-9]|20)(?!\d)|(?<!\d)(1[5-9]|20)(?:th|e)\b")


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines that have something in common, and their CER over documents."""

    dimension: str
    name: str
    lines: int
    characters: int
    cer: Estimate


def slices(lines: Sequence[ReadLine]) -> list[Slice]:
    """All slices in order; a dimension that does not part the lines is left out, and of writers the first forty."""
    found = []
    for dimension, name_of in DIMENSIONS.items():
        groups: dict[str, list[ReadLine]] = defaultdict(list)
        for line in lines:
            if name := name_of(line):
                groups[name].append(line)
        if len(groups) > 1:
            found += [_slice(dimension, name, groups[name]) for name in sorted(groups, key=_natural)[:MOST_WRITERS]]
    return found


def century(text: str) -> str:
    """``century("letters-1871") == "19th century"``: from a year or ``mss18`` in a name; "" where there is none."""
    match = CENTURY.search(text)
    if match is None:
        return ""
    year, *numbers = match.groups()
    number = int(year) + 1 if year else int(next(n for n in numbers if n))
    return f"{number}{'st' if number == 21 else 'th'} century"


def band(value: float, bounds: Sequence[float], unit: str) -> str:
    """``band(12, (10, 20), " characters") == "10 to 20 characters"``; a bound belongs to the band above it."""
    places = sum(value >= bound for bound in bounds)
    if places == 0:
        return f"below {bounds[0]:g}{unit}"
    if places == len(bounds):
        return f"from {bounds[-1]:g}{unit}"
    return f"{bounds[places - 1]:g} to {bounds[places]:g}{unit}"


def _slice(dimension: str, name: str, lines: Sequence[ReadLine]) -> Slice:
    errors = [character_errors(line.written, line.read) for line in lines]
    parts = [(line.document, error.edits, error.length) for line, error in zip(lines, errors, strict=True)]
    rate = rate_by_document(parts)
    assert rate is not None
    return Slice(dimension, name, len(lines), sum(error.length for error in errors), rate)


def _natural(name: str) -> tuple[float, str]:
    number = re.search(r"[\d.]+", name)
    start = 0.0 if name.startswith("below") else float(number.group().rstrip(".") or 0) if number else 0.0
    return start, name


DIMENSIONS: dict[str, Callable[[ReadLine], str]] = {
    "source": lambda line: line.source,
    "writer": lambda line: line.writer,
    "century": lambda line: century(line.source),
    "length": lambda line: band(len(line.written), LENGTHS, " characters"),
    "confidence": lambda line: "none" if line.confidence is None else band(line.confidence, CONFIDENCES, ""),
}
