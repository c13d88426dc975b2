"""Read ALTO 2 to 4, whatever its namespace says.

Usage: ``document = alto_reader.document(root)``

Files in pixels give a page in pixels. Files in tenths of a millimetre or in 1/1200 inch do not say how large the
image is: they give a page at 300 dpi, and ``geometry.fit`` scales it to the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from inkread.document import Character, Document, Line, Page, Point, Polygon, Polyline, Provenance, Region, Step, Word
from inkread.formats.alto import FLAG, MODEL_ID, SOFTWARE_ID, STEP_ID
from inkread.formats.characters import normalise
from inkread.formats.geometry import box_of, box_polygon
from inkread.formats.layout import as_layout, in_order, quarter_turns
from inkread.formats.xml import Element, Ids, local_name, number, numbers, points, probability, text_of

_DPI = 300.0
_UNITS_AN_INCH = {"mm10": 254.0, "inch1200": 1200.0}


def document(root: Element) -> Document:
    """``document(root)``: all pages of the file.

    Raises:
        ValueError: where the file does not say what a page needs.
    """
    unit = text_of(root.find("{*}Description/{*}MeasurementUnit")).strip() or "pixel"
    if unit not in ("pixel", *_UNITS_AN_INCH):
        raise ValueError(f"its measurement unit {unit} is unknown")
    reader = _Reader(root, _DPI / _UNITS_AN_INCH[unit] if unit in _UNITS_AN_INCH else 1.0)
    pages = tuple(reader.page(sheet) for sheet in root.iterfind("{*}Layout/{*}Page"))
    return Document(pages, _provenance(root))


class _Reader:
    def __init__(self, root: Element, scale: float) -> None:
        self._scale = scale
        self._source = text_of(root.find("{*}Description/{*}sourceImageInformation/{*}fileName")).strip()
        self._labels = {tag.get("ID", ""): tag.get("LABEL", "") for tag in root.iterfind("{*}Tags/*")}
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
            )
        )

    def _size(self, sheet: Element) -> tuple[int, int]:
        width, height = number(sheet, "WIDTH"), number(sheet, "HEIGHT")
        if width is None or height is None:
            corners = [corner for element in sheet.iterdescendants() for corner in _box(element)]
            if not corners:
                raise ValueError("it does not give the size of its page")
            _, _, width, height = box_of(corners)
        return round(width * self._scale), round(height * self._scale)

    def _region(self, block: Element, ids: Ids) -> Region:
        labels = self._tags(block)
        return Region(
            id=ids.take(block.get("ID") or "region"),
            polygon=self._polygon(block),
            lines=tuple(self._line(line, ids) for line in block.iterfind("{*}TextLine")),
            kind=labels[0] if labels else "text",
        )

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
            flagged=FLAG in self._tags(element),
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

    def _tags(self, element: Element) -> list[str]:
        labels = (self._labels.get(name, "") for name in element.get("TAGREFS", "").split())
        return [label for label in labels if label]


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
