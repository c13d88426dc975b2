"""Notice when pages differ from those that a model is used to: population stability index in windows of pages.

Usage: ``reference = Reference.of(usual_pages); drift = reference.drift(last_pages); drift["slant"] > ALARM``

Each figure of a page (see `inkread.layout.capture`, and the signals of the model) is compared on its own. The reference
cuts its range into `BINS` of equal size. The index is ``sum((p - q) * log(p / q))`` over the shares p in the window and
q in the reference (Siddiqi, Credit Risk Scorecards, 2006). Under no drift it is about chi-square distributed with
``BINS - 1`` degrees of freedom, over ``1 / (1 / window + 1 / reference)`` (Yurdakul and Naranjo 2020).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

BINS = 5
WINDOW = 50
"""Pages that are compared with the reference."""
ALARM = 0.65
"""Index above which a figure has drifted: with 50 pages and a reference of 200, 1 in 25,000 by chance."""
LEAST_REFERENCE = 200
"""Pages; with fewer the reference itself is chance."""

Figures = Mapping[str, float]
Values = NDArray[np.float64]


class Reference(BaseModel):
    """How figures are distributed on the pages that a model is used to.

    Attributes:
        pages: how many.
        edges: of each figure, the ``BINS - 1`` values between its bins, ascending.
        shares: of each figure, the share of the pages in each bin.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pages: int
    edges: dict[str, tuple[float, ...]]
    shares: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, pages: Sequence[Figures]) -> Reference:
        """The reference that some pages make; a figure that not all of them have is left out."""
        names = set.intersection(*(set(page) for page in pages)) if pages else set()
        edges, shares = {}, {}
        for name in sorted(names):
            values = np.array([page[name] for page in pages], np.float64)
            cuts = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
            edges[name] = tuple(float(cut) for cut in cuts)
            shares[name] = tuple(float(share) for share in _shares(values, cuts))
        return cls(pages=len(pages), edges=edges, shares=shares)

    def drift(self, window: Sequence[Figures]) -> dict[str, float]:
        """The index of each figure, >= 0; of pages that lack a figure the others count."""
        found = {}
        for name, edges in self.edges.items():
            values = np.array([page[name] for page in window if name in page], np.float64)
            if len(values):
                found[name] = _index(_shares(values, np.array(edges)), np.array(self.shares[name]))
        return found


class Monitor:
    """Compares the last pages with a reference, which the first pages make where there is none.

    Args:
        reference: None to take the first `LEAST_REFERENCE` pages for it.
    """

    def __init__(self, reference: Reference | None = None) -> None:
        self.reference = reference
        self._first: list[Figures] = []
        self._last: deque[Figures] = deque(maxlen=WINDOW)

    def add(self, page: Figures) -> dict[str, float]:
        """Count one more page; the index of each figure once a window is full, else nothing."""
        if not page:
            return {}
        if self.reference is None:
            self._first.append(page)
            if len(self._first) >= LEAST_REFERENCE:
                self.reference = Reference.of(self._first)
                self._first = []
            return {}
        self._last.append(page)
        return self.reference.drift(self._last) if len(self._last) == WINDOW else {}


def drifted(index: Mapping[str, float]) -> list[str]:
    """The figures that have drifted, the farthest first."""
    return sorted((name for name, value in index.items() if value > ALARM), key=lambda name: -index[name])


def _shares(values: Values, edges: Values) -> Values:
    """Share of the values in each bin, half a value more in each, so that none is empty."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
    return np.asarray(counts / counts.sum())


def _index(shares: Values, usual: Values) -> float:
    return float(((shares - usual) * np.log(shares / usual)).sum())
