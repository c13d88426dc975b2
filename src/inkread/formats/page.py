"""PAGE 2019-07-15: write and read.

Usage: ``dump(document)``; ``document(root)``
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, groupby
from pathlib import PurePath

from lxml import etree

from inkread.document import (
    Alternative,
    Cell,
    Character,
    Document,
    Insertion,
    Line,
    Page,
    Polygon,
    Provenance,
    Region,
    Setting,
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
    points,
    probability,
    serialise,
    text_of,
    time_of_writing,
)

NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
MODEL_ITEM = "inkread-model"
TABLE = "table"
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
    """``dump(page)``: one PAGE file; ``created`` is `time_of_writing` unless given."""
    return serialise(_Writer(complete(page)).root(provenance, created or time_of_writing()))


class _Writer:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._ids = Ids()
        self._region_ids = [self._ids.take(region.id) for region in page.regions]
        self._line_ids = [[self._ids.take(line.id) for line in region.lines] for region in page.regions]
        self._written = dict(zip((line.id for line in page.lines), chain(*self._line_ids), strict=True))

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
        if region.kind == TABLE and any(line.cell for line in region.lines):
            self._table(sheet, region, identifier, line_ids)
            return
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

    def _table(self, sheet: Element, table: Region, identifier: str, line_ids: Sequence[str]) -> None:
        """A text region for each cell, which says in its role where it stands."""
        cells = [line.cell for line in table.lines if line.cell]
        element = add(
            sheet,
            "TableRegion",
            {
                "id": identifier,
                "rows": 1 + max(cell.row for cell in cells),
                "columns": max(cell.column + cell.columns for cell in cells),
            },
        )
        self._coords(element, table.polygon)
        lines = zip(table.lines, line_ids, strict=True)
        for cell, group in groupby(lines, lambda item: item[0].cell):
            members = list(group)
            holder = add(element, "TextRegion", {"id": self._ids.take(f"{members[0][1]}_cell")})
            corners = [point for line, _ in members for point in line.polygon]
            self._coords(holder, box_polygon(box_of(corners)) if corners else ())
            if cell:
                span = cell.columns if cell.columns > 1 else None
                role = {"rowIndex": cell.row, "columnIndex": cell.column, "colSpan": span}
                add(add(holder, "Roles"), "TableCellRole", role)
            for line, line_id in members:
                self._line(holder, line, line_id)
            _equivalent(holder, "\n".join(line.text for line, _ in members))

    def _line(self, region: Element, line: Line, identifier: str) -> None:
        element = add(region, "TextLine", {"id": identifier, "custom": self._custom(line) or None})
        self._coords(element, line.polygon)
        if len(line.baseline) >= 2:
            add(element, "Baseline", {"points": self._points(line.baseline)})
        if _placed(line.words):
            for number, word in enumerate(line.words, start=1):
                self._word(element, word, f"{identifier}_w{number}")
        _equivalent(element, line.text, line.confidence, 0 if line.alternatives else None)
        for index, other in enumerate(line.alternatives, start=1):
            _equivalent(element, other.text, other.confidence, index)

    def _custom(self, line: Line) -> str:
        """``flagged {value:true;} flags {names:unfamiliar,faint;} insertion {line:l7; at:12;}``, "" without any."""
        parts = ["flagged {value:true;}"] if line.flagged else []
        parts += [f"flags {{names:{','.join(line.flags)};}}"] if line.flags else []
        if line.insertion and line.insertion.line in self._written:
            parts.append(f"insertion {{line:{self._written[line.insertion.line]}; at:{line.insertion.at};}}")
        return " ".join(parts)

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


_CM_AN_INCH = 2.54


def document(root: Element, skip: OnSkip = refuse, image_size: ImageSize | None = None) -> Document:
    """``document(root)``: the page of the file.

    Args:
        root: of the file.
        skip: called for each line or outline that cannot be used and is left out.
        image_size: asked where the file gives no size.

    Raises:
        ValueError: where the file does not say what a page needs.
    """
    pages = tuple(_page(sheet, skip, image_size) for sheet in root.iterfind("{*}Page"))
    return Document(pages, _provenance(root))


def _page(sheet: Element, skip: OnSkip, image_size: ImageSize | None) -> Page:
    ids = Ids()
    order = list(_order(sheet.find("{*}ReadingOrder")))
    in_tables = {cell for table in sheet.iter("{*}TableRegion") for cell in _cell_regions(table, order)}
    regions = [
        region
        for region in sheet.iter("{*}TextRegion", "{*}TableRegion")
        if region not in in_tables and (local_name(region) == "TextRegion" or _holders(region, in_tables))
    ]
    regions = in_order(regions, "id", order) if order else _in_custom_order(regions)
    width, height = round(number(sheet, "imageWidth") or 0), round(number(sheet, "imageHeight") or 0)
    if not (width and height) and image_size:
        width, height = image_size()
    return as_layout(
        Page(
            width=width,
            height=height,
            regions=tuple(_region(region, _holders(region, in_tables), ids, skip) for region in regions),
            source=sheet.get("imageFilename", ""),
            index=_index(sheet),
            orientation=quarter_turns(number(sheet, "orientation")),
            dpi=_dpi(sheet),
        ),
        skip,
    )


def _index(sheet: Element) -> int:
    index = _custom(sheet, "page", "index")
    return int(index) if index.isdecimal() else 0


def _dpi(sheet: Element) -> float | None:
    resolution, unit = number(sheet, "imageXResolution"), sheet.get("imageResolutionUnit")
    if not resolution or resolution < 0 or unit not in ("PPI", "PPCM"):
        return None
    return resolution if unit == "PPI" else resolution * _CM_AN_INCH


def _order(group: Element | None) -> Iterator[str]:
    """The regions that a ReadingOrder or a group in it names, in order."""
    children = [] if group is None else list(group)
    for child in sorted(children, key=lambda item: number(item, "index") or 0):
        if reference := child.get("regionRef"):
            yield reference
        if "Group" in local_name(child):
            yield from _order(child)


def _in_custom_order(elements: list[Element]) -> list[Element]:
    """Sorted as Transkribus notes it in the custom attribute, unchanged where one has no such note."""
    ranks = [_custom(element, "readingOrder", "index") for element in elements]
    if not all(rank.isdecimal() for rank in ranks):
        return elements
    return [element for _, _, element in sorted(zip(map(int, ranks), range(len(ranks)), elements, strict=True))]


def _custom(element: Element, name: str, key: str) -> str:
    """``_custom(region, "structure", "type")``: a value from ``custom="structure {type:heading;}"``, or ""."""
    found = re.search(rf"\b{name}\s*{{[^}}]*?\b{key}\s*:\s*([^;}}]*)", element.get("custom", ""))
    return found[1].strip() if found else ""


def _cell_regions(table: Element, order: Sequence[str]) -> list[Element]:
    """The text regions of a table that are its cells; none where the reading order of the page names one of them."""
    regions = table.findall("{*}TextRegion")
    is_table = any(region.find("{*}Roles/{*}TableCellRole") is not None for region in regions)
    return regions if is_table and not any(region.get("id") in order for region in regions) else []


def _holders(region: Element, in_tables: Collection[Element]) -> list[tuple[Element, Cell | None]]:
    """What holds the lines of a region: itself, its cells as Transkribus writes tables row by row, its cell regions."""
    cells = [(cell, _cell(cell, "row", "col")) for cell in region.iterfind("{*}TableCell")]
    cells.sort(key=lambda item: (item[1].row, item[1].column) if item[1] else (0, 0))
    for cell in region.iterfind("{*}TextRegion"):
        if cell in in_tables:
            role = cell.find("{*}Roles/{*}TableCellRole")
            cells.append((cell, None if role is None else _cell(role, "rowIndex", "columnIndex")))
    return [item for item in [(region, None), *cells] if item[0].find("{*}TextLine") is not None]


def _cell(element: Element, row: str, column: str) -> Cell | None:
    row_number, column_number = number(element, row), number(element, column)
    if row_number is None or column_number is None:
        return None
    span = max(round(number(element, "colSpan") or 1), 1)
    return Cell(max(round(row_number), 0), max(round(column_number), 0), span)


def _region(element: Element, holders: list[tuple[Element, Cell | None]], ids: Ids, skip: OnSkip) -> Region:
    usual = TABLE if local_name(element) == "TableRegion" else "text"
    identifier = ids.take(element.get("id") or "region")
    lines = [
        (line, cell) for holder, cell in holders for line in _in_custom_order(list(holder.iterfind("{*}TextLine")))
    ]
    if not lines and normalise(_content(_readings(element)[0])) and not element.findall(".//{*}TextLine"):
        skip(f"its region {identifier} has text but no lines")
    return Region(
        id=identifier,
        polygon=_usable_outline(element.find("{*}Coords"), f"the outline of its region {identifier}", skip),
        lines=tuple(
            replace(read, cell=cell) for line, cell in lines if (read := _usable_line(line, ids, skip)) is not None
        ),
        kind=_custom(element, "structure", "type") or element.get("type") or usual,
    )


def _usable_line(element: Element, ids: Ids, skip: OnSkip) -> Line | None:
    try:
        return _line(element, ids)
    except ValueError as error:
        skip(f"its line {element.get('id', '')} cannot be used, {error}")
        return None


def _usable_outline(coordinates: Element | None, name: str, skip: OnSkip) -> Polygon:
    try:
        return _outline(coordinates)
    except ValueError as error:
        skip(f"{name} cannot be used, {error}")
        return ()


def _line(element: Element, ids: Ids) -> Line:
    words = tuple(_word(word) for word in element.iterfind("{*}Word"))
    first, *others = _readings(element)
    text = normalise(_content(first)) if first is not None else " ".join(word.text for word in words)
    return Line(
        id=ids.take(element.get("id") or "line"),
        baseline=_outline(element.find("{*}Baseline")),
        polygon=_outline(element.find("{*}Coords")),
        text=text,
        confidence=probability(first, "conf"),
        words=words if " ".join(word.text for word in words) == text else (),
        alternatives=tuple(
            Alternative(normalise(_content(other)), confidence)
            for other in others
            if (confidence := probability(other, "conf")) is not None
        ),
        flagged=_custom(element, "flagged", "value") == "true",
        flags=tuple(filter(None, _custom(element, "flags", "names").split(","))),
        insertion=_insertion(element),
    )


def _insertion(element: Element) -> Insertion | None:
    line, at = (_custom(element, "insertion", name) for name in ("line", "at"))
    return Insertion(line, int(at)) if line and at.isascii() and at.isdigit() else None


def _word(element: Element) -> Word:
    first = _readings(element)[0]
    return Word(
        normalise(_content(first)),
        _outline(element.find("{*}Coords")),
        probability(first, "conf"),
        tuple(_character(glyph) for glyph in element.iterfind("{*}Glyph")),
    )


def _character(element: Element) -> Character:
    first = _readings(element)[0]
    return Character(normalise(_content(first)), _outline(element.find("{*}Coords")), probability(first, "conf"))


def _readings(element: Element) -> list[Element | None]:
    """The TextEquivs of an element, the main one first; [None] where it has none."""
    readings = list(element.iterfind("{*}TextEquiv"))
    return [*sorted(readings, key=lambda reading: number(reading, "index") or 0)] or [None]


def _content(reading: Element | None) -> str:
    if reading is None:
        return ""
    unicode = reading.find("{*}Unicode")
    return text_of(unicode if unicode is not None else reading.find("{*}PlainText"))


def _outline(element: Element | None) -> Polygon:
    """The points of a Coords or Baseline, () where it has less than two."""
    if element is None:
        return ()
    # Before 2013 each point was an element.
    text = element.get("points") or " ".join(f"{item.get('x')},{item.get('y')}" for item in element.iter("{*}Point"))
    outline = points(text)
    return outline if len(outline) >= 2 else ()


def _provenance(root: Element) -> Provenance | None:
    """What Inkread wrote about itself; None in files from elsewhere."""
    items = list(root.iterfind("{*}Metadata/{*}MetadataItem"))
    model = next((item for item in items if item.get("name") == MODEL_ITEM), None)
    if model is None:
        return None
    version = model.find("{*}Labels/{*}Label")
    return Provenance(
        software=text_of(root.find("{*}Metadata/{*}Creator")),
        model_name=model.get("value", ""),
        model_version="" if version is None else version.get("value", ""),
        steps=tuple(
            Step(item.get("name", ""), _settings(item)) for item in items if item.get("type") == "processingStep"
        ),
    )


def _settings(item: Element) -> dict[str, Setting]:
    return {label.get("type", ""): json.loads(label.get("value", "null")) for label in item.iter("{*}Label")}
