"""What to correct next: the lines that teach a model most for the work of correcting them.

Usage: ``order = queue([Candidate("a", "Dear Sir", 0.61, writer="w1")], limit=50)``

A line is worth the characters in it that are probably wrong: its length times its calibrated doubt (expected error
reduction counts errors, not lines; uncertainty sampling, Lewis and Gale 1994). Three factors spread the choice:

* **novelty**: the share of its letter pairs that neither the lines corrected so far nor those chosen before it hold;
* **drift**: a line counts twice where its page shows a drift of the pages (`inkread.evaluation.drift`): the model has
  seen few like it;
* **writers**: a line counts half where one line of its writer was corrected or chosen already, a third after two, so
  that one line of many writers comes before many lines of one.

Below `READABLE` a line counts less the lower its confidence is: it is often no handwriting at all, or nobody can read
it. The order is greedy: each line is chosen with those before it in mind.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NOVELTY = 1.0
"""Weight of novelty: a line with new letter pairs only counts twice as much as one with known pairs only."""
DRIFTED = 2.0
"""How many times a line of a page counts that shows a drift."""
READABLE = 0.2
"""Confidence below which doubt is no longer a sign of much to learn."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that was read and not yet corrected.

    Attributes:
        name: of the line.
        text: as it was read.
        confidence: calibrated, 0 to 1.
        writer: who wrote it, or its document where that is not known; "" for nothing known.
        drifted: whether its page shows a drift.
    """

    name: str
    text: str
    confidence: float
    writer: str = ""
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Learnt:
    """A line that was corrected already: its text, and its writer or document."""

    text: str
    writer: str = ""


def queue(candidates: Sequence[Candidate], learnt: Iterable[Learnt] = (), limit: int | None = None) -> list[Candidate]:
    """The candidates in the order in which correcting them teaches most.

    Args:
        candidates: lines; those with equal worth keep their order.
        learnt: lines corrected so far.
        limit: how many to choose; None for all.
    """
    pairs: set[str] = set()
    writers: Counter[str] = Counter()
    for line in learnt:
        pairs |= _pairs(line.text)
        writers[line.writer] += 1
    own = [_pairs(line.text) for line in candidates]

    def worth(index: int) -> float:
        line, letters = candidates[index], own[index]
        novelty = len(letters - pairs) / len(letters) if letters else 0.0
        share = 1 / (1 + writers[line.writer]) if line.writer else 1.0
        return expected_errors(line) * (1 + NOVELTY * novelty) * share * (DRIFTED if line.drifted else 1)

    # a line's worth only falls as others are chosen, so the first whose worth still holds is the best
    heap = [(-worth(index), index) for index in range(len(candidates))]
    heapq.heapify(heap)
    chosen: list[Candidate] = []
    while heap and (limit is None or len(chosen) < limit):
        _, index = heapq.heappop(heap)
        now = -worth(index)
        if heap and (now, index) > heap[0]:
            heapq.heappush(heap, (now, index))
            continue
        chosen.append(candidates[index])
        pairs |= own[index]
        writers[candidates[index].writer] += 1
    return chosen


def expected_errors(line: Candidate, readable: float = READABLE) -> float:
    """Characters of a line that are probably wrong; less for one with a confidence below ``readable``."""
    length = max(len(line.text), 1)
    return length * (1 - line.confidence) * min(line.confidence / readable, 1.0)


def _pairs(text: str) -> set[str]:
    padded = f" {text} "
    return {padded[start : start + 2] for start in range(len(padded) - 1)}
