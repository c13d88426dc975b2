"""A hundred broken inputs cost a hundred lines on stderr, and no good page among them."""

import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zlib import crc32

import pikepdf
import pytest
from PIL import Image, ImageDraw

HUGE = 50_000
ENCODINGS = {
    "png": ("PNG", {}),
    "jpg": ("JPEG", {}),
    "webp": ("WebP", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff": ("TIFF", {}),
    "pdf": ("PDF", {}),
}
OTHERS = {
    "letter.png": b"GIF89a\x01\0\x01\0\0\0\0;",
    "letter.jpg": b"<!DOCTYPE html><title>404</title>",
    "letter.pdf": b"PK\x03\x04 a word processor's file",
    "letter.tif": b"Dear Sir, this is text",
    "letter.webp": b"RIFF\x24\0\0\0WAVEfmt ",
    "photo.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
}


def page(words: str = "a letter") -> Image.Image:
    image = Image.effect_noise((300, 120), 20).convert("RGB")
    ImageDraw.Draw(image).text((20, 40), words, fill="black", font_size=32)
    return image


def encode(suffix: str) -> bytes:
    kind, options = ENCODINGS[suffix]
    stream = BytesIO()
    page().save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", crc32(header)) + encode("png")[33:]


def jpeg(width: int, height: int) -> bytes:
    return encode("jpg").replace(struct.pack(">HH", 120, 300), struct.pack(">HH", height, width), 1)


def tiff(width: int, height: int) -> bytes:
    data = encode("tiff").replace(struct.pack("<HHII", 256, 4, 1, 300), struct.pack("<HHII", 256, 4, 1, width), 1)
    return data.replace(struct.pack("<HHII", 257, 4, 1, 120), struct.pack("<HHII", 257, 4, 1, height), 1)


def encrypted_pdf() -> bytes:
    stream = BytesIO()
    with pikepdf.open(BytesIO(encode("pdf"))) as pdf:
        pdf.save(stream, encryption=pikepdf.Encryption(owner="owner", user="user"))
    return stream.getvalue()


def broken_files() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(11)
    for number in range(54):
        suffix = list(ENCODINGS)[number % len(ENCODINGS)]
        data = encode(suffix)
        yield f"cut {number}.{suffix}", data[: chance.randint(len(data) // 20, len(data) * 19 // 20)]
    for number in range(24):
        yield f"noise {number}.{list(ENCODINGS)[number % len(ENCODINGS)]}", chance.randbytes(chance.randint(1, 5000))
    yield from ((f"empty.{suffix}", b"") for suffix in ENCODINGS)
    yield from OTHERS.items()
    yield from (("flat.png", png(0, 0)), ("flat.tif", tiff(0, 0)))
    yield from (("huge.png", png(HUGE, HUGE)), ("huge.jpg", jpeg(HUGE, HUGE)), ("huge.tif", tiff(HUGE, HUGE)))
    yield "locked.pdf", encrypted_pdf()
    scan = encode("pdf")
    start = scan.index(b"\xff\xd8\xff")
    yield "spoilt scan.pdf", scan[:start] + bytes(200) + scan[start + 200 :]
    yield "no pages.pdf", b"%PDF-1.4\n%%EOF\n"


@pytest.fixture
def scans(tmp_path: Path) -> tuple[list[str], list[str]]:
    """Arguments for the command, and the names of the good files among them."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, data in broken_files():
        (folder / name).write_bytes(data)
    good = {f"good {suffix}.{suffix}": encode(suffix) for suffix in ENCODINGS}
    good["good wrongly named.pdf"] = encode("png")
    for name, data in good.items():
        (folder / name).write_bytes(data)
    (tmp_path / "empty folder").mkdir()
    missing = [tmp_path / "missing.png"]
    return [str(path) for path in (*missing, folder, tmp_path / "empty folder")], list(good)


def test_each_broken_input_is_one_line_and_every_good_one_is_read(
    scans: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    arguments, good = scans
    out = tmp_path / "out"
    command = [sys.executable, "-m", "inkread", "read", *arguments, "-o", str(out), "-f", "txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert done.stdout == ""
    assert all(line.startswith(f"inkread: {tmp_path}") for line in lines), lines
    names = [line.removeprefix(f"inkread: {tmp_path}/").split(": ")[0].removeprefix("scans/") for line in lines]
    assert sorted(names) == sorted(["missing.png", "empty folder", *(name for name, _ in broken_files())])
    assert len(names) == 100
    written = {path.name.removesuffix(".txt") for path in out.iterdir()}
    assert written == set(good)
