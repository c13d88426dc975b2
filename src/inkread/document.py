"""What a reading is: ``Document > Page > Region > Line > Word > Character``.

Usage: ``for line in document.pages[0].lines: print(line.text, line.confidence)``

All classes are frozen and compare by value. Coordinates are pixels of the input page as a viewer shows it
(EXIF orientation applied), x to the right, y down. Confidences are probabilities in [0, 1], or None where
nobody estimated one (a human transcription, for instance).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from inkread.io.inputs import Input

Point = tuple[float, float]
Polygon = tuple[Point, ...]
Polyline = tuple[Point, ...]
Setting = str | int | float | bool | None

UNFAMILIAR = "unfamiliar"
"""Flag of a line that is unlike what the model has learnt: another script, music, a formula, a drawing, or a hand that
it cannot read; and of a page of such lines."""
REDUCED = "reduced"
"""Flag of a page that was read at a lower resolution than its image has, because that is very large."""
BLURRED, DARK, FAINT, CUT_OFF, TWO_PAGES = "blurred", "dark", "faint", "cut off", "two pages"
CAPTURE_ADVICE = {
    BLURRED: "blurred, take it again in focus",
    DARK: "dark, take it again with more light",
    FAINT: "faint, take it again with more contrast",
    CUT_OFF: "cut off at its side, take the whole page",
    TWO_PAGES: "of two pages, which are read one after the other",
    UNFAMILIAR: "unlike the handwriting that the model has learnt, its text is probably wrong",
}
"""Flags of pages that were captured badly or are no pages of handwriting, and what to tell a person about them."""

SHOW_THROUGH, NOISE = "show-through", "noise"
"""Flags of a page of which found lines were left out, each with their number, such as ``noise 2``: lines of the other
side of the paper, and lines that read as nothing, such as rulings, seals, borders and blots."""

UNUSUAL = "unusual "
"""Begin of a flag of a page that the services found unlike the pages before it; a figure follows, such as ``slant``."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character, where it stands, and the probability that it is right."""

    text: str
    polygon: Polygon = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """Characters between two spaces; ``confidence`` is the probability that the whole word is right."""

    text: str
    polygon: Polygon = ()
    confidence: float | None = None
    characters: tuple[Character, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of a line, with the probability the decoder gave it."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a line stands in the table that its region is.

    Attributes:
        row, column: from 0; of a cell over several columns the first one.
        columns: how many columns it stands over.
    """

    row: int
    column: int
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where a line that was written above another one belongs.

    Attributes:
        line: id of that other line.
        at: character of its text before which the words were inserted, from 0; the length of the text for its end.
    """

    line: str
    at: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        id: unique within the page.
        baseline: polyline the letters stand on, in reading direction.
        polygon: outline of the ink.
        text: NFC text, without a line break.
        confidence: mean probability that a character of the line is right (1 - expected CER).
        words: the words of ``text``, in order.
        alternatives: other readings, most probable first, ``text`` itself not among them.
        flagged: True where the confidence fell below what the caller asked for.
        flags: why the reading is doubtful whatever the caller asked for, such as `UNFAMILIAR`.
        cell: its place where the region is a table, None elsewhere; a cell may hold several lines.
        insertion: where it belongs if it was written above a line, None elsewhere.
    """

    id: str
    baseline: Polyline
    polygon: Polygon
    text: str = ""
    confidence: float | None = None
    words: tuple[Word, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    flagged: bool = False
    flags: tuple[str, ...] = ()
    cell: Cell | None = None
    insertion: Insertion | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A block of lines in reading order: a column, a marginal note, one page of a spread, a table."""

    id: str
    polygon: Polygon
    lines: tuple[Line, ...] = ()
    kind: str = "text"

    @property
    def text(self) -> str:
        """The lines' text, one a line."""
        return "\n".join(line.text for line in self.lines)

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The cells' text of a table, row by row, all rows of one length; lines of one cell are joined by a line break.

        A cell over several columns has its text in the first one. A line that has no cell is a row with its text in the
        first column.
        """
        columns = max((line.cell.column + line.cell.columns for line in self.lines if line.cell), default=1)
        found: list[tuple[int | None, list[list[str]]]] = []
        for line in self.lines:
            row, column = (line.cell.row, line.cell.column) if line.cell else (None, 0)
            if not found or row is None or found[-1][0] != row:
                found.append((row, [[] for _ in range(columns)]))
            found[-1][1][column].append(line.text)
        return tuple(tuple("\n".join(cell) for cell in cells) for _, cells in found)


@dataclass(frozen=True, slots=True)
class Page:
    """One page image and what stands on it.

    Attributes:
        width, height: size in pixels of the page as a viewer shows it; all coordinates refer to it.
        regions: in reading order.
        source: file the page came from, "" for an array.
        index: position in that file, from 0.
        orientation: degrees (0, 90, 180, 270) the page must be turned clockwise for its text to stand upright.
        dpi: resolution, None where unknown.
        flags: what one should know about the reading, such as `REDUCED`.
    """

    width: int
    height: int
    regions: tuple[Region, ...] = ()
    source: str = ""
    index: int = 0
    orientation: int = 0
    dpi: float | None = None
    flags: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for region in self.regions for line in region.lines)

    @property
    def text(self) -> str:
        """All lines in reading order, one a line."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float | None:
        """Mean line confidence weighted by length, None where no line has one."""
        rated = [(line.confidence, max(len(line.text), 1)) for line in self.lines if line.confidence is not None]
        total = sum(weight for _, weight in rated)
        return sum(confidence * weight for confidence, weight in rated) / total if total else None


def left_out(page: Page, reason: str) -> int:
    """How many found lines of a page were left out for a reason, `SHOW_THROUGH` or `NOISE`."""
    numbers = (flag.removeprefix(f"{reason} ") for flag in page.flags)
    return sum(int(number) for number in numbers if number.isdecimal())


def move_points(page: Page, move: Callable[[Point], Point]) -> Page:
    """The page with every point of its regions, lines, words and characters moved; its size stays as it is."""

    def points(many: Iterable[Point]) -> tuple[Point, ...]:
        return tuple(map(move, many))

    def character(item: Character) -> Character:
        return replace(item, polygon=points(item.polygon))

    def word(item: Word) -> Word:
        return replace(item, polygon=points(item.polygon), characters=tuple(map(character, item.characters)))

    def line(item: Line) -> Line:
        words = tuple(map(word, item.words))
        return replace(item, baseline=points(item.baseline), polygon=points(item.polygon), words=words)

    def region(item: Region) -> Region:
        return replace(item, polygon=points(item.polygon), lines=tuple(map(line, item.lines)))

    return replace(page, regions=tuple(map(region, page.regions)))


def _points(page: Page) -> Iterator[Point]:
    """Every point of the regions, lines, words and characters of a page."""
    for region in page.regions:
        yield from region.polygon
        for line in region.lines:
            yield from line.baseline
            yield from line.polygon
            for word in line.words:
                yield from word.polygon
                for character in word.characters:
                    yield from character.polygon


def within_page(page: Page) -> Page:
    """The page with every point outside it moved to its border."""
    right, bottom = float(page.width), float(page.height)
    if all(0 <= x <= right and 0 <= y <= bottom for x, y in _points(page)):
        return page
    return move_points(page, lambda at: (min(max(at[0], 0.0), right), min(max(at[1], 0.0), bottom)))


@dataclass(frozen=True, slots=True)
class Step:
    """One processing step and the settings it ran with."""

    name: str
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a document: software, model and steps."""

    software: str
    model_name: str = ""
    model_version: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """The pages of one input file."""

    pages: tuple[Page, ...] = ()
    provenance: Provenance | None = None

    @property
    def text(self) -> str:
        """The pages' text, pages separated by an empty line."""
        return "\n\n".join(page.text for page in self.pages)

    def save(self, path: str | Path, format: str | None = None, *, images: Input | None = None) -> list[Path]:
        """``document.save("letter.pdf")``: write a file, and return what was written.

        A format that holds one page a file (ALTO, PAGE) writes ``letter_0001.page.xml`` and so on for several pages.

        Args:
            path: its folder is made if missing; what was there is replaced when the new file is complete.
            format: a name in `inkread.FORMATS`; None takes what the suffix says: ``.txt``, ``.json``, ``.alto.xml``,
                ``.page.xml``, ``.hocr``, ``.csv``, ``.pdf``.
            images: the pages for a PDF, as they were read; None opens the files that the pages came from.

        Raises:
            OutputError: the suffix names no format, there are no images for a PDF, or the file cannot be written.
        """
        from inkread.formats.writing import save_as

        return save_as(self, path, format, images)

    @property
    def lines(self) -> Iterator[Line]:
        """All lines of all pages in reading order."""
        return (line for page in self.pages for line in page.lines)
