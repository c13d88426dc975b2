"""ALTO 4.4: write and read.

Usage: ``dump(document)``; ``document(root)``
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import PurePath

from lxml import etree

from inkread.document import (
    Cell,
    Character,
    Document,
    Insertion,
    Line,
    Page,
    Point,
    Polygon,
    Polyline,
    Provenance,
    Region,
    Step,
    Word,
)
from inkread.formats.geometry import (
    ImageSize,
    OnSkip,
    as_layout,
    box_of,
    box_polygon,
    complete,
    in_order,
    on_grid,
    quarter_turns,
    refuse,
)
from inkread.formats.xml import (
    SCHEMA_INSTANCE,
    Element,
    Ids,
    Value,
    add,
    local_name,
    normalise,
    number,
    numbers,
    points,
    probability,
    serialise,
    text_of,
    time_of_writing,
)

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SOFTWARE_ID, MODEL_ID, STEP_ID = "inkread_software", "inkread_model", "inkread_step"
FLAG, KIND, CELL, INSERTION = "flagged", "region", "cell", "insertion"
_LOCATION = f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def dump(page: Page, provenance: Provenance | None = None, created: datetime | None = None) -> bytes:
    """``dump(page)``: one ALTO file; ``created`` is `time_of_writing` unless given."""
    return serialise(_Writer(complete(page)).root(provenance, created or time_of_writing()))


def words_spell(line: Line) -> bool:
    """``words_spell(line)``: whether the words of the line are its text, so that they can stand for it."""
    return bool(line.words) and " ".join(word.text for word in line.words) == line.text


class _Writer:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._ids = Ids()
        self._region_ids = [self._ids.take(region.id) for region in page.regions]
        self._line_ids = [[self._ids.take(line.id) for line in region.lines] for region in page.regions]
        self._written = dict(zip((line.id for line in page.lines), chain(*self._line_ids), strict=True))
        self._tags: dict[tuple[str, str], str] = {}

    def root(self, provenance: Provenance | None, created: datetime) -> Element:
        root = etree.Element(etree.QName(NAMESPACE, "alto"), nsmap={None: NAMESPACE, "xsi": SCHEMA_INSTANCE})
        root.set(etree.QName(SCHEMA_INSTANCE, "schemaLocation"), _LOCATION)
        root.set("SCHEMAVERSION", "4.4")
        self._description(root, provenance, created)
        self._add_tags(root)
        page = self._page
        sheet = add(
            add(root, "Layout"),
            "Page",
            {
                "ID": self._ids.take("page"),
                "PHYSICAL_IMG_NR": page.index + 1,
                "WIDTH": page.width,
                "HEIGHT": page.height,
                "ROTATION": page.orientation or None,
            },
        )
        space = add(sheet, "PrintSpace", {"HPOS": 0, "VPOS": 0, "WIDTH": page.width, "HEIGHT": page.height})
        for region, identifier, line_ids in zip(page.regions, self._region_ids, self._line_ids, strict=True):
            self._region(space, region, identifier, line_ids)
        return root

    def _description(self, root: Element, provenance: Provenance | None, created: datetime) -> None:
        description = add(root, "Description")
        add(description, "MeasurementUnit", text="pixel")
        if self._page.source:
            image = add(description, "sourceImageInformation")
            add(image, "fileName", text=PurePath(self._page.source).name)
        if provenance is None:
            return
        time = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        reading = add(description, "Processing", {"ID": self._ids.take(SOFTWARE_ID)})
        add(reading, "processingCategory", text="contentGeneration")
        add(reading, "processingDateTime", text=time)
        add(add(reading, "processingSoftware"), "softwareName", text=provenance.software)
        if provenance.model_name:
            model = add(description, "Processing", {"ID": self._ids.take(MODEL_ID)})
            add(model, "processingCategory", text="contentGeneration")
            add(model, "processingStepDescription", text="recognition model")
            software = add(model, "processingSoftware")
            add(software, "softwareName", text=provenance.model_name)
            add(software, "softwareVersion", text=provenance.model_version)
        for count, step in enumerate(provenance.steps, start=1):
            processing = add(description, "Processing", {"ID": self._ids.take(f"{STEP_ID}_{count}")})
            add(processing, "processingStepDescription", text=step.name)
            add(processing, "processingStepSettings", text=json.dumps(dict(step.settings)))

    def _add_tags(self, root: Element) -> None:
        kinds = dict.fromkeys(region.kind for region in self._page.regions if region.kind != "text")
        wanted = [(KIND, kind) for kind in kinds]
        wanted += dict.fromkeys(tag for line in self._page.lines for tag in self._line_tags(line))
        if not wanted:
            return
        tags = add(root, "Tags")
        for place, label in wanted:
            identifier = self._ids.take(f"tag_{label.replace(' ', '_').replace(',', '')}")
            self._tags[place, label] = identifier
            add(tags, "OtherTag", {"ID": identifier, "TYPE": place, "LABEL": label})

    def _region(self, space: Element, region: Region, identifier: str, line_ids: Sequence[str]) -> None:
        block = add(space, "TextBlock", {"ID": identifier, "TAGREFS": self._tags.get((KIND, region.kind))})
        self._place(block, region.polygon, always_shape=True)
        for line, line_id in zip(region.lines, line_ids, strict=True):
            self._line(block, line, line_id)

    def _line(self, block: Element, line: Line, identifier: str) -> None:
        element = add(
            block,
            "TextLine",
            {
                "ID": identifier,
                "TAGREFS": " ".join(self._tags[tag] for tag in self._line_tags(line)) or None,
                "BASELINE": self._points(line.baseline) if line.baseline else None,
            },
        )
        self._place(element, line.polygon, always_shape=True)
        if not words_spell(line):
            add(element, "String", {"CONTENT": line.text})
            return
        for count, word in enumerate(line.words, start=1):
            if count > 1:
                add(element, "SP")
            self._word(element, word, f"{identifier}_w{count}")

    def _line_tags(self, line: Line) -> list[tuple[str, str]]:
        """Types and labels of a line's tags; rows, columns and characters count from 1 in a label."""
        tags = [("line", flag) for flag in [FLAG] * line.flagged + [flag for flag in line.flags if flag != FLAG]]
        if line.cell:
            span = f", over {line.cell.columns} columns" if line.cell.columns > 1 else ""
            tags.append((CELL, f"row {line.cell.row + 1}, column {line.cell.column + 1}{span}"))
        if line.insertion and line.insertion.line in self._written:
            place = f"{self._written[line.insertion.line]}, before character {line.insertion.at + 1}"
            tags.append((INSERTION, place))
        return tags

    def _word(self, line: Element, word: Word, identifier: str) -> None:
        string = add(
            line,
            "String",
            {"ID": self._ids.take(identifier), "CONTENT": word.text, "WC": _rounded(word.confidence)},
        )
        self._place(string, word.polygon)
        # A Glyph holds one code point, and glyphs that are not all of the word's would mislead.
        if all(len(character.text) == 1 for character in word.characters):
            for character in word.characters:
                self._character(string, character)

    def _character(self, string: Element, character: Character) -> None:
        glyph = add(string, "Glyph", {"CONTENT": character.text, "GC": _rounded(character.confidence)})
        self._place(glyph, character.polygon)

    def _place(self, element: Element, polygon: Polygon, *, always_shape: bool = False) -> None:
        if not polygon:
            return
        grid = on_grid(polygon, self._page.width, self._page.height)
        box = left, top, right, bottom = box_of(grid)
        for name, value in (("HPOS", left), ("VPOS", top), ("WIDTH", right - left), ("HEIGHT", bottom - top)):
            element.set(name, str(value))
        if always_shape or grid != box_polygon(box):
            add(add(element, "Shape"), "Polygon", {"POINTS": _text(grid)})

    def _points(self, polyline: Polygon) -> str:
        return _text(on_grid(polyline, self._page.width, self._page.height))


def _cell(labels: Iterable[str]) -> Cell | None:
    """The cell that such a label names."""
    pattern = r"row ([1-9]\d*), column ([1-9]\d*)(?:, over ([1-9]\d*) columns)?"
    found = next(filter(None, (re.fullmatch(pattern, label) for label in labels)), None)
    return Cell(int(found[1]) - 1, int(found[2]) - 1, int(found[3] or 1)) if found else None


def _insertion(labels: Iterable[str]) -> Insertion | None:
    """The place that such a label names."""
    found = next(filter(None, (re.fullmatch(r"(.+), before character ([1-9]\d*)", label) for label in labels)), None)
    return Insertion(found[1], int(found[2]) - 1) if found else None


def _text(grid: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in grid)


def _rounded(confidence: float | None) -> Value:
    return None if confidence is None else round(confidence, 4)


_DPI = 300.0
_UNITS_AN_INCH = {"mm10": 254.0, "inch1200": 1200.0}


def document(root: Element, skip: OnSkip = refuse, image_size: ImageSize | None = None) -> Document:
    """``document(root)``: all pages of the file.

    Args:
        root: of the file.
        skip: called for each line or outline that cannot be used and is left out.
        image_size: asked where the file gives no size.

    Raises:
        ValueError: where the file does not say what a page needs.
    """
    unit = text_of(root.find("{*}Description/{*}MeasurementUnit")).strip() or "pixel"
    if unit not in ("pixel", *_UNITS_AN_INCH):
        raise ValueError(f"its measurement unit {unit} is unknown")
    scale = _DPI / _UNITS_AN_INCH[unit] if unit in _UNITS_AN_INCH else 1.0
    reader = _Reader(root, scale, skip, image_size)
    pages = tuple(reader.page(sheet) for sheet in root.iterfind("{*}Layout/{*}Page"))
    return Document(pages, _provenance(root))


class _Reader:
    def __init__(self, root: Element, scale: float, skip: OnSkip, image_size: ImageSize | None) -> None:
        self._scale = scale
        self._skip = skip
        self._image_size = image_size
        self._source = text_of(root.find("{*}Description/{*}sourceImageInformation/{*}fileName")).strip()
        self._labels = {
            tag.get("ID", ""): (tag.get("TYPE", ""), tag.get("LABEL", "")) for tag in root.iterfind("{*}Tags/*")
        }
        references = root.iterfind("{*}ReadingOrder//{*}ElementRef")
        self._order = [name for reference in references for name in reference.get("REF", "").split()]

    def page(self, sheet: Element) -> Page:
        blocks = in_order(list(sheet.iter("{*}TextBlock")), "ID", self._order)
        ids = Ids()
        width, height = self._size(sheet)
        return as_layout(
            Page(
                width=width,
                height=height,
                regions=tuple(self._region(block, ids) for block in blocks),
                source=self._source,
                index=max(round(number(sheet, "PHYSICAL_IMG_NR") or 1) - 1, 0),
                orientation=quarter_turns(number(sheet, "ROTATION")),
                dpi=None if self._scale == 1.0 else _DPI,
            ),
            self._skip,
        )

    def _size(self, sheet: Element) -> tuple[int, int]:
        width, height = number(sheet, "WIDTH"), number(sheet, "HEIGHT")
        if not (width and height):
            if self._image_size and self._scale == 1.0:
                return self._image_size()
            corners = [corner for element in sheet.iterdescendants() for corner in _box(element)]
            if not corners:
                raise ValueError("it does not give the size of its page")
            _, _, width, height = box_of(corners)
        return round(width * self._scale), round(height * self._scale)

    def _region(self, block: Element, ids: Ids) -> Region:
        labels = self._tags(block)
        identifier = ids.take(block.get("ID") or "region")
        try:
            polygon = self._polygon(block)
        except ValueError as error:
            self._skip(f"the outline of its block {identifier} cannot be used, {error}")
            polygon = ()
        return Region(
            id=identifier,
            polygon=polygon,
            lines=tuple(read for line in block.iterfind("{*}TextLine") if (read := self._usable_line(line, ids))),
            kind=labels[0] if labels else "text",
        )

    def _usable_line(self, element: Element, ids: Ids) -> Line | None:
        try:
            return self._line(element, ids)
        except ValueError as error:
            self._skip(f"its line {element.get('ID', '')} cannot be used, {error}")
            return None

    def _line(self, element: Element, ids: Ids) -> Line:
        strings = list(element.iterfind("{*}String"))
        text = normalise("".join(_pieces(element)))
        words = tuple(self._word(string) for string in strings if _is_word(string))
        polygon = self._polygon(element)
        if not polygon and (corners := [point for word in words for point in word.polygon]):
            polygon = box_polygon(box_of(corners))
        return Line(
            id=ids.take(element.get("ID") or "line"),
            baseline=self._baseline(element, polygon),
            polygon=polygon,
            text=text,
            words=words if " ".join(word.text for word in words) == text else (),
            flagged=FLAG in (flags := self._tags(element)),
            flags=tuple(flag for flag in flags if flag != FLAG),
            cell=_cell(self._tags(element, CELL)),
            insertion=_insertion(self._tags(element, INSERTION)),
        )

    def _word(self, string: Element) -> Word:
        characters = (
            Character(normalise(glyph.get("CONTENT", "")) or " ", self._polygon(glyph), probability(glyph, "GC"))
            for glyph in string.iterfind("{*}Glyph")
        )
        return Word(
            normalise(string.get("CONTENT", "")), self._polygon(string), probability(string, "WC"), tuple(characters)
        )

    def _baseline(self, line: Element, polygon: Polygon) -> Polyline:
        values = numbers(line.get("BASELINE"))
        if len(values) >= 4:
            return self._scaled(points(line.get("BASELINE")))
        if not values or not polygon:
            return ()
        # Up to ALTO 4.1 a baseline is the one height at which the line stands.
        left, _, right, _ = box_of(polygon)
        height = values[-1] * self._scale
        return ((left, height), (right, height))

    def _polygon(self, element: Element) -> Polygon:
        shape = element.find("{*}Shape/{*}Polygon")
        corners = points(shape.get("POINTS")) if shape is not None else ()
        return self._scaled(corners if len(corners) >= 2 else _box(element))

    def _scaled(self, line: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple((x * self._scale, y * self._scale) for x, y in line)

    def _tags(self, element: Element, place: str | None = None) -> list[str]:
        """The labels of an element's tags: those that say in which cell or before what it stands, or the others."""
        tags = (self._labels.get(name, ("", "")) for name in element.get("TAGREFS", "").split())
        return [label for kind, label in tags if label and (kind if kind in (CELL, INSERTION) else None) == place]


def _box(element: Element) -> Polygon:
    """The corners that HPOS, VPOS, WIDTH and HEIGHT give, () where one is missing."""
    left, top, width, height = (number(element, name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    if left is None or top is None or width is None or height is None:
        return ()
    return box_polygon((left, top, left + width, top + height))


def _pieces(line: Element) -> Iterator[str]:
    """The text of a line: strings, spaces where the file has some or else between all strings, a final hyphen."""
    spaced = line.find("{*}SP") is not None
    for index, child in enumerate(line.iterchildren("{*}String", "{*}SP", "{*}HYP")):
        name = local_name(child)
        if name == "SP" or (name == "String" and index and not spaced):
            yield " "
        if name == "String":
            yield child.get("CONTENT", "")
        elif name == "HYP":
            yield child.get("CONTENT", "-").replace("\N{SOFT HYPHEN}", "-")


def _is_word(string: Element) -> bool:
    """Whether a String is more than the text of its line, and is one word."""
    described = any(string.get(name) is not None for name in ("HPOS", "WC")) or len(string) > 0
    return described and len(string.get("CONTENT", "").split()) == 1


def _provenance(root: Element) -> Provenance | None:
    """What Inkread wrote about itself; None in files from elsewhere."""
    processing = {item.get("ID", ""): item for item in root.iterfind("{*}Description/{*}Processing")}
    if SOFTWARE_ID not in processing:
        return None
    model = processing.get(MODEL_ID)
    steps = (item for name, item in processing.items() if name.startswith(STEP_ID))
    return Provenance(
        software=text_of(processing[SOFTWARE_ID].find("{*}processingSoftware/{*}softwareName")),
        model_name="" if model is None else text_of(model.find("{*}processingSoftware/{*}softwareName")),
        model_version="" if model is None else text_of(model.find("{*}processingSoftware/{*}softwareVersion")),
        steps=tuple(
            Step(
                text_of(item.find("{*}processingStepDescription")),
                json.loads(text_of(item.find("{*}processingStepSettings")) or "{}"),
            )
            for item in steps
        ),
    )
