"""PAGE 2019-07-15, one page a file (https://github.com/PRImA-Research-Lab/PAGE-XML).

Usage: ``data = page.dump(page, document.provenance)``

Carried: everything of a page and its provenance, except the folder of its source, and words or characters where not
all of them have a polygon. Coordinates are whole pixels, confidences have four decimals.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath

from lxml import etree

from inkread.document import Character, Line, Page, Polygon, Provenance, Region, Word
from inkread.formats.geometry import box_polygon, complete, on_grid
from inkread.formats.xml import SCHEMA_INSTANCE, Element, Ids, Value, add, serialise

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
MODEL_ITEM = "inkread-model"
# TextTypeSimpleType of the schema; other kinds go into the custom attribute, as Transkribus and eScriptorium do it.
REGION_TYPES = frozenset(
    {
        "paragraph",
        "heading",
        "caption",
        "header",
        "footer",
        "page-number",
        "drop-capital",
        "credit",
        "floating",
        "signature-mark",
        "catch-word",
        "marginalia",
        "footnote",
        "footnote-continued",
        "endnote",
        "TOC-entry",
        "list-label",
        "other",
    }
)


def dump(page: Page, provenance: Provenance | None = None, created: datetime | None = None) -> bytes:
    """``dump(page)``: one PAGE file; ``created`` is now unless given."""
    return serialise(_Writer(complete(page)).root(provenance, created or datetime.now(UTC)))


class _Writer:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._ids = Ids()
        self._region_ids = [self._ids.take(region.id) for region in page.regions]
        self._line_ids = [[self._ids.take(line.id) for line in region.lines] for region in page.regions]

    def root(self, provenance: Provenance | None, created: datetime) -> Element:
        root = etree.Element(etree.QName(NAMESPACE, "PcGts"), nsmap={None: NAMESPACE, "xsi": SCHEMA_INSTANCE})
        root.set(etree.QName(SCHEMA_INSTANCE, "schemaLocation"), f"{NAMESPACE} {NAMESPACE}/pagecontent.xsd")
        _metadata(root, provenance, created)
        page = self._page
        sheet = add(
            root,
            "Page",
            {
                "imageFilename": PurePath(page.source).name,
                "imageWidth": page.width,
                "imageHeight": page.height,
                "imageXResolution": page.dpi,
                "imageYResolution": page.dpi,
                "imageResolutionUnit": "PPI" if page.dpi else None,
                "custom": f"page {{index:{page.index};}}" if page.index else None,
                "orientation": (page.orientation if page.orientation <= 180 else page.orientation - 360) or None,
            },
        )
        if page.regions:
            order = add(add(sheet, "ReadingOrder"), "OrderedGroup", {"id": self._ids.take("reading_order")})
            for index, identifier in enumerate(self._region_ids):
                add(order, "RegionRefIndexed", {"index": index, "regionRef": identifier})
        for region, identifier, line_ids in zip(page.regions, self._region_ids, self._line_ids, strict=True):
            self._region(sheet, region, identifier, line_ids)
        return root

    def _region(self, sheet: Element, region: Region, identifier: str, line_ids: Sequence[str]) -> None:
        known = region.kind in REGION_TYPES
        element = add(
            sheet,
            "TextRegion",
            {
                "id": identifier,
                "type": region.kind if known else None,
                "custom": None if known or region.kind == "text" else f"structure {{type:{region.kind};}}",
            },
        )
        self._coords(element, region.polygon)
        for line, line_id in zip(region.lines, line_ids, strict=True):
            self._line(element, line, line_id)
        _equivalent(element, region.text)

    def _line(self, region: Element, line: Line, identifier: str) -> None:
        element = add(
            region, "TextLine", {"id": identifier, "custom": "flagged {value:true;}" if line.flagged else None}
        )
        self._coords(element, line.polygon)
        if len(line.baseline) >= 2:
            add(element, "Baseline", {"points": self._points(line.baseline)})
        if _placed(line.words):
            for number, word in enumerate(line.words, start=1):
                self._word(element, word, f"{identifier}_w{number}")
        _equivalent(element, line.text, line.confidence, 0 if line.alternatives else None)
        for index, other in enumerate(line.alternatives, start=1):
            _equivalent(element, other.text, other.confidence, index)

    def _word(self, line: Element, word: Word, identifier: str) -> None:
        element = add(line, "Word", {"id": self._ids.take(identifier)})
        self._coords(element, word.polygon)
        if _placed(word.characters):
            for number, character in enumerate(word.characters, start=1):
                glyph = add(element, "Glyph", {"id": self._ids.take(f"{identifier}_c{number}")})
                self._coords(glyph, character.polygon)
                _equivalent(glyph, character.text, character.confidence)
        _equivalent(element, word.text, word.confidence)

    def _coords(self, element: Element, polygon: Polygon) -> None:
        whole_page = box_polygon((0, 0, self._page.width, self._page.height))
        add(element, "Coords", {"points": self._points(polygon if len(polygon) >= 2 else whole_page)})

    def _points(self, polygon: Polygon) -> str:
        return " ".join(f"{x},{y}" for x, y in on_grid(polygon, self._page.width, self._page.height))


def _placed(parts: Sequence[Word] | Sequence[Character]) -> bool:
    """Whether all parts have the outline that PAGE asks for."""
    return all(len(part.polygon) >= 2 for part in parts)


def _equivalent(element: Element, text: str, confidence: float | None = None, index: int | None = None) -> None:
    conf: Value = None if confidence is None else round(confidence, 4)
    add(add(element, "TextEquiv", {"index": index, "conf": conf}), "Unicode", text=text)


def _metadata(root: Element, provenance: Provenance | None, created: datetime) -> None:
    metadata = add(root, "Metadata")
    time = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    add(metadata, "Creator", text=provenance.software if provenance else "inkread")
    add(metadata, "Created", text=time)
    add(metadata, "LastChange", text=time)
    if provenance is None:
        return
    model = add(metadata, "MetadataItem", {"type": "other", "name": MODEL_ITEM, "value": provenance.model_name})
    add(add(model, "Labels"), "Label", {"type": "version", "value": provenance.model_version})
    for step in provenance.steps:
        item = add(
            metadata, "MetadataItem", {"type": "processingStep", "name": step.name, "value": provenance.software}
        )
        if step.settings:
            labels = add(item, "Labels")
            for key, setting in step.settings.items():
                add(labels, "Label", {"type": key, "value": json.dumps(setting)})
