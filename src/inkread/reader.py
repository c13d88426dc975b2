"""Read inputs into documents, lazily and in batches: the façade over loading, layout analysis and recognition.

Usage: ``for document in Reader().read(["letter.jpg"]): print(document.text)``
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any, overload

from inkread.bundle import Bundle
from inkread.document import Document, Line, Page, Polygon, Provenance, Setting, Step
from inkread.errors import BundleError, InputError
from inkread.io.images import PageImage
from inkread.io.inputs import DEFAULT_LIMITS, Input, Limits, each_input, load_pages, load_readable_pages
from inkread.layout import Analyser, LayoutSettings
from inkread.layout.detector import Detector
from inkread.page_reader import CutPage, PageReader, ReaderSettings, with_lines
from inkread.recognition.fields import FieldReading
from inkread.recognition.line_images import Grey, Strip, cut_lines
from inkread.recognition.line_reader import LineReader, Searched
from inkread.recognition.patterns import Pattern
from inkread.recognition.word_list import WordList
from inkread.runtime import Workers

OnError = Callable[[Input, InputError], None]
OnPage = Callable[[Page], None]


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
        analyse = Analyser(Detector(bundle.detector, self._workers.threads), settings.layout)
        self._pages = PageReader(analyse, self.lines, settings)
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
            before, first = self._flag(self._pages.read(replace(item, before=texts), found)), False
            yield before

    def _searched(
        self, items: Iterable[PageImage | _End], asked: Iterable[_Asked]
    ) -> Iterator[tuple[CutPage | _End, list[Searched]]]:
        """Pages with what may stand in their lines; enough of them at a time to fill batches."""
        supply = iter(asked)
        paired = ((item, (None, None) if isinstance(item, _End) else next(supply)) for item in items)
        chunk: list[CutPage | _End] = []
        columns = pixels = 0
        for item in self._workers.map(self._cut, paired):
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

    def _cut(self, item: tuple[PageImage | _End, _Asked]) -> CutPage | _End:
        image, asked = item
        return image if isinstance(image, _End) else self._pages.cut(image, *asked)

    def _search(self, chunk: Sequence[CutPage | _End]) -> Iterator[tuple[CutPage | _End, list[Searched]]]:
        pages = [item for item in chunk if isinstance(item, CutPage)]
        strips = [strip for item in pages for strip in item.strips]
        found = iter(self.lines.search(strips, [item.language for item in pages for _ in item.strips]))
        for item in chunk:
            yield item, [] if isinstance(item, _End) else [next(found) for _ in item.strips]

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
    return with_lines(page, [replace(line, flagged=(line.confidence or 0.0) < min_confidence) for line in page.lines])


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
