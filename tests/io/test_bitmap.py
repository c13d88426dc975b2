"""Image files come out as a viewer shows them."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from inkread.errors import InputTooLargeError
from inkread.io.images import DEFAULT_LIMITS, EXIF_ORIENTATION, Limits, read_bitmap, read_image

RNG = np.random.default_rng(5)
COLOUR = RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (12, 20), dtype=np.uint8)
BILEVEL = (GREY > 127).astype(np.uint8) * 255


def encode(image: Image.Image, kind: str, **options: Any) -> BytesIO:
    stream = BytesIO()
    image.save(stream, kind, **options)
    stream.seek(0)
    return stream


def read_one(stream: BytesIO, kind: str) -> NDArray[np.uint8]:
    [(pixels, _)] = read_bitmap(stream, kind, DEFAULT_LIMITS)
    return pixels


def tiff(samples: bytes, width: int, height: int, *, bits: int, photometric: int, subfile: int = 0) -> BytesIO:
    """A minimal uncompressed little-endian TIFF."""
    tags = {254: subfile, 256: width, 257: height, 258: bits, 259: 1, 262: photometric}
    tags |= {273: 8, 277: 1, 278: height, 279: len(samples)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = struct.pack("<2sHI", b"II", 42, 8 + len(samples))
    return BytesIO(header + samples + struct.pack("<H", len(tags)) + entries + bytes(4))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WebP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("TIFF", {"compression": "packbits"}),
    ],
)
def test_lossless_files_keep_every_pixel(kind: str, options: dict[str, Any]) -> None:
    assert np.array_equal(read_one(encode(Image.fromarray(COLOUR), kind, **options), kind), COLOUR)


def test_a_grey_file_stays_grey() -> None:
    assert np.array_equal(read_one(encode(Image.fromarray(GREY), "PNG"), "PNG"), GREY)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_is_close(mode: str) -> None:
    smooth = Image.linear_gradient("L").resize((64, 64)).convert(mode)
    pixels = read_one(encode(smooth, "JPEG", quality=95), "JPEG")
    assert np.abs(pixels.astype(int) - np.asarray(smooth.convert("L" if mode == "L" else "RGB"))).max() < 8


@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_lzw"])
def test_fax_tiff_has_black_ink_on_white_paper(compression: str) -> None:
    image = Image.fromarray(BILEVEL).convert("1", dither=Image.Dither.NONE)
    assert np.array_equal(read_one(encode(image, "TIFF", compression=compression), "TIFF"), BILEVEL)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 8, 16])
def test_tiff_that_counts_from_white_is_not_read_as_a_negative(bits: int, photometric: int) -> None:
    grey = BILEVEL[:, :16]
    stored = np.invert(grey) if photometric == 0 else grey
    samples = {1: np.packbits(stored, axis=1), 8: stored, 16: stored.astype("<u2") * 257}[bits]
    stream = tiff(samples.tobytes(), 16, 12, bits=bits, photometric=photometric)
    assert np.array_equal(read_one(stream, "TIFF"), grey)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_files_keep_their_contrast(kind: str) -> None:
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert np.array_equal(read_one(encode(deep, kind), kind), GREY)


def test_float_and_cmyk_tiff() -> None:
    assert np.array_equal(read_one(encode(Image.fromarray(GREY.astype(np.float32) / 255), "TIFF"), "TIFF"), GREY)
    cmyk = Image.fromarray(COLOUR).convert("CMYK")
    assert np.array_equal(read_one(encode(cmyk, "TIFF"), "TIFF"), np.asarray(cmyk.convert("RGB")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "TIFF"])
def test_a_photo_is_upright_as_a_viewer_shows_it(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    stream = encode(Image.fromarray(COLOUR), kind, exif=exif.tobytes() if kind != "TIFF" else exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(stream.getvalue()))).convert("RGB"))
    assert np.array_equal(read_one(stream, kind), expected)
    assert expected.shape[:2] == ((20, 12) if orientation > 4 else (12, 20))


def test_broken_exif_data_does_not_cost_the_page() -> None:
    stream = encode(Image.fromarray(COLOUR), "PNG", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    assert np.array_equal(read_one(stream, "PNG"), COLOUR)


def test_a_multi_page_tiff_gives_its_pages_in_order() -> None:
    pages = [np.full((4 + number, 5), 40 * number, np.uint8) for number in range(4)]
    images = [Image.fromarray(page) for page in pages]
    stream = encode(images[0], "TIFF", save_all=True, append_images=images[1:])
    got = [pixels for pixels, _ in read_bitmap(stream, "TIFF", DEFAULT_LIMITS)]
    assert [pixels.tolist() for pixels in got] == [page.tolist() for page in pages]


def test_the_thumbnail_in_a_tiff_is_not_a_page() -> None:
    stream = tiff(GREY.tobytes(), 20, 12, bits=8, photometric=1, subfile=1)
    assert list(read_bitmap(stream, "TIFF", DEFAULT_LIMITS)) == []


def test_page_count_is_checked_before_the_first_page() -> None:
    image = Image.fromarray(GREY)
    stream = encode(image, "TIFF", save_all=True, append_images=[image] * 3)
    assert len(list(read_bitmap(stream, "TIFF", Limits(max_pages=4)))) == 4
    stream.seek(0)
    with pytest.raises(InputTooLargeError, match="3 pages"):
        next(read_bitmap(stream, "TIFF", Limits(max_pages=3)))


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.fromarray(COLOUR), Image.fromarray(np.invert(COLOUR))]
    stream = encode(frames[0], "WebP", save_all=True, append_images=frames[1:], lossless=True)
    assert np.array_equal(read_one(stream, "WebP"), COLOUR)


def test_a_huge_tiff_header_is_refused_before_memory_is_taken() -> None:
    stream = tiff(bytes(10), 50_000, 50_000, bits=8, photometric=1)
    with pytest.raises(InputTooLargeError, match="50000 x 50000"):
        next(read_bitmap(stream, "TIFF", DEFAULT_LIMITS))


@pytest.mark.parametrize(("kind", "dpi"), [("PNG", 300), ("JPEG", 400), ("TIFF", 600), ("PNG", 1), ("PNG", None)])
def test_resolution_is_told_where_it_is_plausible(kind: str, dpi: int | None) -> None:
    stream = encode(Image.fromarray(COLOUR), kind, **({"dpi": (dpi, dpi)} if dpi else {}))
    [(_, told)] = read_bitmap(stream, kind, DEFAULT_LIMITS)
    assert told == (pytest.approx(dpi, abs=0.1) if dpi and dpi > 1 else None)


def test_reading_an_open_image_leaves_it_alone() -> None:
    image = Image.fromarray(COLOUR).convert("RGBA")
    image.getexif()[EXIF_ORIENTATION] = 6
    pixels, _ = read_image(image, DEFAULT_LIMITS)
    assert pixels.shape == (20, 12, 3)
    assert image.size == (20, 12)
    assert image.mode == "RGBA"
