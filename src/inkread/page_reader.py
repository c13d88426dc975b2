"""Read a page: its lines, and what they say of the way in which it was laid out.

Usage: ``pages = PageReader(analyse, lines, ReaderSettings()); cut = pages.cut(image)``, then
``pages.read(cut, lines.search(cut.strips, [None] * len(cut.strips)))``

Geometry proposes lines and their order. What is read in them decides whether the page lies upside down, whether a
gutter divides it, whether a table is prose in columns, and which lines are noise or show through from the other side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inkread.document import NOISE, REDUCED, SHOW_THROUGH, UNFAMILIAR, Line, Page, within_page
from inkread.formats import fit
from inkread.io.images import PageImage, turn, turn_back
from inkread.layout import Analyser, LayoutSettings
from inkread.layout.analysis import Doubt
from inkread.layout.capture import LEAST_LINES, capture_flags, page_features, spread_flags
from inkread.layout.ink import ink_contrasts
from inkread.layout.insertions import with_insertions
from inkread.layout.page_numbers import with_page_numbers
from inkread.layout.tables import TABLE
from inkread.recognition.continuation import continuation, continuation_of_cells
from inkread.recognition.line_images import Strip, cut_lines
from inkread.recognition.line_reader import LineReader, Searched


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


@dataclass(frozen=True, slots=True, eq=False)
class CutPage:
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


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads pages one by one; what may stand in their lines is searched for many pages together.

    Attributes:
        analyse: finds lines and their order.
        lines: what reads line images.
        settings: thresholds.
    """

    analyse: Analyser
    lines: LineReader
    settings: ReaderSettings

    def cut(self, image: PageImage, layout: Page | None = None, language: str | None = None) -> CutPage:
        """Find the lines of a page and cut them.

        Args:
            image: the page.
            layout: its lines where they are known; None to find them.
            language: see `inkread.reader.Reader.read_pages`.
        """
        grey = image.grey
        found, doubt = (layout, None) if layout is not None else self.analyse.consider(grey)
        page = replace(
            found,
            width=image.width,
            height=image.height,
            source=image.source,
            index=image.index,
            dpi=image.dpi,
        )
        strips = cut_lines(grey, page.lines, height=self.lines.height)
        return CutPage(page, grey, strips, layout is not None, image.full_size, doubt, language)

    def read(self, item: CutPage, found: Sequence[Searched]) -> Page:
        """The page as it is read.

        Args:
            item: the page.
            found: what may stand in each of its lines, as `LineReader.search` says.
        """
        lines = self.lines.choose(item.page.lines, item.strips, found, item.before)
        legible = [each.legible for each in found]
        read = with_lines(item.page, lines) if item.given else self._structured(self._upright(item, lines, legible))
        if not item.given:
            features = page_features(item.grey, read.lines, style=False)
            flags = capture_flags(features, len(read.lines)) + spread_flags(read.lines, read.width, read.height)
            read = replace(read, flags=(*flags, *read.flags))
        whole = read if item.full_size is None else replace(fit(read, *item.full_size), flags=(*read.flags, REDUCED))
        return self._with_flags(within_page(whole))

    def _structured(self, page: Page) -> Page:
        """The page as read, with page numbers in regions of their own and insertions that say where they belong."""
        log_probability = self.lines.log_probability if self.lines.uses_language_model else None
        return with_insertions(with_page_numbers(page), log_probability, self.settings.layout)

    def _upright(self, item: CutPage, lines: list[Line], legible: list[float]) -> Page:
        """The page as read, or read again after turning where it reads better the other way round.

        A few lines say whether turning is worth a try; only the whole page says whether it stays turned.
        """
        if item.page.orientation == 90:
            readings = [self._read_turned(item, degrees) for degrees in (90, 270)]
        else:
            sensible = self._as_it_makes_sense(item, lines, legible)
            readings = [self._without_noise(self._without_show_through(*sensible), _by_id(*sensible[1:]))]
            if _mean_confidence(lines) < self.settings.doubtful and self._reads_better_turned(item):
                readings.append(self._read_turned(item, 180))
        return max(readings, key=lambda page: _mean_confidence(page.lines))

    def _reads_better_turned(self, item: CutPage) -> bool:
        images = sorted((strip.image for strip in item.strips), key=lambda image: image.shape[1])
        longest = images[-self.settings.sample_lines :]
        turned = [turn(image, 180) for image in longest]
        return self.lines.legibility(turned) > self.lines.legibility(longest)

    def _read_turned(self, item: CutPage, degrees: int) -> Page:
        grey = turn(item.grey, degrees)
        found = self.analyse(grey)
        page = replace(item.page, width=found.width, height=found.height, regions=found.regions)
        strips = cut_lines(grey, page.lines, height=self.lines.height)
        lines, legible = self._read_lines(replace(item, page=page, strips=strips))
        return turn_back(self._without_noise(with_lines(page, lines), _by_id(lines, legible)), degrees)

    def _as_it_makes_sense(
        self, item: CutPage, lines: list[Line], legible: list[float]
    ) -> tuple[CutPage, list[Line], list[float]]:
        """The lines as read, or read again where the language model decides otherwise than geometry did.

        A gutter that geometry leaves open divides the page where lines do not go on across it. A table without rulings
        is columns of prose where its cells go on below.
        """
        if not self.lines.uses_language_model:
            return item, lines, legible
        divided, tables = self._divided(item.doubt, lines), not self._goes_on_below(item.page, lines)
        if divided is None and tables:
            return item, lines, legible
        found, _ = self.analyse.consider(item.grey, divided=divided, tables=tables)
        strips = cut_lines(item.grey, found.lines, height=self.lines.height)
        changed = replace(item, page=replace(item.page, regions=found.regions), strips=strips)
        return changed, *self._read_lines(changed)

    def _divided(self, doubt: Doubt | None, lines: list[Line]) -> bool | None:
        """Whether an undecided gutter divides the page; None as geometry has it."""
        if doubt is None:
            return None
        gain, pairs = continuation(lines, doubt.gutter, self.lines.log_probability)
        below, across = self.settings.across_gain
        divided = gain <= across if doubt.divided else gain < below
        return None if pairs < self.settings.across_lines or divided == doubt.divided else divided

    def _goes_on_below(self, page: Page, lines: list[Line]) -> bool:
        """Whether what was taken for tables is prose in columns."""
        tables = [region.lines for region in with_lines(page, lines).regions if region.kind == TABLE]
        gain, cells = continuation_of_cells(tables, self.lines.log_probability)
        return gain < self.settings.below_gain and cells >= self.settings.below_cells

    def _read_lines(self, item: CutPage) -> tuple[list[Line], list[float]]:
        """The lines of a page, and how legible each is."""
        found = self.lines.search(item.strips, [item.language] * len(item.strips))
        lines = self.lines.choose(item.page.lines, item.strips, found, item.before)
        return lines, [each.legible for each in found]

    def _without_show_through(self, item: CutPage, lines: list[Line], legible: list[float]) -> Page:
        """The page as read, without lines that are paler than the others and read better mirrored.

        These show through from the other side of the paper. Cells of tables are kept: single digits and ditto marks
        read no worse mirrored.
        """
        settings, page = self.settings, with_lines(item.page, lines)
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
        if legible and np.quantile(list(legible.values()), 0.75) >= self.settings.legible_page:
            noise |= {line.id for line in page.lines if line.cell is None and self._is_illegible(legible[line.id])}
        return _without(page, noise, NOISE)

    def _short_noise(self, lines: Sequence[Line]) -> list[Line]:
        """The lines of a region in which nothing is read, or so little and so unsurely that it is no writing.

        Where short cells of a column of a table are mostly read surely, the others are digits or ditto marks too.
        """
        short = [line for line in lines if len(line.text) <= self.settings.noise_characters]
        unsure = [line for line in short if not line.text or (line.confidence or 0.0) < self.settings.noise_confidence]
        cells, unsure_cells = (Counter(line.cell.column for line in some if line.cell) for some in (short, unsure))
        return [
            line
            for line in unsure
            if not line.text or line.cell is None or 2 * unsure_cells[line.cell.column] > cells[line.cell.column]
        ]

    def _is_illegible(self, legible: float) -> bool:
        """Whether the network reads characters and is unsure of them; marks such as a dash may have none for it."""
        return 0.0 < legible < self.settings.illegible

    def _with_flags(self, page: Page) -> Page:
        """The page with the lines flagged that are unlike what the model has learnt; itself if all of them are."""
        settings = self.settings
        whole = _mean_confidence(page.lines) < settings.unfamiliar_page
        least = 1.0 if whole else settings.unfamiliar_line
        if whole and len(page.lines) >= LEAST_LINES:
            page = replace(page, flags=(*page.flags, UNFAMILIAR))
        return with_lines(
            page,
            [
                replace(line, flags=(*line.flags, UNFAMILIAR)) if line.text and (line.confidence or 0) < least else line
                for line in page.lines
            ],
        )


def with_lines(page: Page, lines: Iterable[Line]) -> Page:
    """The page with other lines in its regions, as many and in the same order."""
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
