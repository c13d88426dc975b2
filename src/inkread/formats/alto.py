"""ALTO 4.4, one page a file (https://www.loc.gov/standards/alto/).

Usage: ``data = alto.dump(page, document.provenance)``

Carried: size, file name, index and orientation of the page; identifiers, kinds and polygons of regions; baseline,
polygon, text and flag of lines; words and single-code-point characters with polygon and confidence; provenance.
Not carried: resolution, confidence and alternatives of whole lines (the standard has no place for them; its
ALTERNATIVE is for other spellings, not for other readings). Coordinates are whole pixels, confidences have four
decimals.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import PurePath

from lxml import etree

from inkread.document import Character, Line, Page, Polygon, Provenance, Region, Word
from inkread.formats.geometry import box_of, box_polygon, complete, on_grid
from inkread.formats.xml import SCHEMA_INSTANCE, Element, Ids, Value, add, serialise

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
SOFTWARE_ID, MODEL_ID, STEP_ID = "inkread_software", "inkread_model", "inkread_step"
FLAG, KIND = "flagged", "region"
_LOCATION = f"{NAMESPACE} http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def dump(page: Page, provenance: Provenance | None = None, created: datetime | None = None) -> bytes:
    """``dump(page)``: one ALTO file; ``created`` is now unless given."""
    return serialise(_Writer(complete(page)).root(provenance, created or datetime.now(UTC)))


def words_spell(line: Line) -> bool:
    """``words_spell(line)``: whether the words of the line are its text, so that they can stand for it."""
    return bool(line.words) and " ".join(word.text for word in line.words) == line.text


class _Writer:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._ids = Ids()
        self._region_ids = [self._ids.take(region.id) for region in page.regions]
        self._line_ids = [[self._ids.take(line.id) for line in region.lines] for region in page.regions]
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
        for number, step in enumerate(provenance.steps, start=1):
            processing = add(description, "Processing", {"ID": self._ids.take(f"{STEP_ID}_{number}")})
            add(processing, "processingStepDescription", text=step.name)
            add(processing, "processingStepSettings", text=json.dumps(dict(step.settings)))

    def _add_tags(self, root: Element) -> None:
        kinds = dict.fromkeys(region.kind for region in self._page.regions if region.kind != "text")
        wanted = [(KIND, kind) for kind in kinds]
        if any(line.flagged for line in self._page.lines):
            wanted.append(("line", FLAG))
        if not wanted:
            return
        tags = add(root, "Tags")
        for place, label in wanted:
            identifier = self._ids.take(f"tag_{label}")
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
                "TAGREFS": self._tags["line", FLAG] if line.flagged else None,
                "BASELINE": self._points(line.baseline) if line.baseline else None,
            },
        )
        self._place(element, line.polygon, always_shape=True)
        if not words_spell(line):
            add(element, "String", {"CONTENT": line.text})
            return
        for number, word in enumerate(line.words, start=1):
            if number > 1:
                add(element, "SP")
            self._word(element, word, f"{identifier}_w{number}")

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


def _text(grid: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in grid)


def _rounded(confidence: float | None) -> Value:
    return None if confidence is None else round(confidence, 4)
