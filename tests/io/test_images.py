"""Image files of every kind, their samples and their turns come out as a viewer shows them."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

from inkread.document import Character, Line, Page, Region, Word
from inkread.errors import DamagedInputError, InputTooLargeError, UnsupportedInputError
from inkread.io.images import (
    DEFAULT_LIMITS,
    EXIF_ORIENTATION,
    READERS,
    Limits,
    PageImage,
    array_pixels,
    image_pixels,
    read_bitmap,
    read_image,
    scale_to_uint8,
    turn,
    turn_back,
)
from inkread.io.inputs import load_pages


def test_grey_of_a_grey_page_is_not_copied() -> None:
    pixels = np.full((3, 4), 7, np.uint8)
    assert PageImage(pixels).grey is pixels


def test_grey_of_a_colour_page_weighs_green_most() -> None:
    pixels = np.zeros((1, 3, 3), np.uint8)
    pixels[0, [0, 1, 2], [0, 1, 2]] = 255
    red, green, blue = (int(value) for value in PageImage(pixels).grey[0])
    assert green > red > blue > 0


def test_size_is_columns_and_rows() -> None:
    page = PageImage(np.zeros((3, 4, 3), np.uint8))
    assert (page.width, page.height) == (4, 3)


SHADES = np.array([[0, 128, 255]], np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_scans_with_fewer_bits_than_their_samples_are_not_read_as_black(bits: int) -> None:
    white = 2**bits - 1
    samples = np.array([[0, white // 2, white]], np.uint16)
    assert np.abs(scale_to_uint8(samples).astype(int) - [[0, 127, 255]]).max() <= 1


def test_a_dark_page_of_the_full_range_stays_dark() -> None:
    assert scale_to_uint8(np.array([[20_000]], np.uint16)).item() == pytest.approx(20_000 / 257, abs=1)


def test_samples_that_are_no_numbers_do_not_spoil_the_page() -> None:
    samples = np.array([[np.nan, np.inf, -np.inf, -3.0, 1.0]], np.float32)
    assert scale_to_uint8(samples).tolist() == [[0, 0, 0, 0, 255]]


@pytest.mark.parametrize(
    "array",
    [SHADES, SHADES.astype(np.uint16) * 257, SHADES / 255, (SHADES / 255).astype(np.float32), SHADES[:, :, None]],
    ids=["uint8", "uint16", "float64", "float32", "channel axis"],
)
def test_arrays_of_all_types_give_the_same_page(array: NDArray[np.generic]) -> None:
    assert array_pixels(array).tolist() == SHADES.tolist()


def test_true_is_paper() -> None:
    assert array_pixels(np.array([[True, False]])).tolist() == [[255, 0]]


def test_an_8_bit_array_is_not_copied() -> None:
    assert np.shares_memory(array_pixels(SHADES), SHADES)


def test_a_transparent_array_lies_on_white_paper() -> None:
    array = np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert array_pixels(array).tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), r"shape \[3\]"),
        (np.zeros((3, 3, 2)), r"shape \[3, 3, 2\]"),
        (np.zeros((1, 3, 3, 3)), r"shape \[1, 3, 3, 3\]"),
        (np.full((2, 2), 255.0), "outside 0 to 1"),
        (np.full((2, 2), np.nan), "outside 0 to 1"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_other_arrays_are_refused_with_what_is_wrong(array: NDArray[np.generic], message: str) -> None:
    with pytest.raises(UnsupportedInputError, match=message):
        array_pixels(array)


def test_an_empty_array_is_refused() -> None:
    with pytest.raises(DamagedInputError, match="no pixels"):
        array_pixels(np.zeros((0, 5), np.uint8))


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.bool_]),
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3, 4])),
    )
)
def test_every_array_keeps_its_rows_and_columns(array: NDArray[np.generic]) -> None:
    pixels = array_pixels(array)
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == array.shape[:2]
    assert pixels.ndim == 2 or pixels.shape[2] == 3


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F", "PA", "La", "LAB", "HSV"]
)
def test_black_ink_on_white_paper_comes_out_of_every_mode(mode: str) -> None:
    page = np.full((8, 8), 255, np.uint8)
    page[2:6, 2:6] = 0
    image = Image.fromarray(page)
    if mode == "I;16":
        image = Image.fromarray(page.astype(np.uint16) * 257)
    elif mode == "La":
        image = image.convert("LA").convert("La")
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert("RGB" if mode in ("LAB", "HSV") else "L").convert(mode)
    pixels = image_pixels(image)
    grey = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    assert np.abs(grey.astype(int) - page).max() <= 2


def test_half_transparent_red_is_pink() -> None:
    pixels = image_pixels(Image.new("RGBA", (1, 1), (255, 0, 0, 128)))
    assert pixels.tolist() == [[[255, 127, 127]]]


def test_a_transparent_palette_colour_is_paper() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 0
    assert image_pixels(image).tolist() == [[[255] * 3, [9] * 3]]


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
    [(pixels, *_)] = read_bitmap(stream, kind, DEFAULT_LIMITS)
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
        ("BMP", {}),
        ("PPM", {}),
        ("JPEG2000", {}),
    ],
)
def test_lossless_files_keep_every_pixel(kind: str, options: dict[str, Any]) -> None:
    name = {"PPM": "PNM", "JPEG2000": "JPEG 2000"}.get(kind, kind)
    assert np.array_equal(read_one(encode(Image.fromarray(COLOUR), kind, **options), name), COLOUR)


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
    got = [pixels for pixels, *_ in read_bitmap(stream, "TIFF", DEFAULT_LIMITS)]
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


@pytest.mark.case
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WebP"])
def test_every_frame_of_an_animation_is_a_page(kind: str) -> None:
    frames = [BILEVEL, np.invert(BILEVEL), BILEVEL]
    images = [Image.fromarray(frame) for frame in frames]
    options = {"lossless": True} if kind == "WebP" else {}
    stream = encode(images[0], kind, save_all=True, append_images=images[1:], **options)
    got = [np.asarray(Image.fromarray(pixels).convert("L")) for pixels, *_ in read_bitmap(stream, kind, DEFAULT_LIMITS)]
    assert len(got) == 3
    assert all(np.array_equal(pixels, frame) for pixels, frame in zip(got, frames, strict=True))
    stream.seek(0)
    with pytest.raises(InputTooLargeError, match="2 pages"):
        next(read_bitmap(stream, kind, Limits(max_pages=2)))


@pytest.mark.case
@pytest.mark.parametrize("kind", ["AVIF", "HEIC", "JPEG 2000", "BMP", "PNM"])
def test_what_telephones_and_scanners_write_is_read(kind: str) -> None:
    grey = np.full((64, 80), 250, np.uint8)
    grey[20:40, 10:60] = 10
    saved_as = {"HEIC": "HEIF", "JPEG 2000": "JPEG2000", "PNM": "PPM"}.get(kind, kind)
    stream = BytesIO()
    register_heif_opener()
    Image.fromarray(grey).save(stream, saved_as)
    [page] = load_pages(stream.getvalue())
    assert np.abs(page.grey.astype(int) - grey).max() <= 12


def test_heic_without_its_extra_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(READERS, "HEIC")
    with pytest.raises(UnsupportedInputError, match=r"save it as JPEG or .*inkread\[heif\]"):
        next(load_pages(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"))


def segmented_tiff(kind: str, compression: int, *, tile: int = 0, missing: int = 0) -> BytesIO:
    """A grey image of 96 x 64 pixels in strips of 32 rows, or in tiles, each an image file of its own."""
    across, down = (tile, tile) if tile else (96, 32)
    segments = []
    for y in range(0, 64, down):
        for x in range(0, 96, across):
            part = BytesIO()
            crop = Image.fromarray(SEGMENTED_PAGE[y : y + down, x : x + across])
            crop.convert("RGB").save(part, kind, **({"lossless": True} if kind == "WEBP" else {}))
            segments.append(part.getvalue())
    ends = np.cumsum([8, *map(len, segments)]).tolist()
    where = {322: [tile], 323: [tile], 324: ends[:-1]} if tile else {278: [32], 273: ends[:-1]}
    sizes = [len(segment) for segment in segments[: len(segments) - missing]]
    tags = {
        256: [96],
        257: [64],
        258: [8],
        259: [compression],
        262: [2],
        277: [3],
        **where,
        325 if tile else 279: sizes,
    }
    values = ends[-1] + 2 + 12 * len(tags) + 4
    directory, data = struct.pack("<H", len(tags)), b""
    for tag, numbers in sorted(tags.items()):
        place = numbers[0] if len(numbers) == 1 else values + len(data)
        directory += struct.pack("<HHII", tag, 4, len(numbers), place)
        data += struct.pack(f"<{len(numbers)}I", *numbers)
    return BytesIO(b"II*\0" + struct.pack("<I", ends[-1]) + b"".join(segments) + directory + bytes(4) + data)


SEGMENTED_PAGE = np.add.outer(np.arange(64, dtype=np.uint8), np.arange(96, dtype=np.uint8) * 2)


@pytest.mark.case
@pytest.mark.parametrize(("kind", "compression"), [("WEBP", 50001), ("JPEG2000", 34712), ("JPEG2000", 33005)])
@pytest.mark.parametrize("tile", [0, 32])
def test_strips_and_tiles_that_are_images_of_their_own_are_put_together(kind: str, compression: int, tile: int) -> None:
    [page] = load_pages(segmented_tiff(kind, compression, tile=tile))
    assert np.abs(page.grey.astype(int) - SEGMENTED_PAGE).max() <= 2


@pytest.mark.case
@pytest.mark.parametrize(("compression", "name"), [(50002, "JPEG XL"), (34887, "LERC"), (34676, "SGI Log")])
def test_a_compression_that_is_not_read_is_named(compression: int, name: str) -> None:
    with pytest.raises(UnsupportedInputError, match=f"the TIFF is compressed with {name}, which is not read"):
        list(load_pages(segmented_tiff("WEBP", compression)))


def test_a_tiff_without_one_of_its_strips_is_damaged() -> None:
    with pytest.raises(DamagedInputError, match="a part of the image is missing"):
        list(load_pages(segmented_tiff("WEBP", 50001, missing=1)))


def test_a_huge_tiff_header_is_refused_before_memory_is_taken() -> None:
    stream = tiff(bytes(10), 50_000, 50_000, bits=8, photometric=1)
    with pytest.raises(InputTooLargeError, match="50000 x 50000"):
        next(read_bitmap(stream, "TIFF", DEFAULT_LIMITS))


@pytest.mark.parametrize(("kind", "dpi"), [("PNG", 300), ("JPEG", 400), ("TIFF", 600), ("PNG", 1), ("PNG", None)])
def test_resolution_is_told_where_it_is_plausible(kind: str, dpi: int | None) -> None:
    stream = encode(Image.fromarray(COLOUR), kind, **({"dpi": (dpi, dpi)} if dpi else {}))
    [(_, told, *_)] = read_bitmap(stream, kind, DEFAULT_LIMITS)
    assert told == (pytest.approx(dpi, abs=0.1) if dpi and dpi > 1 else None)


def test_reading_an_open_image_leaves_it_alone() -> None:
    image = Image.fromarray(COLOUR).convert("RGBA")
    image.getexif()[EXIF_ORIENTATION] = 6
    pixels, *_ = read_image(image, DEFAULT_LIMITS)
    assert pixels.shape == (20, 12, 3)
    assert image.size == (20, 12)
    assert image.mode == "RGBA"


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_what_is_found_on_a_turned_page_comes_back_to_its_place(degrees: int) -> None:
    grey = np.zeros((40, 60), np.uint8)
    grey[7, 11] = 255
    turned = turn(grey, degrees)
    y, x = (int(value) for value in np.argwhere(turned)[0])
    spot = ((x + 0.5, y + 0.5),)
    word = Word("a", spot, characters=(Character("a", spot),))
    found = Page(turned.shape[1], turned.shape[0], (Region("r", spot, (Line("l", spot, spot, words=(word,)),)),))
    page = turn_back(found, degrees)
    line = page.lines[0]
    assert (page.width, page.height, page.orientation) == (60, 40, degrees)
    places = (page.regions[0].polygon, line.baseline, line.polygon, line.words[0].polygon)
    assert all(place == ((11.5, 7.5),) for place in (*places, line.words[0].characters[0].polygon))


def test_pages_turn_clockwise() -> None:
    assert turn(np.array([[1, 2], [3, 4]], np.uint8), 90).tolist() == [[3, 1], [4, 2]]
