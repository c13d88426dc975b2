"""Invisible text of a searchable PDF: where words stand, and the font without glyphs that holds them.

Usage: ``place_words(page)``; ``InvisibleFont()``
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import cos, radians
from statistics import median

import numpy as np
import pikepdf
from pikepdf import Array, Dictionary, Name

from inkread.document import Line, Point
from inkread.formats.alto import words_spell
from inkread.formats.geometry import box_of, direction_of, frame_of

_LEAST_HEIGHT = 4.0
_NEARLY_LEVEL = cos(radians(10))
_LARGEST_MOVE = 0.2

Extent = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word, the points under its two ends, and the height of its line, in page pixels."""

    text: str
    start: Point
    end: Point
    height: float


def place_words(line: Line) -> list[PlacedWord]:
    """``place_words(line)``: the words of a line, in order, each over its ink.

    Words without a polygon share the baseline by their number of characters.
    """
    if len(line.baseline) < 2 or not line.text.strip():
        return []
    direction, is_level = _writing_direction(line)
    height = _height(line, direction)
    along, across = zip(*sorted(frame_of(line.baseline, direction)), strict=True)
    if words_spell(line) and all(word.polygon for word in line.words):
        texts = [word.text for word in line.words]
        boxes = [box_of(frame_of(word.polygon, direction)) for word in line.words]
        extents = [(left, right) for left, _, right, _ in boxes]
    else:
        texts = line.text.split()
        extents = _shares(texts, along[0], along[-1])
    depths = [tuple(np.interp(extent, along, across).tolist()) for extent in extents]
    if is_level:
        depths = _levelled(depths, _LARGEST_MOVE * height)
    return [
        PlacedWord(text, _on_page(start, depth, direction), _on_page(end, end_depth, direction), height)
        for text, (start, end), (depth, end_depth) in zip(texts, extents, depths, strict=True)
    ]


def _writing_direction(line: Line) -> tuple[Point, bool]:
    """The direction of the baseline, and whether it is an axis of the page, which a nearly level line takes."""
    x, y = direction_of(line.baseline)
    if max(abs(x), abs(y)) < _NEARLY_LEVEL:
        return (x, y), False
    return (float(round(x)), float(round(y))), True


def _levelled(depths: Sequence[Extent], largest_move: float) -> list[Extent]:
    """One depth for both ends of a word, moved towards the middle of all words."""
    centres = [(start + end) / 2 for start, end in depths]
    middle = (min(centres) + max(centres)) / 2
    reach = max(centres) - middle
    moved = min(largest_move / reach, 1.0) if reach else 0.0
    return [(depth, depth) for depth in (centre + moved * (middle - centre) for centre in centres)]


def _on_page(along: float, across: float, direction: Point) -> Point:
    ux, uy = direction
    return (along * ux - across * uy, along * uy + across * ux)


def _shares(words: Sequence[str], start: float, end: float) -> list[Extent]:
    """A stretch divided among words and the spaces between them."""
    unit = (end - start) / (sum(map(len, words)) + len(words) - 1)
    extents = []
    for word in words:
        extents.append((start, start + unit * len(word)))
        start += unit * (len(word) + 1)
    return extents


def _height(line: Line, direction: Point) -> float:
    """How high the letters usually stand: area by length, of the words or else of the line."""
    outlines = [word.polygon for word in line.words if word.polygon] or [line.polygon or line.baseline]
    return max(median(_thickness(frame_of(outline, direction)) for outline in outlines), _LEAST_HEIGHT)


def _thickness(outline: Sequence[Point]) -> float:
    left, _, right, _ = box_of(outline)
    corners = zip(outline, (*outline[1:], outline[0]), strict=True)
    area = abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in corners)) / 2
    return area / max(right - left, 1.0)


ADVANCE = 0.5
"""Width of every character, in units of the font size."""

ASCENT, DESCENT = 0.75, -0.25
"""Extent of every character above and below the baseline, in units of the font size."""

_EM = 1000
_GLYPH = 1
_BLOCK = 100
_FIXED = 4
_CMAP = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
{}
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


@dataclass(slots=True)
class InvisibleFont:
    """The characters written so far; the PDF objects are made once they are all known."""

    _codes: dict[str, int] = field(default_factory=dict)

    def encode(self, text: str) -> bytes:
        """``encode("ab") == b"\\x00\\x01\\x00\\x02"``: two bytes a character."""
        return b"".join(struct.pack(">H", self._codes.setdefault(char, len(self._codes) + 1)) for char in text)

    def fill(self, pdf: pikepdf.Pdf, font: Dictionary) -> None:
        """``fill(pdf, font)``: make the dictionary the font that the encoded texts need."""
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name.Invisible,
            Flags=_FIXED,
            FontBBox=[0, round(DESCENT * _EM), round(ADVANCE * _EM), round(ASCENT * _EM)],
            ItalicAngle=0,
            Ascent=round(ASCENT * _EM),
            Descent=round(DESCENT * _EM),
            CapHeight=round(ASCENT * _EM),
            StemV=80,
            FontFile2=pdf.make_indirect(pdf.make_stream(_flat_truetype())),
        )
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name.Invisible,
            CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=round(ADVANCE * _EM),
            CIDToGIDMap=pdf.make_indirect(pdf.make_stream(struct.pack(">H", _GLYPH) * (len(self._codes) + 1))),
        )
        font.Type = Name.Font
        font.Subtype = Name.Type0
        font.BaseFont = Name.Invisible
        font.Encoding = Name("/Identity-H")
        font.DescendantFonts = Array([pdf.make_indirect(descendant)])
        font.ToUnicode = pdf.make_indirect(pdf.make_stream(self._to_unicode()))

    def _to_unicode(self) -> bytes:
        rows = [f"<{code:04X}> <{_utf16(char)}>" for char, code in self._codes.items()]
        blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
        maps = ("\n".join((f"{len(block)} beginbfchar", *block, "endbfchar")) for block in blocks)
        return _CMAP.format("\n".join(maps)).encode("ascii")


def _utf16(char: str) -> str:
    return char.encode("utf-16-be", "replace").hex().upper()


def _flat_truetype() -> bytes:
    """A TrueType file (ISO 14496-22) with the tables a PDF needs, an empty glyph, and a flat one."""
    ascent, descent, advance = round(ASCENT * _EM), round(DESCENT * _EM), round(ADVANCE * _EM)
    version, magic = 0x00010000, 0x5F0F3CF5
    on_curve = 1
    # One contour from corner to corner and back; then header, end point, no instructions, flags, x and y differences.
    box = (0, descent, advance, ascent)
    glyph = struct.pack(">5hHHBB4h", 1, *box, 1, 0, on_curve, on_curve, 0, advance, descent, ascent - descent)
    tables = {
        b"glyf": glyph,
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh", version, version, 0, magic, 0, _EM, 0, 0, 0, descent, advance, ascent, 0, 8, 2, 0, 0
        ),
        b"hhea": struct.pack(">I3hH11hH", version, ascent, descent, 0, advance, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2),
        b"hmtx": struct.pack(">HhHh", advance, 0, advance, 0),
        b"loca": struct.pack(">3H", 0, 0, len(glyph) // 2),
        b"maxp": struct.pack(">I14H", version, 2, 2, 1, *([0] * 11)),
    }
    offset = 12 + 16 * len(tables)
    directory = struct.pack(">IHHHH", version, len(tables), 64, 2, 16 * len(tables) - 64)
    body = b""
    for tag, table in tables.items():
        padded = table + bytes(-len(table) % 4)
        directory += struct.pack(">4sIII", tag, _checksum(padded), offset + len(body), len(table))
        body += padded
    file = directory + body
    adjustment = (0xB1B0AFBA - _checksum(file)) % 2**32
    head = file.index(tables[b"head"])
    return file[: head + 8] + struct.pack(">I", adjustment) + file[head + 12 :]


def _checksum(data: bytes) -> int:
    return sum(int.from_bytes(data[start : start + 4]) for start in range(0, len(data), 4)) % 2**32
