import struct

import pikepdf
from pikepdf import Dictionary

from inkread.formats.pdf_text import InvisibleFont


def test_codes_are_given_as_characters_come() -> None:
    font = InvisibleFont()
    assert font.encode("aé") == b"\0\1\0\2"
    assert font.encode("é𐍈a") == b"\0\2\0\3\0\1"


def test_the_map_covers_all_of_unicode() -> None:
    """Copied text would otherwise be wrong; a block of the map holds at most 100 characters."""
    font = InvisibleFont()
    font.encode("".join(map(chr, range(0x100, 0x1FF))) + "𐍈\ud800")
    with pikepdf.new() as pdf:
        dictionary = Dictionary()
        font.fill(pdf, dictionary)
        lines = dictionary.ToUnicode.read_bytes().decode("ascii").splitlines()
    assert [line.split()[0] for line in lines if line.endswith("beginbfchar")] == ["100", "100", "57"]
    assert "<0001> <0100>" in lines
    assert "<0100> <D800DF48>" in lines
    assert "<0101> <003F>" in lines


def test_the_font_file_is_sound() -> None:
    """Some viewers refuse a page whose font has wrong checksums or misses a table."""
    with pikepdf.new() as pdf:
        dictionary = Dictionary()
        InvisibleFont().fill(pdf, dictionary)
        data = dictionary.DescendantFonts[0].FontDescriptor.FontFile2.read_bytes()
    count = struct.unpack(">H", data[4:6])[0]
    tables = {}
    for index in range(count):
        tag, checksum, offset, length = struct.unpack(">4sIII", data[12 + 16 * index : 28 + 16 * index])
        table = bytearray(data[offset : offset + length])
        if tag == b"head":
            table[8:12] = bytes(4)
        table += bytes(-length % 4)
        assert sum(struct.unpack(f">{len(table) // 4}I", table)) % 2**32 == checksum
        tables[tag] = length
    assert tables == {b"glyf": 24, b"head": 54, b"hhea": 36, b"hmtx": 8, b"loca": 6, b"maxp": 32}
    assert sum(struct.unpack(f">{len(data) // 4}I", data)) % 2**32 == 0xB1B0AFBA
