"""Read pages: the façade over loading, layout analysis and recognition.

Usage: ``for document in Reader().read(["letter.jpg"]): print(document.text)``
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.document import (
    NOISE,
    REDUCED,
    SHOW_THROUGH,
    UNFAMILIAR,
    Document,
    Line,
    Page,
    Polygon,
    Provenance,
    Setting,
    Step,
    within_page,
)
from inkread.errors import BundleError, InputError
from inkread.formats import fit
from inkread.io.images import PageImage, turn, turn_back
from inkread.io.inputs import DEFAULT_LIMITS, Input, Limits, each_input, load_pages, load_readable_pages
from inkread.layout import Analyser, LayoutSettings
from inkread.layout.analysis import Doubt
from inkread.layout.capture import LEAST_LINES, capture_flags, page_features, spread_flags
from inkread.layout.detector import Detector
from inkread.layout.ink import ink_contrasts
from inkread.layout.insertions import with_insertions
from inkread.layout.page_numbers import with_page_numbers
from inkread.layout.tables import TABLE
from inkread.recognition.continuation import continuation, continuation_of_cells
from inkread.recognition.fields import FieldReading
from inkread.recognition.line_images import Grey, Strip, cut_lines
from inkread.recognition.line_reader import LineReader, Searched
from inkread.recognition.patterns import Pattern
from inkread.recognition.word_list import WordList
from inkread.runtime import Workers

OnError = Callable[[Input, InputError], None]
OnPage = Callable[[Page], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """Thresholds of reading; what the decoder needs stands in the bundle."""

    layout: LayoutSettings = LayoutSettings()
    """How lines are found."""
    chunk_columns: int = 24_000
    """Columns of line images read together, about 30 lines; more fill batches no better and need more memory."""
    chunk_pages: int = 8
    """Pages read together at most; bounds the memory for pages with little writing."""
    chunk_pixels: int = 50_000_000
    """Pixels of pages read together; bounds the memory for large pages."""
    doubtful: float = 0.9
    """Mean confidence of a page below which it may lie upside down and a sample is read turned; upright pages of val
    that are legible reach more."""
    sample_lines: int = 4
    """Longest lines that are read turned to see whether the whole page is worth it."""
    noise_characters: int = 3
    """Characters of the longest reading that can be noise; longer ones are writing, however bad."""
    noise_confidence: float = 0.35
    """Confidence below which such a short line is a blot, a ruling or show-through, and dropped. In a table it is kept
    where most of the short cells of its column are read more surely."""
    illegible: float = 0.35
    """Legibility below which a line of any length is noise on a page that is legible otherwise: dotted rules, borders
    and stamps, of which the language model makes words. Of 12 such lines of val one is writing."""
    legible_page: float = 0.8
    """Legibility that a quarter of the lines of such a page exceed; in another script no lines may be legible, and they
    are kept."""
    unfamiliar_line: float = 0.7
    """Confidence below which a line is flagged as unfamiliar. It was chosen with six drawn samples. Of 519 real lines
    of val, 5 to 10 % were below it, nearly all of them on one hard page."""
    unfamiliar_page: float = 0.8
    """Mean confidence of a page below which all its lines are, because single lines of another script may resemble
    Latin."""
    faint_share: float = 0.7
    """Contrast of a line, as a share of that of the clear lines of its page, below which it may show through from the
    other side of the paper; it is dropped if it also reads better mirrored. 0 drops none."""
    across_gain: tuple[float, float] = (-0.4, 0.5)
    """How much likelier lines go on across an undecided gutter than below, as a mean of natural logarithms over the
    lines: below the first value the page has two columns, above the second one, and between geometry decides."""
    across_lines: int = 6
    """Pairs of lines that must be weighed for that; fewer leave the choice to geometry."""
    below_gain: float = -1.7
    """How much likelier the cells of tables go on in their row than below, as a mean of natural logarithms over them on
    a page; lower, tables without rulings are columns of prose. It was chosen on composed blocks of train."""
    below_cells: int = 6
    """Cells that must be weighed for that; fewer are left to geometry."""
    alternatives: int = 4
    """Other readings kept for each line, where a language model ranks them."""


def recorded(settings: ReaderSettings | LayoutSettings) -> dict[str, Setting]:
    """For provenance: a hash over all settings, and those that differ from the defaults."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings) if field.name != "layout"}
    digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    noted: dict[str, Setting] = {"settings": digest[:12]}
    usual = type(settings)()
    for name, value in values.items():
        if value != getattr(usual, name):
            noted[name] = str(value) if isinstance(value, tuple) else value
    return noted


DEFAULT_SETTINGS = ReaderSettings()
FAST_SIDE, FAST_THICKNESS = 672, 7.5
"""Map pixels: longer side of a page for a fast reader, and the thickness of writing below which it looks again."""
FAST_DOUBTFUL = 0.75
"""Mean confidence of a page below which a fast reader reads a sample of it turned. Four pages of val had 0.59 to 0.61
upside down. It reads no pale lines mirrored, which took a fifth of its time on five pages of val."""


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A page whose lines are cut but not read."""

    page: Page
    grey: NDArray[np.uint8]
    strips: list[Strip]
    given: bool
    full_size: tuple[int, int] | None
    doubt: Doubt | None = None
    language: str | None = None
    before: tuple[str, ...] = ()
    """Texts of the lines of the page before."""


_Asked = tuple[Page | None, str | None]
"""Of a page its lines and its language, None where nobody named them."""


@dataclass(frozen=True, slots=True)
class _End:
    """Stands in the stream of pages after the last page of an input."""

    failed: bool


class Reader:
    """Reads pages with one model. It can be pickled, and survives a fork of its process.

    Args:
        model: what `Bundle.open` takes, or an opened bundle; None for the model in the package.
        threads: lines or pages worked on at a time; None takes the processors this process may use.
        language_model: decode with the bundle's language model; None where it has one.
        language_model_weight: how much the language model counts, 0.5 in the bundled one; None as the bundle says.
        language: ISO 639-1 code of the language of the pages, one of ``lines.languages``; None for any.
        words: names, places and terms that are likelier than the language model says: a list, or a `WordList`.
        fast: look for lines in a smaller picture of the page, search less with the language model, and keep lines that
            show through from the other side of the paper.
        min_confidence: lines below it are flagged; None flags none.
        max_cer: flag the lines below the confidence with which this character error rate was kept on val.
        limits: bounds of what is loaded.
        settings: thresholds.

    Attributes:
        bundle: the model.
        lines: what reads line images.

    Raises:
        BundleError: the bundle is incomplete, does not fit together, cannot promise that rate, or has no language
            model for the weight, the language or the words.
        InputError: there are too many or too long words.
        RegistryError: the registry has no such version.
    """

    def __init__(
        self,
        model: Bundle | str | Path | None = None,
        *,
        threads: int | None = None,
        language_model: bool | None = None,
        language_model_weight: float | None = None,
        language: str | None = None,
        words: WordList | Iterable[str] | None = None,
        fast: bool = False,
        min_confidence: float | None = None,
        max_cer: float | None = None,
        limits: Limits = DEFAULT_LIMITS,
        settings: ReaderSettings = DEFAULT_SETTINGS,
    ) -> None:
        bundle = model if isinstance(model, Bundle) else Bundle.open(model)
        if bundle.detector is None:
            raise BundleError(f"{bundle.folder}: detector.onnx is missing; copy the whole bundle folder")
        self.bundle = bundle
        self._workers = Workers(threads)
        if fast:
            side = min(settings.layout.side, FAST_SIDE)
            thickness = min(settings.layout.min_thickness, FAST_THICKNESS)
            layout = replace(settings.layout, side=side, min_thickness=thickness)
            doubtful = min(settings.doubtful, FAST_DOUBTFUL)
            settings = replace(settings, layout=layout, doubtful=doubtful, faint_share=0.0)
        self._analyse = Analyser(Detector(bundle.detector, self._workers.threads), settings.layout)
        if words is not None and not isinstance(words, WordList):
            words = WordList.of(words)
        self.lines = LineReader(
            bundle,
            self._workers,
            language_model=language_model,
            language_model_weight=language_model_weight,
            language=language,
            words=words,
            fast=fast,
            alternatives=settings.alternatives,
        )
        if max_cer is not None:
            least = bundle.model.confidence_for(max_cer, language_model=self.uses_language_model)
            min_confidence = max(least, min_confidence or 0.0)
        self._min_confidence = min_confidence
        self._limits = limits
        self._settings = settings
        self._steps = (
            Step("layout", {"detector": bundle.detector.name, **recorded(settings.layout)}),
            Step("recognition", {"bundle": bundle.identity[:16], **self.lines.settings}),
            Step("reading", recorded(settings)),
        )
        self._arguments: dict[str, Any] = {
            "threads": threads,
            "language_model": language_model,
            "language_model_weight": language_model_weight,
            "language": language,
            "words": words,
            "fast": fast,
            "min_confidence": min_confidence,
            "limits": limits,
            "settings": settings,
        }

    def __reduce__(self) -> tuple[Callable[[], Reader], tuple[()]]:
        return partial(Reader, self.bundle, **self._arguments), ()

    @classmethod
    def load(cls, model: str | Path | None = None, **options: Any) -> Reader:
        """Deprecated: ``Reader(model, **options)`` is the same."""
        warnings.warn("Reader.load(...) is now Reader(...)", DeprecationWarning, stacklevel=2)
        return cls(model, **options)

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
        self, inputs: Input | Iterable[Input], *, on_error: OnError | None = None, on_page: OnPage | None = None
    ) -> Iterator[Document]:
        """Read inputs lazily, in order, one document each.

        Lines of several pages and inputs share batches; no more than a few pages are in memory at a time. A page is
        read with the page before it in its file, see ``one_document`` of `read_pages`.

        Args:
            inputs: paths, bytes, file objects, arrays or Pillow images, or a single one.
            on_error: called with an input that cannot be read, which then gives no document, and with a BadPageError
                for each page of a file whose other pages can be read; None raises.
            on_page: called with each page that was read.

        Raises:
            InputError: an input cannot be read and there is no ``on_error``.
        """
        pages: list[Page] = []
        loaded = self._load(each_input(inputs), on_error)
        for item in self._stream(loaded, repeat((None, None)), one_document=True):
            if isinstance(item, Page):
                pages.append(item)
                if on_page is not None:
                    on_page(item)
                continue
            if not item.failed:
                yield document_of(pages, self.provenance)
            pages = []

    def read_pages(
        self,
        pages: Iterable[PageImage],
        layouts: Iterable[Page | None] | None = None,
        languages: Iterable[str | None] | None = None,
        *,
        one_document: bool = False,
        before: Page | None = None,
    ) -> Iterator[Page]:
        """Read page images lazily.

        A page is read alone unless it is said what stands before it: then the neural language model knows the last
        lines of the page before when it weighs the first ones of this.

        Args:
            pages: the images.
            layouts: for each page its lines, as `inkread.formats.read_layout` gives them, or None to find them.
            languages: for each page its language, one of ``lines.languages``, or None as the reader was made.
            one_document: the pages are of one document, in order; the page before is the one with the index before.
            before: the page before the first one, as it was read.
        """
        asked = zip(chain(layouts or (), repeat(None)), chain(languages or (), repeat(None)), strict=True)
        stream = self._stream(pages, asked, one_document=one_document, before=before)
        return (item for item in stream if isinstance(item, Page))

    @overload
    def read_line(self, image: Input) -> Line: ...

    @overload
    def read_line(self, image: Input, pattern: str | Sequence[str] | Pattern) -> FieldReading: ...

    def read_line(self, image: Input, pattern: str | Sequence[str] | Pattern | None = None) -> Line | FieldReading:
        """Read an image that shows one line, one word or one field of a form and nothing else.

        Args:
            image: see `read`; of several pages the first one.
            pattern: what may stand there: a regular expression, a list of entries, or a `Pattern`; None for anything.

        Raises:
            InputError: the image cannot be read.
            PatternError: the pattern has an error, or the model cannot write what it allows.
        """
        return self.read_lines([image])[0] if pattern is None else self.read_lines([image], pattern)[0]

    @overload
    def read_lines(self, images: Iterable[Input]) -> list[Line]: ...

    @overload
    def read_lines(self, images: Iterable[Input], pattern: str | Sequence[str] | Pattern) -> list[FieldReading]: ...

    def read_lines(
        self, images: Iterable[Input], pattern: str | Sequence[str] | Pattern | None = None
    ) -> list[Line] | list[FieldReading]:
        """As `read_line` for many images together, all with the same pattern."""
        if pattern is not None:
            allowed = Pattern.of(pattern)
            return self.read_fields((image, allowed) for image in images)
        strips = [self._whole_line(image) for image in images]
        lines = [Line(f"line{number}", strip.baseline, _outline(strip)) for number, strip in enumerate(strips, 1)]
        return self.lines(lines, strips)

    def read_fields(
        self, fields: Iterable[tuple[Input, Pattern]], cells: Mapping[int, Sequence[Grey | None]] | None = None
    ) -> list[FieldReading]:
        """Read fields, such as those of a form, each with a pattern of its own.

        Args:
            fields: of each its image and what may stand there.
            cells: of the fields with one box a character, by their number, a picture of each box; None for an empty
                one. Their characters are expected side by side in the image.

        Raises:
            InputError: an image cannot be read.
            PatternError: the model cannot write what a pattern allows.
        """
        pairs = [(self._whole_line(image).image, pattern) for image, pattern in fields]
        combs = {
            number: [None if cell is None else cut_lines(cell, height=self.lines.height)[0].image for cell in comb]
            for number, comb in (cells or {}).items()
        }
        return self.lines.read_fields([image for image, _ in pairs], [pattern for _, pattern in pairs], combs)

    def _whole_line(self, image: Input) -> Strip:
        first = next(load_pages(image, self._limits))
        (strip,) = cut_lines(first.grey, height=self.lines.height)
        return strip

    def adapt(self, inputs: Input | Iterable[Input], folder: str | Path | None = None) -> Reader:
        """A reader adapted to the hand of these pages: see `inkread.training.adaptation`. Needs the extra ``train``.

        Args:
            inputs: the pages of one hand, as for `read`; they are read, and can be read again with the new reader.
            folder: where the adapted bundle is kept; None for one that is deleted with the reader.

        Raises:
            InputError: an input cannot be read.
            BundleError: the bundle has no language model.
            OutputError: the folder holds something else.
        """
        from inkread.training.adaptation import adapt

        if folder is not None:
            adapt(self.bundle, inputs, Path(folder))
            return Reader(Path(folder), **self._arguments)
        made = tempfile.mkdtemp(prefix="inkread-")
        adapt(self.bundle, inputs, Path(made) / "adapted")
        reader = Reader(Path(made) / "adapted", **self._arguments)
        weakref.finalize(reader, shutil.rmtree, made, ignore_errors=True)
        return reader

    def _load(self, inputs: Iterable[Input], on_error: OnError | None) -> Iterator[PageImage | _End]:
        for each in inputs:
            if on_error is None:
                yield from load_pages(each, self._limits)
                yield _End(failed=False)
                continue
            try:
                yield from load_readable_pages(each, self._limits, partial(on_error, each))
            except InputError as error:
                on_error(each, error)
                yield _End(failed=True)
            else:
                yield _End(failed=False)

    def _stream(
        self,
        items: Iterable[PageImage | _End],
        asked: Iterable[_Asked],
        *,
        one_document: bool,
        before: Page | None = None,
    ) -> Iterator[Page | _End]:
        """Pages in, pages out, in order, each with the lines of the one before where they are of one document."""
        first = True
        for item, found in self._searched(items, asked):
            if isinstance(item, _End):
                before = None
                yield item
                continue
            follows = before is not None and (first or (one_document and item.page.index == before.index + 1))
            texts = tuple(line.text for line in before.lines) if before is not None and follows else ()
            before, first = self._finish(replace(item, before=texts), found), False
            yield before

    def _searched(
        self, items: Iterable[PageImage | _End], asked: Iterable[_Asked]
    ) -> Iterator[tuple[_Prepared | _End, list[Searched]]]:
        """Pages with what may stand in their lines; enough of them at a time to fill batches."""
        supply = iter(asked)
        paired = ((item, (None, None) if isinstance(item, _End) else next(supply)) for item in items)
        chunk: list[_Prepared | _End] = []
        columns = pixels = 0
        for item in self._workers.map(self._prepare, paired):
            chunk.append(item)
            if isinstance(item, _End):
                continue
            columns += sum(strip.image.shape[1] for strip in item.strips)
            pixels += item.grey.size
            full = columns >= self._settings.chunk_columns or pixels >= self._settings.chunk_pixels
            if full or len(chunk) >= self._settings.chunk_pages:
                yield from self._search(chunk)
                chunk, columns, pixels = [], 0, 0
        yield from self._search(chunk)

    def _prepare(self, item: tuple[PageImage | _End, _Asked]) -> _Prepared | _End:
        image, (layout, language) = item
        if isinstance(image, _End):
            return image
        grey = image.grey
        found, doubt = (layout, None) if layout is not None else self._analyse.consider(grey)
        page = replace(
            found,
            width=image.width,
            height=image.height,
            source=image.source,
            index=image.index,
            dpi=image.dpi,
        )
        strips = cut_lines(grey, page.lines, height=self.lines.height)
        return _Prepared(page, grey, strips, layout is not None, image.full_size, doubt, language)

    def _search(self, chunk: Sequence[_Prepared | _End]) -> Iterator[tuple[_Prepared | _End, list[Searched]]]:
        pages = [item for item in chunk if isinstance(item, _Prepared)]
        strips = [strip for item in pages for strip in item.strips]
        found = iter(self.lines.search(strips, [item.language for item in pages for _ in item.strips]))
        for item in chunk:
            yield item, [] if isinstance(item, _End) else [next(found) for _ in item.strips]

    def _finish(self, item: _Prepared, found: Sequence[Searched]) -> Page:
        """The page as it is read."""
        lines = self.lines.choose(item.page.lines, item.strips, found, item.before)
        legible = [each.legible for each in found]
        read = _with_lines(item.page, lines) if item.given else self._structured(self._upright(item, lines, legible))
        if not item.given:
            features = page_features(item.grey, read.lines, style=False)
            flags = capture_flags(features, len(read.lines)) + spread_flags(read.lines, read.width, read.height)
            read = replace(read, flags=(*flags, *read.flags))
        whole = read if item.full_size is None else replace(fit(read, *item.full_size), flags=(*read.flags, REDUCED))
        return self._flag(self._with_flags(within_page(whole)))

    def _structured(self, page: Page) -> Page:
        """The page as read, with page numbers in regions of their own and insertions that say where they belong."""
        log_probability = self.lines.log_probability if self.uses_language_model else None
        return with_insertions(with_page_numbers(page), log_probability, self._settings.layout)

    def _upright(self, item: _Prepared, lines: list[Line], legible: list[float]) -> Page:
        """The page as read, or read again after turning where it reads better the other way round.

        A few lines say whether turning is worth a try; only the whole page says whether it stays turned.
        """
        if item.page.orientation == 90:
            readings = [self._read_turned(item, degrees) for degrees in (90, 270)]
        else:
            sensible = self._as_it_makes_sense(item, lines, legible)
            readings = [self._without_noise(self._without_show_through(*sensible), _by_id(*sensible[1:]))]
            if _mean_confidence(lines) < self._settings.doubtful and self._reads_better_turned(item):
                readings.append(self._read_turned(item, 180))
        return max(readings, key=lambda page: _mean_confidence(page.lines))

    def _reads_better_turned(self, item: _Prepared) -> bool:
        images = sorted((strip.image for strip in item.strips), key=lambda image: image.shape[1])
        longest = images[-self._settings.sample_lines :]
        turned = [turn(image, 180) for image in longest]
        return self.lines.legibility(turned) > self.lines.legibility(longest)

    def _read_turned(self, item: _Prepared, degrees: int) -> Page:
        grey = turn(item.grey, degrees)
        found = self._analyse(grey)
        page = replace(item.page, width=found.width, height=found.height, regions=found.regions)
        strips = cut_lines(grey, page.lines, height=self.lines.height)
        lines, legible = self._read_lines(replace(item, page=page, strips=strips))
        return turn_back(self._without_noise(_with_lines(page, lines), _by_id(lines, legible)), degrees)

    def _as_it_makes_sense(
        self, item: _Prepared, lines: list[Line], legible: list[float]
    ) -> tuple[_Prepared, list[Line], list[float]]:
        """The lines as read, or read again where the language model decides otherwise than geometry did.

        A gutter that geometry leaves open divides the page where lines do not go on across it. A table without rulings
        is columns of prose where its cells go on below.
        """
        if not self.uses_language_model:
            return item, lines, legible
        divided, tables = self._divided(item.doubt, lines), not self._goes_on_below(item.page, lines)
        if divided is None and tables:
            return item, lines, legible
        found, _ = self._analyse.consider(item.grey, divided=divided, tables=tables)
        strips = cut_lines(item.grey, found.lines, height=self.lines.height)
        changed = replace(item, page=replace(item.page, regions=found.regions), strips=strips)
        return changed, *self._read_lines(changed)

    def _divided(self, doubt: Doubt | None, lines: list[Line]) -> bool | None:
        """Whether an undecided gutter divides the page; None as geometry has it."""
        if doubt is None:
            return None
        gain, pairs = continuation(lines, doubt.gutter, self.lines.log_probability)
        below, across = self._settings.across_gain
        divided = gain <= across if doubt.divided else gain < below
        return None if pairs < self._settings.across_lines or divided == doubt.divided else divided

    def _goes_on_below(self, page: Page, lines: list[Line]) -> bool:
        """Whether what was taken for tables is prose in columns."""
        tables = [region.lines for region in _with_lines(page, lines).regions if region.kind == TABLE]
        gain, cells = continuation_of_cells(tables, self.lines.log_probability)
        return gain < self._settings.below_gain and cells >= self._settings.below_cells

    def _read_lines(self, item: _Prepared) -> tuple[list[Line], list[float]]:
        """The lines of a page, and how legible each is."""
        found = self.lines.search(item.strips, [item.language] * len(item.strips))
        lines = self.lines.choose(item.page.lines, item.strips, found, item.before)
        return lines, [each.legible for each in found]

    def _without_show_through(self, item: _Prepared, lines: list[Line], legible: list[float]) -> Page:
        """The page as read, without lines that are paler than the others and read better mirrored.

        These show through from the other side of the paper. Cells of tables are kept: single digits and ditto marks
        read no worse mirrored.
        """
        settings, page = self._settings, _with_lines(item.page, lines)
        if len(lines) < 2 or not settings.faint_share:
            return page
        contrasts = ink_contrasts(item.grey, lines)
        pale = contrasts < settings.faint_share * np.quantile(contrasts, 0.8)
        unsure = [
            number
            for number, line in enumerate(lines)
            if pale[number] and line.cell is None and (line.confidence or 0.0) < settings.doubtful
        ]
        images = [np.ascontiguousarray(item.strips[number].image[:, ::-1]) for number in unsure]
        mirrored = self.lines.legibilities(images)
        behind = {lines[number].id for number, better in zip(unsure, mirrored, strict=True) if better > legible[number]}
        return _without(page, behind, SHOW_THROUGH)

    def _without_noise(self, page: Page, legible: Mapping[str, float]) -> Page:
        """Drop what the detector took for text and the recogniser did not: blots, rulings, show-through.

        Args:
            page: as read.
            legible: legibility of its lines by their ids.
        """
        noise = {line.id for region in page.regions for line in self._short_noise(region.lines)}
        if legible and np.quantile(list(legible.values()), 0.75) >= self._settings.legible_page:
            noise |= {line.id for line in page.lines if line.cell is None and self._is_illegible(legible[line.id])}
        return _without(page, noise, NOISE)

    def _short_noise(self, lines: Sequence[Line]) -> list[Line]:
        """The lines of a region in which nothing is read, or so little and so unsurely that it is no writing.

        Where short cells of a column of a table are mostly read surely, the others are digits or ditto marks too.
        """
        short = [line for line in lines if len(line.text) <= self._settings.noise_characters]
        unsure = [line for line in short if not line.text or (line.confidence or 0.0) < self._settings.noise_confidence]
        cells, unsure_cells = (Counter(line.cell.column for line in some if line.cell) for some in (short, unsure))
        return [
            line
            for line in unsure
            if not line.text or line.cell is None or 2 * unsure_cells[line.cell.column] > cells[line.cell.column]
        ]

    def _is_illegible(self, legible: float) -> bool:
        """Whether the network reads characters and is unsure of them; marks such as a dash may have none for it."""
        return 0.0 < legible < self._settings.illegible

    def _with_flags(self, page: Page) -> Page:
        """The page with the lines flagged that are unlike what the model has learnt; itself if all of them are."""
        settings = self._settings
        whole = _mean_confidence(page.lines) < settings.unfamiliar_page
        least = 1.0 if whole else settings.unfamiliar_line
        if whole and len(page.lines) >= LEAST_LINES:
            page = replace(page, flags=(*page.flags, UNFAMILIAR))
        return _with_lines(
            page,
            [
                replace(line, flags=(*line.flags, UNFAMILIAR)) if line.text and (line.confidence or 0) < least else line
                for line in page.lines
            ],
        )

    def _flag(self, page: Page) -> Page:
        return page if self._min_confidence is None else flag_lines(page, self._min_confidence)


def document_of(pages: Sequence[Page], provenance: Provenance) -> Document:
    """A document of pages that were read as ``one_document`` of `Reader.read_pages`.

    Where some were read with the page before, the step ``recognition`` says so: ``page_before``.
    """
    followed = any(page.index == before.index + 1 and before.lines and page.lines for before, page in pairwise(pages))
    steps = tuple(
        replace(step, settings={**step.settings, "page_before": True})
        if followed and "rescoring_weight" in step.settings
        else step
        for step in provenance.steps
    )
    return Document(tuple(pages), replace(provenance, steps=steps))


def _outline(strip: Strip) -> Polygon:
    rows, columns = strip.image.shape
    corners = ((0, 0), (columns, 0), (columns, rows), (0, rows))
    return tuple(strip.to_page(*corner) for corner in corners)


def flag_lines(page: Page, min_confidence: float) -> Page:
    """The page with those lines flagged whose confidence is below ``min_confidence``."""
    return _with_lines(page, [replace(line, flagged=(line.confidence or 0.0) < min_confidence) for line in page.lines])


def _with_lines(page: Page, lines: Iterable[Line]) -> Page:
    supply = iter(lines)
    regions = tuple(replace(region, lines=tuple(next(supply) for _ in region.lines)) for region in page.regions)
    return replace(page, regions=regions)


def _without(page: Page, dropped: Collection[str], reason: str) -> Page:
    """The page without the lines of these ids, and with a flag that says why and how many."""
    if not dropped:
        return page
    regions = (
        replace(region, lines=tuple(line for line in region.lines if line.id not in dropped)) for region in page.regions
    )
    flags = (*page.flags, f"{reason} {len(dropped)}")
    return replace(page, regions=tuple(region for region in regions if region.lines), flags=flags)


def _by_id(lines: Sequence[Line], legible: Sequence[float]) -> dict[str, float]:
    return {line.id: value for line, value in zip(lines, legible, strict=True)}


def _mean_confidence(lines: Iterable[Line]) -> float:
    rated = [(line.confidence or 0.0, len(line.text)) for line in lines if line.text]
    total = sum(length for _, length in rated)
    return sum(confidence * length for confidence, length in rated) / total if total else 0.0


def read(
    input: Input | Iterable[Input],
    model: str | Path | None = None,
    *,
    language_model: bool | None = None,
    min_confidence: float | None = None,
) -> Document:
    """``read("page.jpg").text``: read a document; the model is loaded once and kept.

    Args:
        input: path, bytes, file object, array or Pillow image; a PDF or TIFF gives several pages, and so do several
            inputs, such as a list of the images of a letter.
        model: what `Bundle.open` takes; None for the model in the package.
        language_model: decode with the bundle's language model; None where it has one.
        min_confidence: lines below it are flagged.

    Raises:
        InputError: an input cannot be read.
        BundleError: the bundle cannot be loaded.
        RegistryError: the registry has no such version.
    """
    bundle = Bundle.open(model)
    reader = _kept_reader(bundle.folder, bundle.identity, language_model, min_confidence)
    documents = list(reader.read(input))
    return document_of([page for document in documents for page in document.pages], reader.provenance)


@lru_cache(maxsize=2)
def _kept_reader(
    folder: Path,
    _identity: str,
    language_model: bool | None,
    min_confidence: float | None,
) -> Reader:
    return Reader(folder, language_model=language_model, min_confidence=min_confidence)
