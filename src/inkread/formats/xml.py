"""What the XML formats share: building, parsing, identifiers, numbers, characters that XML can hold.

Usage: ``serialise(root)``; ``number(element, "WIDTH")``; ``xml_safe(text)``
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite

from lxml import etree

from inkread.document import Point

# The complement of the Char production, https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def normalise(text: str) -> str:
    """``normalise(" a\\n b") == "a b"``: NFC, runs of white space folded to one space, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def xml_safe(text: str) -> str:
    """``xml_safe("a\\0b") == "a\\ufffdb"``: what XML 1.0 forbids becomes U+FFFD, one for one."""
    return _NOT_XML.sub("\ufffd", text)


def encode(text: str) -> bytes:
    """``encode("é") == b"\\xc3\\xa9"``: UTF-8; half surrogate pairs become question marks."""
    return text.encode("utf-8", "replace")


def time_of_writing() -> datetime:
    """Now, in UTC; or the second that ``SOURCE_DATE_EPOCH`` names, so that files can be made again byte by byte."""
    chosen = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(chosen), UTC) if chosen.isdecimal() else datetime.now(UTC)


Element = etree._Element
Value = str | int | float | None

SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_NUMBER = re.compile(r"[^\s,]+")
_NOT_NAME = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(slots=True)
class Ids:
    """Identifiers as XML wants them: ``Ids().take("1st line") == "_1st_line"``, each given once."""

    _taken: set[str] = field(default_factory=set)

    def take(self, wanted: str) -> str:
        """The wanted identifier where it is a free ASCII name, otherwise one that resembles it."""
        name = _NOT_NAME.sub("_", wanted)
        if not name or not (name[0].isalpha() or name[0] == "_"):
            name = f"_{name}"
        candidate, count = name, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{name}_{count}"
        self._taken.add(candidate)
        return candidate


def add(parent: Element, name: str, attributes: Mapping[str, Value] | None = None, text: str | None = None) -> Element:
    """``add(line, "Word", {"id": "w1"})``: a child in the parent's namespace; None values are left out."""
    child = etree.SubElement(parent, etree.QName(etree.QName(parent).namespace, name))
    for key, value in (attributes or {}).items():
        if value is not None:
            child.set(key, xml_safe(value) if isinstance(value, str) else str(value))
    if text is not None:
        child.text = xml_safe(text)
    return child


def serialise(root: Element) -> bytes:
    """``serialise(root)``: UTF-8 with a declaration, indented."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def parse(data: bytes) -> Element:
    """``parse(b"<alto/>")``: the root element; nothing outside ``data`` is read.

    Raises:
        ValueError: where the data is no well-formed XML, or declares a document type.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no well-formed XML ({error.msg})") from error
    if root.getroottree().docinfo.doctype:
        raise ValueError("it declares a document type, which such files do not need")
    return root


def local_name(element: Element) -> str:
    """``local_name(root) == "alto"``: the tag without its namespace."""
    return etree.QName(element).localname


def text_of(element: Element | None) -> str:
    """``text_of(unicode)``: the element's text, "" where there is no element."""
    return "" if element is None else "".join(element.itertext())


def number(element: Element, name: str) -> float | None:
    """``number(page, "WIDTH") == 1200.0``: a finite attribute, None where absent or empty.

    Raises:
        ValueError: where the attribute is no number.
    """
    value = element.get(name, "").strip()
    return _finite(value) if value else None


def probability(element: Element | None, name: str) -> float | None:
    """``probability(string, "WC") == 0.93``: an attribute in [0, 1], None where absent or outside."""
    value = None if element is None else number(element, name)
    return value if value is not None and 0 <= value <= 1 else None


def numbers(text: str | None) -> list[float]:
    """``numbers("1,2 3,4") == [1, 2, 3, 4]``: finite numbers between spaces and commas."""
    return [_finite(value) for value in _NUMBER.findall(text or "")]


def points(text: str | None) -> tuple[Point, ...]:
    """``points("1,2 3,4") == points("1 2 3 4") == ((1, 2), (3, 4))``.

    Raises:
        ValueError: where a coordinate is missing or no number.
    """
    values = numbers(text)
    if len(values) % 2:
        raise ValueError(f"the last of the points {text!r} lacks a coordinate")
    return tuple(zip(values[::2], values[1::2], strict=True))


def _finite(value: str) -> float:
    try:
        result = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None
    if not isfinite(result):
        raise ValueError(f"{value!r} is no finite number")
    return result
