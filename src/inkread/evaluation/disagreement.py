"""How the readings of two models differ on pages that nobody has transcribed.

Usage: ``tally = Tally() + Tally.of(page, other_page, seconds=1.2, other_seconds=0.9); tally.cer``

Which of the two is right cannot be told from it. Only sums are kept, nothing of what was read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict

from inkread.document import Page
from inkread.evaluation.text import character_errors

NORMAL = 1.96
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


class Tally(BaseModel):
    """Sums over pages that both have read.

    Attributes:
        pages: how many.
        differing: of them, those with at least one edit.
        edits: characters by which the second reading differs from the first.
        characters: of the first reading.
        squares: sums over pages of edits², of edits * characters, and of characters².
        confidence, other_confidence: sums over pages of the mean confidence of their characters.
        seconds, other_seconds: CPU time of both.
        failed: pages that the second could not read.
        skipped: pages that were chosen and not read, because others came first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: int = 0
    differing: int = 0
    edits: int = 0
    characters: int = 0
    squares: tuple[int, int, int] = (0, 0, 0)
    confidence: float = 0.0
    other_confidence: float = 0.0
    seconds: float = 0.0
    other_seconds: float = 0.0
    failed: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, page: Page, other: Page, *, seconds: float, other_seconds: float) -> Self:
        """One page, read by both; the CER takes the first reading for the reference."""
        errors = character_errors(page.text, other.text)
        edits, length = errors.edits, errors.length
        return cls(
            pages=1,
            differing=int(edits > 0),
            edits=edits,
            characters=length,
            squares=(edits * edits, edits * length, length * length),
            confidence=page.confidence or 0.0,
            other_confidence=other.confidence or 0.0,
            seconds=seconds,
            other_seconds=other_seconds,
        )

    def __add__(self, more: Tally) -> Tally:
        """The sums over the pages of both."""
        return Tally.sum([self, more])

    @staticmethod
    def sum(tallies: Iterable[Tally]) -> Tally:
        """The sums over the pages of all of them."""
        rows = [Tally(), *tallies]
        squares = (sum(row.squares[0] for row in rows), sum(row.squares[1] for row in rows))
        names = [name for name in Tally.model_fields if name != "squares"]
        sums = {name: sum(getattr(row, name) for row in rows) for name in names}
        return Tally(**sums, squares=(*squares, sum(row.squares[2] for row in rows)))

    @property
    def cer(self) -> float | None:
        """Edits between the readings over the characters of the first; None before anything was read."""
        return self.edits / self.characters if self.characters else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of ``cer`` over pages, from the variance of a ratio (Cochran, Sampling Techniques, 1977, 6.4).

        None for fewer than two pages. Pages of one document are alike, so with few documents it is too narrow.
        """
        cer = self.cer
        if cer is None or self.pages < 2:
            return None
        own, crossed, lengths = self.squares
        spread = max(own - 2 * cer * crossed + cer * cer * lengths, 0.0)
        half = NORMAL * math.sqrt(spread * self.pages / (self.pages - 1)) / self.characters
        return max(cer - half, 0.0), cer + half
