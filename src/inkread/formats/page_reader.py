"""Read PAGE 2010 to 2019, whatever its namespace says.

Usage: ``document = page_reader.document(root)``
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from inkread.document import (
    Alternative,
    Character,
    Document,
    Line,
    Page,
    Polygon,
    Provenance,
    Region,
    Setting,
    Step,
    Word,
)
from inkread.formats.characters import normalise
from inkread.formats.layout import as_layout, in_order, quarter_turns
from inkread.formats.page import MODEL_ITEM
from inkread.formats.xml import Element, Ids, local_name, number, points, probability, text_of

_CM_AN_INCH = 2.54


def document(root: Element) -> Document:
    """``document(root)``: the page of the file.

    Raises:
        ValueError: where the file does not say what a page needs.
    """
    return Document(tuple(_page(sheet) for sheet in root.iterfind("{*}Page")), _provenance(root))


def _page(sheet: Element) -> Page:
    ids = Ids()
    regions = list(sheet.iter("{*}TextRegion"))
    order = list(_order(sheet.find("{*}ReadingOrder")))
    regions = in_order(regions, "id", order) if order else _in_custom_order(regions)
    return as_layout(
        Page(
            width=round(number(sheet, "imageWidth") or 0),
            height=round(number(sheet, "imageHeight") or 0),
            regions=tuple(_region(region, ids) for region in regions),
            source=sheet.get("imageFilename", ""),
            index=int(_custom(sheet, "page", "index") or 0),
            orientation=quarter_turns(number(sheet, "orientation")),
            dpi=_dpi(sheet),
        )
    )


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


def _region(element: Element, ids: Ids) -> Region:
    return Region(
        id=ids.take(element.get("id") or "region"),
        polygon=_outline(element.find("{*}Coords")),
        lines=tuple(_line(line, ids) for line in _in_custom_order(list(element.iterfind("{*}TextLine")))),
        kind=_custom(element, "structure", "type") or element.get("type") or "text",
    )


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
    )


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
