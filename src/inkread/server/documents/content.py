"""What a page holds: the reading, the corrections of people, and what changed between two versions.

Usage: ``content = unpack(version.content); newer = content.corrected(lines, "ada")``
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from difflib import SequenceMatcher
from itertools import groupby

from inkread.document import (
    CAPTURE_ADVICE,
    SHOW_THROUGH,
    Alternative,
    Cell,
    Document,
    Insertion,
    Line,
    Page,
    Polygon,
    Provenance,
    Region,
    Word,
    left_out,
    within_page,
)
from inkread.formats import json as document_json
from inkread.formats.geometry import box_of, box_polygon, complete
from inkread.server.documents import models

ID = re.compile(r"[A-Za-z_][\w.-]{0,63}")
"""What a person's region may be called: a name that XML takes as an id."""
Outlines = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """What people say of a line: who typed its text, and their flags."""

    corrected_by: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A page and the marks of its lines by their ids."""

    page: Page
    provenance: Provenance | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def pack(self) -> bytes:
        """As the database keeps it."""
        document = document_json.dump(Document((self.page,), self.provenance)).decode()
        marks = {line: [mark.corrected_by, mark.flags] for line, mark in self.marks.items()}
        return zlib.compress(json.dumps({"document": document, "marks": marks}, ensure_ascii=False).encode())

    def notes(self) -> list[str]:
        """What is wrong with the picture."""
        notes = [CAPTURE_ADVICE[flag] for flag in self.page.flags if flag in CAPTURE_ADVICE]
        behind = left_out(self.page, SHOW_THROUGH)
        return [*notes, f"of paper that shows its other side, lines left out: {behind}"] if behind else notes

    def lines(self) -> list[models.Line]:
        """The lines as the API gives them."""
        return [
            _shown(line, self.marks.get(line.id, Mark())).model_copy(
                update={"kind": region.kind, "region": region.id, "frame": [] if number else list(region.polygon)}
            )
            for region in self.page.regions
            for number, line in enumerate(region.lines)
        ]

    def corrected(self, lines: Sequence[models.Line], user: str, reading: Content) -> Content:
        """The content with these lines in this order.

        A line that stays as it is, or is again as it was read, has what the reader said of it. A line that was read
        again at another place brings the confidences of that reading. The text of any other line is what ``user``
        typed. ``corrected_by`` of a line that stays says that ``user`` accepts it.

        Args:
            lines: of the page, from now on.
            user: who gives them.
            reading: what the page held when it was read.
        """
        before = {line.id: line for line in self.page.lines}
        read = {line.id: line for line in reading.page.lines}
        made: list[Line] = []
        marks: dict[str, Mark] = {}
        for given in lines:
            line, typed = _merged(given, before.get(given.id), read.get(given.id))
            made.append(_placed(line, given, before.get(given.id)))
            by = self.marks.get(line.id, Mark()).corrected_by
            if typed is not None:
                by = user if typed else None
            if not typed and "corrected_by" in given.model_fields_set:
                by = (by or user) if given.corrected_by else None
            marks[line.id] = Mark(by, tuple(given.flags))
        made = [_with_valid_insertion(line, made, before) for line in made]
        page = within_page(complete(replace(self.page, regions=tuple(_regions(self.page, made, lines)))))
        return Content(page, self.provenance, {line: mark for line, mark in marks.items() if mark != Mark()})

    def changes(self, newer: Content) -> list[models.Change]:
        """The lines whose text is another in ``newer``, in its order; those that are gone come last."""
        before = {line.id: line.text for line in self.page.lines}
        after = {line.id: line.text for line in newer.page.lines}
        return [
            models.Change(line=line, before=before.get(line), after=after.get(line))
            for line in [*after, *(line for line in before if line not in after)]
            if before.get(line) != after.get(line)
        ]

    def with_line(self, outline: models.Outline) -> Page:
        """A page with one line at that place; what the outline lacks follows from the lines of this page."""
        line = Line("line", tuple(outline.baseline), tuple(outline.polygon))
        others = (line, *self.page.lines)
        whole = complete(replace(self.page, regions=(Region("region", (), others),)))
        return within_page(replace(whole, regions=(Region("region", whole.regions[0].polygon, whole.lines[:1]),)))


def unpack(packed: bytes) -> Content:
    """What was packed."""
    tree = json.loads(zlib.decompress(packed))
    document = document_json.load(tree["document"].encode())
    marks = {line: Mark(user, tuple(flags)) for line, (user, flags) in tree["marks"].items()}
    return Content(document.pages[0], document.provenance, marks)


def fold(text: str) -> str:
    """``fold("Müller  ſaß") == "muller sass"``: as search compares."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def shown_line(line: Line) -> models.Line:
    """A line that was just read, as the API gives it."""
    return _shown(line, Mark())


def _shown(line: Line, mark: Mark) -> models.Line:
    return models.Line(
        id=line.id,
        text=line.text,
        confidence=line.confidence,
        baseline=list(line.baseline),
        polygon=list(line.polygon),
        words=[
            models.Word(text=word.text, confidence=word.confidence, box=box_of(word.polygon) if word.polygon else None)
            for word in line.words
        ],
        alternatives=[models.Alternative(text=other.text, confidence=other.confidence) for other in line.alternatives],
        flags=list(mark.flags),
        corrected_by=mark.corrected_by,
        cell=models.Cell(**asdict(line.cell)) if line.cell else None,
        insertion=models.Insertion(**asdict(line.insertion)) if line.insertion else None,
    )


def _merged(given: models.Line, old: Line | None, read: Line | None) -> tuple[Line, bool | None]:
    """The line to keep, and whether a person typed its text; None where the text stays."""
    text = given.text
    line = Line(given.id, tuple(given.baseline), tuple(given.polygon), text)
    stays = old is not None and _outlines(old) == _outlines(line)
    if old is not None and models.plain(old.text) == text and stays:
        return old, None
    if read is not None and models.plain(read.text) == text and _outlines(read) == _outlines(line):
        return read, False
    words = tuple(Word(word.text, box_polygon(word.box) if word.box else (), word.confidence) for word in given.words)
    typed = stays or given.confidence is None
    if " ".join(word.text for word in words) != text:
        words = _respelled(text, old) if typed and old is not None else ()
    if typed:
        words = tuple(replace(word, confidence=None) for word in words)
    others = tuple(Alternative(other.text, other.confidence) for other in given.alternatives)
    line = replace(line, confidence=None if typed else given.confidence, words=words, alternatives=others)
    return line, None if old is not None and models.plain(old.text) == text else typed


def _respelled(text: str, old: Line) -> tuple[Word, ...]:
    """The words of a text where those of the reading stood, if they are as many."""
    texts = text.split(" ")
    if len(texts) != len(old.words):
        return ()
    return tuple(Word(text, word.polygon) for text, word in zip(texts, old.words, strict=True))


def _outlines(line: Line) -> Outlines:
    """Baseline and polygon as they are kept, to 0.01 pixel."""
    return tuple(tuple((round(x, 2), round(y, 2)) for x, y in points) for points in (line.baseline, line.polygon))


def _regions(page: Page, lines: Iterable[Line], given: Sequence[models.Line]) -> Iterator[Region]:
    """The lines in their order, by regions; a new line joins the region that it names, or that of the line before it.

    Lines whose kind is not that of their region are parted from it.
    """
    home = {line.id: region for region in page.regions for line in region.lines}
    known = {region.id: region for region in (Region("r1", ()), *page.regions)}
    named = {
        line.id: line.region for line in given if line.region and (line.region in known or ID.fullmatch(line.region))
    }
    kinds = {line.id: line.kind for line in given if line.kind}
    frames = {named[line.id]: tuple(line.frame) for line in given if len(line.frame) > 2 and line.id in named}
    placed: list[tuple[Region, Line]] = []
    current = page.regions[0] if page.regions else known["r1"]
    for line in lines:
        current = home.get(line.id, current)
        if line.id in named:
            current = known.setdefault(named[line.id], Region(named[line.id], (), kind=current.kind))
        current = replace(current, kind=kinds.get(line.id, current.kind))
        placed.append((current, line))
    seen: set[str] = set()
    for (region, kind), group in groupby(placed, key=lambda item: (item[0].id, item[0].kind)):
        members = [line if kind == "table" else replace(line, cell=None) for _, line in group]
        base = known[region]
        name = next(name for name in _names(region) if name not in seen)
        seen.add(name)
        polygon = frames.get(region, base.polygon) if name == region else base.polygon
        if polygon == base.polygon and {line.id for line in members} != {line.id for line in base.lines}:
            points = [point for line in members for point in line.polygon or line.baseline]
            polygon = box_polygon(box_of(points)) if points else base.polygon
        yield replace(base, id=name, kind=kind, polygon=_outline(polygon, page), lines=tuple(members))


def _placed(line: Line, given: models.Line, old: Line | None) -> Line:
    """The line with its cell and its insertion: those that are given, else those that it had."""
    cell, insertion = (old.cell, old.insertion) if old is not None else (None, None)
    if "cell" in given.model_fields_set:
        cell = Cell(**given.cell.model_dump()) if given.cell else None
    if "insertion" in given.model_fields_set:
        insertion = Insertion(**given.insertion.model_dump()) if given.insertion else None
    return replace(line, cell=cell, insertion=insertion)


def _with_valid_insertion(line: Line, lines: Sequence[Line], before: Mapping[str, Line]) -> Line:
    """The line with its place in another one as that is now; without it where the other line or the place is gone.

    A place that is the same as before was told of the former text, and moves with it.
    """
    place = line.insertion
    host = next((each for each in lines if place and each.id == place.line and each is not line), None)
    if place is None or host is None:
        return replace(line, insertion=None)
    at: int | None = min(place.at, len(host.text))
    if line.id in before and before[line.id].insertion == place and host.id in before:
        at = moved_place(place.at, before[host.id].text, host.text)
    return replace(line, insertion=None if at is None else Insertion(host.id, at))


def moved_place(at: int, old: str, new: str) -> int | None:
    """``moved_place(5, "I am sure", "I am not sure") == 9``: where a place in a text is after a correction.

    None where the text ends before it now.
    """
    for kind, start, end, there, there_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if start <= at < end:
            if kind == "delete" and end == len(old) and at > start:
                return None
            return min(there + at - start, there_end)
    return len(new)


def _names(name: str) -> Iterator[str]:
    yield name
    for number in range(2, models.MOST_LINES + 2):
        yield f"{name}_{number}"


def _outline(polygon: Polygon, page: Page) -> Polygon:
    return polygon or box_polygon((0, 0, page.width, page.height))
