"""Read pages: the façade over loading, layout analysis and recognition.

Usage: ``for document in Reader.load().read(["letter.jpg"]): print(document.text)``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.document import Document, Line, Page, Provenance, Region, Step
from inkread.errors import BundleError, InputError
from inkread.io.images import PageImage, turn, turn_back
from inkread.io.inputs import DEFAULT_LIMITS, Limits, Source, load_pages
from inkread.layout import Analyser
from inkread.layout.detector import Detector
from inkread.recognition.line_images import Strip, cut_lines
from inkread.recognition.line_reader import LineReader
from inkread.runtime import Workers

CHUNK_COLUMNS = 24_000
CHUNK_PAGES = 8
DOUBTFUL = 0.9
SAMPLE_LINES = 4
NOISE_CHARACTERS = 3
NOISE_CONFIDENCE = 0.35

OnError = Callable[[Source, InputError], None]
OnPage = Callable[[Page], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A page whose lines are cut but not read."""

    page: Page
    grey: NDArray[np.uint8]
    strips: list[Strip]
    given: bool


@dataclass(frozen=True, slots=True)
class _End:
    """Stands in the stream of pages after the last page of a source."""

    failed: bool


class Reader:
    """Reads pages with one model bundle.

    Args:
        bundle: the model.
        threads: lines or pages worked on at a time; None takes the processors this process may use.
        language_model: decode with the bundle's language model; None where it has one.
        min_confidence: lines below it are flagged; None flags none.
        limits: bounds of what is loaded.

    Attributes:
        bundle: the model.
        lines: what reads strips.

    Raises:
        BundleError: the bundle is incomplete or does not fit together.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int | None = None,
        language_model: bool | None = None,
        min_confidence: float | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        if bundle.detector is None:
            raise BundleError(f"{bundle.folder}: detector.onnx is missing; copy the whole bundle folder")
        self.bundle = bundle
        self._workers = Workers(threads)
        self._analyse = Analyser(Detector(bundle.detector, self._workers.threads))
        self.lines = LineReader(bundle, self._workers, language_model=language_model)
        self._min_confidence = min_confidence
        self._limits = limits
        self._steps = (
            Step("layout", {"detector": bundle.detector.name, "side": self._analyse.side}),
            Step("recognition", {"height": self.lines.height, "language_model": self.uses_language_model}),
        )

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        *,
        threads: int | None = None,
        language_model: bool | None = None,
        min_confidence: float | None = None,
        max_cer: float | None = None,
    ) -> Reader:
        """Open a bundle folder, or the one that ships with Inkread, and make a reader of it.

        ``max_cer`` flags the lines below the confidence with which this character error rate was kept on val.

        Raises:
            BundleError: the bundle cannot be read, or cannot promise that rate.
        """
        bundle = Bundle.open(model)
        if max_cer is not None:
            with_model = language_model is not False and bundle.language_model is not None
            least = bundle.model.confidence_for(max_cer, language_model=with_model)
            min_confidence = max(least, min_confidence or 0.0)
        return cls(bundle, threads=threads, language_model=language_model, min_confidence=min_confidence)

    @property
    def uses_language_model(self) -> bool:
        """Whether lines are decoded with the bundle's language model."""
        return self.lines.uses_language_model

    @property
    def provenance(self) -> Provenance:
        """What reads: software, model and steps."""
        model = self.bundle.model
        return Provenance(f"inkread {version('inkread')}", model.name, model.version, self._steps)

    def read(
        self, sources: Iterable[Source], *, on_error: OnError | None = None, on_page: OnPage | None = None
    ) -> Iterator[Document]:
        """Read sources lazily, in order, one document each.

        Lines of several pages and sources share batches; no more than a few pages are in memory at a time.

        Args:
            sources: paths, bytes, file objects, arrays or Pillow images.
            on_error: called with a source that cannot be read, which then gives no document; None raises.
            on_page: called with each page that was read.

        Raises:
            InputError: a source cannot be read and there is no ``on_error``.
        """
        pages: list[Page] = []
        for item in self._stream(self._load(sources, on_error), repeat(None)):
            if isinstance(item, Page):
                pages.append(item)
                if on_page is not None:
                    on_page(item)
                continue
            if not item.failed:
                yield Document(tuple(pages), self.provenance)
            pages = []

    def read_pages(self, pages: Iterable[PageImage], layouts: Iterable[Page | None] | None = None) -> Iterator[Page]:
        """Read page images lazily.

        Args:
            pages: the images.
            layouts: for each page its lines, as `inkread.formats.read_layout` gives them, or None to find them.
        """
        given = chain(layouts or (), repeat(None))
        return (item for item in self._stream(pages, given) if isinstance(item, Page))

    def _load(self, sources: Iterable[Source], on_error: OnError | None) -> Iterator[PageImage | _End]:
        for source in sources:
            try:
                yield from load_pages(source, self._limits)
            except InputError as error:
                if on_error is None:
                    raise
                on_error(source, error)
                yield _End(failed=True)
            else:
                yield _End(failed=False)

    def _stream(self, items: Iterable[PageImage | _End], layouts: Iterable[Page | None]) -> Iterator[Page | _End]:
        """Pages in, pages out, in order; enough of them at a time to fill batches."""
        layout = iter(layouts)
        paired = ((item, None if isinstance(item, _End) else next(layout)) for item in items)
        chunk: list[_Prepared | _End] = []
        columns = 0
        for item in self._workers.map(self._prepare, paired):
            chunk.append(item)
            if isinstance(item, _End):
                continue
            columns += sum(strip.image.shape[1] for strip in item.strips)
            if columns >= CHUNK_COLUMNS or len(chunk) >= CHUNK_PAGES:
                yield from self._finish(chunk)
                chunk, columns = [], 0
        yield from self._finish(chunk)

    def _prepare(self, item: tuple[PageImage | _End, Page | None]) -> _Prepared | _End:
        image, layout = item
        if isinstance(image, _End):
            return image
        grey = image.grey
        found = layout if layout is not None else self._analyse(grey)
        page = replace(
            found,
            width=image.width,
            height=image.height,
            source=image.source,
            index=image.index,
            dpi=image.dpi,
        )
        return _Prepared(page, grey, self._cut(grey, page), layout is not None)

    def _cut(self, grey: NDArray[np.uint8], page: Page) -> list[Strip]:
        return cut_lines(grey, page.lines, height=self.lines.height)

    def _finish(self, chunk: list[_Prepared | _End]) -> Iterator[Page | _End]:
        pages = [item for item in chunk if isinstance(item, _Prepared)]
        lines = [line for item in pages for line in item.page.lines]
        read = iter(self.lines(lines, [strip for item in pages for strip in item.strips]))
        for item in chunk:
            if isinstance(item, _End):
                yield item
                continue
            texts = [next(read) for _ in item.strips]
            yield self._flag(_with_lines(item.page, texts) if item.given else self._upright(item, texts))

    def _upright(self, item: _Prepared, lines: list[Line]) -> Page:
        """The page as read, or read again after turning where it reads better the other way round.

        A few lines say whether turning is worth a try; only the whole page says whether it stays turned.
        """
        if item.page.orientation == 90:
            readings = [self._read_turned(item, degrees) for degrees in (90, 270)]
        else:
            readings = [_without_noise(_with_lines(item.page, lines))]
            if _mean_confidence(lines) < DOUBTFUL and self._reads_better_turned(item):
                readings.append(self._read_turned(item, 180))
        return max(readings, key=lambda page: _mean_confidence(page.lines))

    def _reads_better_turned(self, item: _Prepared) -> bool:
        longest = sorted((strip.image for strip in item.strips), key=lambda image: image.shape[1])[-SAMPLE_LINES:]
        turned = [turn(image, 180) for image in longest]
        return self.lines.legibility(turned) > self.lines.legibility(longest)

    def _read_turned(self, item: _Prepared, degrees: int) -> Page:
        grey = turn(item.grey, degrees)
        found = self._analyse(grey)
        page = replace(item.page, width=found.width, height=found.height, regions=found.regions)
        read = _with_lines(page, self.lines(page.lines, self._cut(grey, page)))
        return turn_back(_without_noise(read), degrees)

    def _flag(self, page: Page) -> Page:
        return page if self._min_confidence is None else flag_lines(page, self._min_confidence)


def flag_lines(page: Page, min_confidence: float) -> Page:
    """The page with those lines flagged whose confidence is below ``min_confidence``."""
    return _with_lines(page, [replace(line, flagged=(line.confidence or 0.0) < min_confidence) for line in page.lines])


def _with_lines(page: Page, lines: Iterable[Line]) -> Page:
    supply = iter(lines)
    regions = tuple(replace(region, lines=tuple(next(supply) for _ in region.lines)) for region in page.regions)
    return replace(page, regions=regions)


def _without_noise(page: Page) -> Page:
    """Drop what the detector took for text and the recogniser did not: blots, rulings, show-through."""
    regions = (
        Region(region.id, region.polygon, tuple(line for line in region.lines if not _is_noise(line)), region.kind)
        for region in page.regions
    )
    return replace(page, regions=tuple(region for region in regions if region.lines))


def _is_noise(line: Line) -> bool:
    short = len(line.text) <= NOISE_CHARACTERS
    return not line.text or (short and (line.confidence or 0.0) < NOISE_CONFIDENCE)


def _mean_confidence(lines: Iterable[Line]) -> float:
    rated = [(line.confidence or 0.0, len(line.text)) for line in lines if line.text]
    total = sum(length for _, length in rated)
    return sum(confidence * length for confidence, length in rated) / total if total else 0.0


def read(
    source: Source,
    model: str | Path | None = None,
    *,
    language_model: bool | None = None,
    min_confidence: float | None = None,
) -> Document:
    """``read("page.jpg").text``: read one source; the model is loaded once and kept.

    Args:
        source: path, bytes, file object, array or Pillow image; a PDF or TIFF gives several pages.
        model: bundle folder; None takes the one that ships with Inkread.
        language_model: decode with the bundle's language model; None where it has one.
        min_confidence: lines below it are flagged.

    Raises:
        InputError: the source cannot be read.
        BundleError: the bundle cannot be loaded.
    """
    return next(_kept_reader(model, language_model, min_confidence).read([source]))


@lru_cache(maxsize=2)
def _kept_reader(model: str | Path | None, language_model: bool | None, min_confidence: float | None) -> Reader:
    return Reader.load(model, language_model=language_model, min_confidence=min_confidence)
