"""A font without ink, for text that is found and copied but not seen.

Usage: ``font = InvisibleFont(); data = font.encode("été"); font.fill(pdf, dictionary)``

A Type 0 font with a TrueType descendant (ISO 32000-1, 9.7). Its glyph is a stroke without area, because viewers mark
found text by the boxes of glyphs. Codes are given out as characters come, and the ToUnicode map says which characters
they are, so that all of Unicode can be written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pikepdf
from pikepdf import Array, Dictionary, Name

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
