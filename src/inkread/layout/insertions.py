"""Words written above a line: the line they belong to, and the place in it.

Usage: ``page = with_insertions(page, line_reader.log_probability)``

An insertion is a short line squeezed in between two lines of the usual distance. It stays a line of its own, before the
line that it belongs to, as in most transcriptions, and says where it belongs. The language model chooses the place
among the spaces near it: what follows must be likely after the inserted words, and these after what comes before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inkread.document import Insertion, Line, Page
from inkread.layout.order import level_boxes
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings
from inkread.layout.tables import MARGINALIA, TABLE, line_distance
from inkread.recognition.language_model import BOUNDARY

LogProbability = Callable[[str, str], float]
"""Natural logarithm of the probability of a text after a context."""
CHARACTERS = 10
"""Characters after the insertion that are weighed; later ones hardly depend on it."""


def with_insertions(
    page: Page, log_probability: LogProbability | None = None, settings: LayoutSettings = DEFAULT_LAYOUT
) -> Page:
    """The page as read, whose insertions say where they belong.

    Args:
        page: with text, and words that have outlines.
        log_probability: of a text after a context, or at the start of a line after the context ``BOUNDARY``; None
            takes the nearest space.
        settings: what counts as an insertion.
    """
    placed = {
        line.id: Insertion(host.id, place_in(line, host, log_probability, settings))
        for line, host in find_insertions(page, settings)
    }
    if not placed:
        return page
    regions = (
        replace(region, lines=tuple(replace(line, insertion=placed.get(line.id)) for line in region.lines))
        for region in page.regions
    )
    return replace(page, regions=tuple(regions))


def find_insertions(page: Page, settings: LayoutSettings = DEFAULT_LAYOUT) -> list[tuple[Line, Line]]:
    """Each insertion of a page with the line below it that it belongs to."""
    lines = [
        line
        for region in page.regions
        if region.kind not in (TABLE, MARGINALIA)
        for line in region.lines
        if line.text and _is_level(line)
    ]
    if len(lines) < settings.insertion_lines:
        return []
    boxes = level_boxes([line.baseline for line in lines])
    distance = line_distance(boxes)
    hosts = _hosts(boxes, distance, settings) if distance else {}
    return [(lines[number], lines[host]) for number, host in hosts.items()]


def _is_level(line: Line) -> bool:
    if len(line.baseline) < 2:
        return False
    (x0, y0), (x1, y1) = line.baseline[0], line.baseline[-1]
    return x1 - x0 > abs(y1 - y0)


def _hosts(boxes: NDArray[np.float64], distance: float, settings: LayoutSettings) -> dict[int, int]:
    """For each insertion its line; lines [lines] as x0, x1 and y, the skew of the page taken out."""
    x0, x1, y = boxes.T
    width = x1 - x0
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    found: dict[int, int] = {}
    for number in range(len(boxes)):
        longer = (width * settings.insertion_width > width[number]) & (
            shared[number] > settings.insertion_within * width[number]
        )
        step = (y - y[number]) / distance
        nearest, farthest = settings.insertion_step
        below = np.flatnonzero(longer & (nearest < step) & (step < farthest))
        over = np.flatnonzero((shared[number] > 0) & (step < 0))
        if not len(below) or not len(over):
            continue
        host, above = int(below[step[below].argmin()]), int(over[step[over].argmax()])
        inset = float(x0[number] - min(x0[above], x0[host])) / distance
        ends_a_paragraph = inset < settings.insertion_inset and -step[above] > settings.insertion_below
        close = -step[above] < settings.insertion_above and step[host] - step[above] < settings.insertion_room
        if close and not ends_a_paragraph:
            found[number] = host
    return {number: host for number, host in found.items() if host not in found}


def place_in(
    line: Line, host: Line, log_probability: LogProbability | None, settings: LayoutSettings = DEFAULT_LAYOUT
) -> int:
    """The character of the text of ``host`` before which a line was inserted; its length for the end.

    The place is a space between words, or an end of the line.
    """
    starts = _starts(host)
    if len(starts) < 2:
        return starts[-1][0] if starts else len(host.text)
    spaces = np.array([x for _, x in starts])
    left, right = (float(side) for side in (min(x for x, _ in line.baseline), max(x for x, _ in line.baseline)))
    reach = settings.insertion_reach * max(right - left, float(np.median(np.diff(spaces))))
    off = np.maximum(np.maximum(left - spaces, spaces - right), 0.0) / reach
    near = np.flatnonzero(off <= 1.0)
    if log_probability is None or not len(near):
        return starts[int(np.abs(spaces - left).argmin())][0]
    scores = [
        _gain(host.text[: starts[number][0]], line.text, host.text[starts[number][0] :], log_probability)
        - settings.insertion_weight * float(off[number])
        for number in near
    ]
    return starts[int(near[int(np.argmax(scores))])][0]


def _starts(host: Line) -> list[tuple[int, float]]:
    """Where words of a line start, as character of its text and x, and where the last one ends."""
    if not host.words or " ".join(word.text for word in host.words) != host.text:
        return []
    edges = [(min(x for x, _ in word.polygon), max(x for x, _ in word.polygon)) for word in host.words if word.polygon]
    if len(edges) < len(host.words):
        return []
    found, at = [(0, edges[0][0])], len(host.words[0].text)
    for (_, before), (after, _), word in zip(edges, edges[1:], host.words[1:], strict=False):
        found.append((at + 1, (before + after) / 2))
        at += 1 + len(word.text)
    return [*found, (len(host.text), edges[-1][1])]


def _gain(before: str, inserted: str, behind: str, log_probability: LogProbability) -> float:
    """How much likelier the words behind and the inserted ones are with the insertion here, in nats."""
    context = before or BOUNDARY
    here = log_probability(context, f"{inserted} {behind[:CHARACTERS]}" if behind else f" {inserted}")
    return here - (log_probability(context, behind[:CHARACTERS]) if behind else 0.0)
