"""hOCR 1.2 as XHTML, all pages in one file (http://kba.github.io/hocr-spec/1.2/).

Usage: ``data = hocr.dump(document)``

Lines within 45 degrees of level have a ``baseline``; steeper ones a ``textangle``, as Tesseract writes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import atan2, ceil, degrees, floor
from pathlib import PurePath

import numpy as np
from lxml import etree

from inkread.document import Document, Line, Page, Polygon, Polyline, Region, Word, within_page
from inkread.formats.alto import words_spell
from inkread.formats.geometry import Box, box_of, complete, direction_of
from inkread.formats.xml import Element, add, xml_safe

Numbers = Counter[str]

_NAMESPACE = "http://www.w3.org/1999/xhtml"
_DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)
_CAPABILITIES = "ocr_page ocr_carea ocr_table ocr_line ocrx_word ocrp_poly"
_STEEP = 45


def dump(document: Document) -> bytes:
    """``dump(document)``: one hOCR file with all pages."""
    root = etree.Element(etree.QName(_NAMESPACE, "html"), nsmap={None: _NAMESPACE})
    _head(root, document)
    body = add(root, "body")
    numbers = Numbers()
    for page in document.pages:
        _page(body, within_page(complete(page)), numbers)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", doctype=_DOCTYPE) + b"\n"


def _head(root: Element, document: Document) -> None:
    head = add(root, "head")
    add(head, "title", text=PurePath(document.pages[0].source).name if document.pages else "")
    system = document.provenance.software if document.provenance else "inkread"
    add(head, "meta", {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"})
    for name, content in (
        ("ocr-system", system),
        ("ocr-capabilities", _CAPABILITIES),
        ("ocr-number-of-pages", str(len(document.pages))),
    ):
        add(head, "meta", {"name": name, "content": content})


def _page(body: Element, page: Page, numbers: Numbers) -> None:
    name = PurePath(page.source).name.replace('"', "'")
    properties = [f'image "{name}"', f"bbox 0 0 {page.width} {page.height}", f"ppageno {page.index}"]
    if page.dpi:
        properties.append(f"scan_res {round(page.dpi)} {round(page.dpi)}")
    element = _part(body, "div", "ocr_page", numbers, properties)
    for region in page.regions:
        _region(element, region, numbers)


def _region(page: Element, region: Region, numbers: Numbers) -> None:
    role = "ocr_table" if region.kind == "table" else "ocr_carea"
    element = _part(page, "div", role, numbers, [_bbox(region.polygon)])
    for line in region.lines:
        _line(element, line, numbers)


def _line(region: Element, line: Line, numbers: Numbers) -> None:
    box = box_of(line.polygon or line.baseline or ((0, 0),))
    properties = [_bbox(line.polygon or line.baseline), *_slope(line.baseline, box)]
    if line.polygon:
        properties.append("poly " + " ".join(f"{round(x)} {round(y)}" for x, y in line.polygon))
    if line.confidence is not None:
        properties.append(f"x_wconf {_percent(line.confidence)}")
    if flags := [*(["flagged"] if line.flagged else []), *line.flags]:
        properties.append(f"x_flags {' '.join(flags)}")
    if line.cell:
        span = f" {line.cell.columns}" if line.cell.columns > 1 else ""
        properties.append(f"x_cell {line.cell.row} {line.cell.column}{span}")
    element = _part(region, "span", "ocr_line", numbers, properties)
    if not words_spell(line):
        element.text = xml_safe(line.text)
        return
    for word in line.words:
        _word(element, word, numbers).tail = " "
    element[-1].tail = None


def _word(line: Element, word: Word, numbers: Numbers) -> Element:
    properties = [_bbox(word.polygon)] if word.polygon else []
    if word.confidence is not None:
        properties.append(f"x_wconf {_percent(word.confidence)}")
    confidences = [character.confidence for character in word.characters]
    known = [confidence for confidence in confidences if confidence is not None]
    if known and len(known) == len(word.text):
        properties.append("x_confs " + " ".join(map(_percent, known)))
    element = _part(line, "span", "ocrx_word", numbers, properties)
    element.text = xml_safe(word.text)
    return element


def _part(parent: Element, tag: str, role: str, numbers: Numbers, properties: Iterable[str]) -> Element:
    numbers[role] += 1
    identifier = f"{role.partition('_')[2]}_{numbers[role]}"
    element = add(parent, tag, {"class": role, "id": identifier, "title": "; ".join(properties) or None})
    element.tail = "\n"
    return element


def _bbox(polygon: Polygon) -> str:
    left, top, right, bottom = box_of(polygon or ((0, 0),))
    return f"bbox {max(floor(left), 0)} {max(floor(top), 0)} {max(ceil(right), 0)} {max(ceil(bottom), 0)}"


def _slope(baseline: Polyline, box: Box) -> list[str]:
    """``baseline``: slope and offset from the lower left corner of the box; or ``textangle``, counter-clockwise."""
    if len(baseline) < 2 or baseline[0] == baseline[-1]:
        return []
    dx, dy = direction_of(baseline)
    angle = -degrees(atan2(dy, dx))
    if abs(angle) > _STEEP:
        return [f"textangle {angle % 360:.1f}"]
    left, _, _, bottom = box
    xs, ys = np.asarray(baseline, np.float64).T
    slope, height = np.polyfit(xs - floor(left), ys - ceil(bottom), 1)
    return [f"baseline {slope:.4f} {height:.1f}"]


def _percent(confidence: float) -> str:
    return f"{100 * confidence:.1f}"
