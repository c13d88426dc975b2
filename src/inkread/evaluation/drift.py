"""Notice when pages differ from those that a model is used to: population stability index in windows of pages.

Usage: ``reference = Reference.of(usual_pages); drift = reference.drift(last_pages); drift["slant"] > ALARM``

Each figure of a page (see `inkread.layout.capture`, and the signals of the model) is compared on its own. The reference
cuts its range into `BINS` of equal size. The index is ``sum((p - q) * log(p / q))`` over the shares p in the window and
q in the reference (Siddiqi, Credit Risk Scorecards, 2006). Under no drift it is about chi-square distributed with
``BINS - 1`` degrees of freedom, over ``1 / (1 / window + 1 / reference)`` (Yurdakul and Naranjo 2020).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from inkread.bundle import Bundle
from inkread.document import UNFAMILIAR, Page
from inkread.errors import BundleError
from inkread.formats import fit
from inkread.io.files import write_bytes
from inkread.io.images import PageImage
from inkread.layout.capture import page_features
from inkread.reader import Reader
from inkread.recognition.line_images import Grey
from inkread.recognition.line_reader import LineReader

BINS = 5
WINDOW = 50
"""Pages that are compared with the reference."""
ALARM = 0.65
"""Index above which a figure has drifted: with 50 pages and a reference of 200, 1 in 25,000 by chance."""
LEAST_REFERENCE = 200
"""Pages; with fewer the reference itself is chance."""

REFERENCE = "drift.json"
"""Beside the files of a bundle that read; it is no part of its identity, because it changes no reading."""
LANGUAGE = "language_"
SAMPLED = 600
"""Characters of a page that its language is told from."""

LEAST_PAGES = 20
"""Of a reference that comes with a bundle."""

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
        """The index of each figure, >= 0; of pages that lack a figure the others count.

        With fewer pages than `LEAST_REFERENCE` the reference itself is more by chance. The index is made smaller by as
        much as chance makes it larger, so that `ALARM` means the same.
        """
        found = {}
        usual = 1 / WINDOW + 1 / max(LEAST_REFERENCE, self.pages)
        scale = usual / (1 / WINDOW + 1 / max(self.pages, 1))
        for name, edges in self.edges.items():
            values = np.array([page[name] for page in window if name in page], np.float64)
            if len(values):
                found[name] = scale * _index(_shares(values, np.array(edges)), np.array(self.shares[name]))
        return found

    def unusual(self, page: Figures, window: Sequence[Figures]) -> list[str]:
        """The figures that have drifted in a window, and in which a page is where pages have become more frequent."""
        names = []
        for name in drifted(self.drift(window)):
            edges = np.array(self.edges[name])
            shares = _shares(np.array([one[name] for one in window if name in one], np.float64), edges)
            if name in page:
                place = int(np.searchsorted(edges, page[name], side="left"))
                if shares[place] > self.shares[name][place]:
                    names.append(name)
        return names


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
        return self.index

    @property
    def pages(self) -> int:
        """Of the reference, as far as it is made."""
        return self.reference.pages if self.reference else len(self._first)

    @property
    def window(self) -> int:
        """Pages of the last window, as far as it is full."""
        return len(self._last)

    @property
    def index(self) -> dict[str, float]:
        """The index of each figure in the last window; nothing before it is full."""
        return self.reference.drift(self._last) if self.reference and len(self._last) == WINDOW else {}

    def unusual(self, page: Figures) -> list[str]:
        """The figures in which a page shows a drift, the farthest first; none before a window is full."""
        if self.reference is None or len(self._last) < WINDOW or not page:
            return []
        return self.reference.unusual(page, self._last)


def page_figures(page: Page, grey: Grey, lines: LineReader) -> dict[str, float]:
    """Figures of the capture, and signals of the model; empty where nothing was read.

    Args:
        page: as it was read.
        grey: its picture.
        lines: what read it.

    Returns:
        Those of `inkread.layout.capture.page_features`. confidence: mean over characters. doubtful: share of the lines
        unlike what the model has learnt. surprise: of the language model, in nats a character. characters: a line.
        language_de and so on: by how many nats a character the text is more probable with the n-grams of that language.
    """
    height, width = grey.shape
    found = page_features(grey, fit(page, width, height).lines)
    read = [line for line in page.lines if line.text]
    if not found or not read:
        return {}
    texts = sum(len(line.text) for line in read)
    return found | {
        "confidence": page.confidence or 0.0,
        "doubtful": sum(UNFAMILIAR in line.flags for line in read) / len(read),
        "surprise": -sum(lines.log_probability("", line.text) for line in read) / texts,
        "characters": texts / len(read),
        **language_figures([line.text for line in read], lines),
    }


def language_figures(texts: Sequence[str], lines: LineReader) -> dict[str, float]:
    """By how many nats a character the first `SAMPLED` characters of a page are more probable in each language."""
    sampled: list[str] = []
    for text in texts:
        if sum(map(len, sampled)) >= SAMPLED:
            break
        sampled.append(text)
    gains = [lines.language_gains(text) for text in sampled]
    length = sum(map(len, sampled))
    return {LANGUAGE + code: sum(gain[code] for gain in gains) / length for code in lines.languages}


def bundled_reference(bundle: Bundle) -> Reference | None:
    """The reference that comes with a bundle; None where it has none.

    Raises:
        BundleError: the file is damaged.
    """
    path = bundle.folder / REFERENCE
    if not path.is_file():
        return None
    try:
        return Reference.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise BundleError(f"{path}: no reference for drift; remove it, or copy the file again") from None


def write_reference(bundle: Bundle, reference: Reference) -> None:
    """Put the reference beside the files of a bundle."""
    write_bytes(bundle.folder / REFERENCE, (reference.model_dump_json(indent=1) + "\n").encode())


def reference_of(bundle: Bundle, images: Iterable[PageImage]) -> Reference | None:
    """Read pages that a bundle learnt from, as the services read them, and make their figures its reference.

    None where fewer than `LEAST_PAGES` have writing: the bundle is better without one.
    """
    reader = Reader(bundle)
    figures = []
    for image in images:
        (read,) = reader.read_pages([image])
        figures.append(page_figures(read, image.grey, reader.lines))
    found = [page for page in figures if page]
    return Reference.of(found) if len(found) >= LEAST_PAGES else None


def drifted(index: Mapping[str, float]) -> list[str]:
    """The figures that have drifted, the farthest first."""
    return sorted((name for name, value in index.items() if value > ALARM), key=lambda name: -index[name])


def _shares(values: Values, edges: Values) -> Values:
    """Share of the values in each bin, half a value more in each, so that none is empty."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5
    return np.asarray(counts / counts.sum())


def _index(shares: Values, usual: Values) -> float:
    return float(((shares - usual) * np.log(shares / usual)).sum())
