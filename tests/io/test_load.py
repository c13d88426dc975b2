"""Whatever a person hands in becomes pages, or one clear error that names the file."""

import re
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import cast
from zlib import crc32

import numpy as np
import pypdfium2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import DamagedInputError, InputError, InputNotFoundError, InputTooLargeError, UnsupportedInputError
from inkread.formats import paired
from inkread.io.images import READERS
from inkread.io.inputs import Input, Limits, load_pages

PIXELS = np.random.default_rng(7).integers(0, 256, (40, 60, 3), dtype=np.uint8)
KINDS = ["PNG", "PNG 16 bit", "PNG palette", "JPEG", "JPEG progressive", "WebP", "WebP lossless", "PDF", "PDF fax"]
KINDS += ["TIFF", "TIFF lzw", "TIFF deflate", "TIFF jpeg", "TIFF group4", "TIFF pages"]
KINDS += ["GIF", "BMP", "PPM", "JPEG2000", *(["AVIF"] if "AVIF" in READERS else [])]


@cache
def encoded(kind: str) -> bytes:
    image = Image.fromarray(PIXELS)
    name, *variant = kind.split()
    options: dict[str, object] = {}
    match variant:
        case ["16", "bit"]:
            image = Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 257)
        case ["palette"]:
            image = image.convert("P")
        case ["fax"]:
            image = image.convert("1")
        case ["group4"]:
            image, options = image.convert("1"), {"compression": "group4"}
        case ["pages"]:
            options = {"save_all": True, "append_images": [image, image], "compression": "tiff_lzw"}
        case [("lzw" | "deflate") as method]:
            options = {"compression": f"tiff_{method}"}
        case [flag]:
            options = {"compression": flag} if name == "TIFF" else {flag: True}
    stream = BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def pixels_of(source: Input) -> list[NDArray[np.uint8]]:
    return [page.pixels for page in load_pages(source)]


def test_every_kind_of_source_gives_the_same_page(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encoded("PNG"))
    with path.open("rb") as file:
        sources: list[Input] = [
            str(path),
            path,
            encoded("PNG"),
            BytesIO(encoded("PNG")),
            file,
            PIXELS,
            Image.fromarray(PIXELS),
        ]
        pages = [page for source in sources for page in load_pages(source)]
    assert len(pages) == len(sources)
    assert all(np.array_equal(page.pixels, PIXELS) for page in pages)
    assert [page.source for page in pages] == [str(path), str(path), "", "", str(path), "", ""]


def test_pages_are_numbered_and_loaded_one_at_a_time() -> None:
    pages = load_pages(encoded("TIFF pages"))
    assert next(pages).index == 0
    assert [page.index for page in pages] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_decides_on_the_format_not_the_suffix(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "page.gif"
    path.write_bytes(encoded(kind))
    pages = list(load_pages(path))
    assert len(pages) == (3 if kind == "TIFF pages" else 1)
    assert all(page.pixels.shape[:2] == (40, 60) for page in pages)


def test_a_file_object_is_read_from_where_it_stands_and_stays_open() -> None:
    stream = BytesIO(b"mail header" + encoded("PNG"))
    stream.seek(len(b"mail header"))
    assert np.array_equal(pixels_of(stream)[0], PIXELS)
    assert not stream.closed


def error_of(source: object, limits: Limits | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        list(load_pages(cast(Input, source), limits or Limits()))
    return caught.value


def test_errors_name_the_file_and_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("Dear Sir")
    (tmp_path / "cut.png").write_bytes(encoded("PNG")[:3000])
    expected = {
        "gone.png": (InputNotFoundError, "there is no such file, check the name"),
        ".": (UnsupportedInputError, "this is a folder, give the files in it"),
        "empty.png": (DamagedInputError, "the file is empty, copy or scan it again"),
        "text.png": (UnsupportedInputError, "this is none of PNG, JPEG, WebP, TIFF and PDF, save it as one of them"),
        "cut.png": (DamagedInputError, "the file is damaged or cut off, copy or scan it again"),
    }
    for name, (kind, sentence) in expected.items():
        error = error_of(tmp_path / name)
        assert (type(error), str(error)) == (kind, f"{tmp_path / name}: {sentence}")


@pytest.mark.case
@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"AT&TFORM\0\0\0\0DJVM", "DjVu"),
    ],
)
def test_an_image_that_is_not_read_is_told_by_its_name(head: bytes, kind: str) -> None:
    assert str(error_of(head)) == f"the input: this is {kind}, which is not read, save it as PNG or JPEG"


def test_a_name_with_a_line_break_stays_on_one_line() -> None:
    assert "\n" not in str(error_of("a\nb.png"))


@pytest.mark.parametrize("source", [StringIO("text"), 5, None, "nul\0byte.png"])
def test_what_is_no_source_is_an_input_error_too(source: object) -> None:
    error_of(source)


def test_limits_hold_for_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encoded("PNG"))
    for source in (path, encoded("PNG"), BytesIO(encoded("PNG"))):
        assert isinstance(error_of(source, Limits(max_bytes=100)), InputTooLargeError)
    for picture in (path, encoded("PDF"), PIXELS, Image.fromarray(PIXELS)):
        assert isinstance(error_of(picture, Limits(max_pixels=100)), InputTooLargeError)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP lossless", "TIFF", "PDF"])
def test_a_header_that_promises_a_huge_image_is_refused(kind: str) -> None:
    pack = struct.pack
    small, huge = {
        "PNG": (pack(">II", 60, 40), pack(">II", 50_000, 50_000)),
        "JPEG": (pack(">HH", 40, 60), pack(">HH", 50_000, 50_000)),
        "WebP lossless": (pack("<I", 59 | 39 << 14), pack("<I", 16_382 | 16_382 << 14)),
        "TIFF": (pack("<HHII", 256, 4, 1, 60), pack("<HHII", 256, 4, 1, 5_000_000)),
        "PDF": (b"/Width 60", b"/Width 9500000"),
    }[kind]
    data = encoded(kind)
    assert small in data
    data = data.replace(small, huge, 1)
    if kind == "PNG":
        data = data[:29] + pack(">I", crc32(data[12:29])) + data[33:]
    error = error_of(data)
    assert isinstance(error, InputTooLargeError), error
    assert str(error).endswith("scale it down")


def test_a_stack_of_pages_is_limited() -> None:
    assert "2 pages" in str(error_of(encoded("TIFF pages"), Limits(max_pages=2)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_off_file_is_never_read_as_if_it_were_whole(kind: str) -> None:
    data = encoded(kind)
    for cut in range(1, len(data) - 40, max(len(data) // 40, 1)):
        assert isinstance(error_of(data[:cut]), DamagedInputError | UnsupportedInputError), cut


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_changed_bytes_give_pages_or_an_input_error(kind: str, draw: st.DataObject) -> None:
    data = bytearray(encoded(kind))
    places = st.integers(0, 300) | st.integers(max(len(data) - 300, 0), len(data) - 1) | st.integers(0, len(data) - 1)
    for place, value in draw.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12)):
        data[min(place, len(data) - 1)] = value
    try:
        pages = pixels_of(bytes(data))
    except InputError as error:
        assert str(error).startswith("the input: ")
    else:
        assert all(page.dtype == np.uint8 and page.size for page in pages)


@settings(deadline=None)
@given(
    st.sampled_from(["", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "II*\0", "MM\0+", "%PDF-1.7\n"]), st.binary(max_size=300)
)
@example("RIFF\0\0\0\0WEBPVP8 ", b"")
def test_random_bytes_give_an_input_error(header: str, body: bytes) -> None:
    error_of(header.encode("latin-1") + body)


def test_only_one_thread_at_a_time_is_inside_pdfium(monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFium is not thread-safe; where two threads are inside, it crashes now and then."""
    both_inside, render = threading.Barrier(2), pypdfium2.PdfPage.render
    met: list[bool] = []

    def render_slowly(page: pypdfium2.PdfPage, **options: object) -> object:
        with suppress(threading.BrokenBarrierError):
            both_inside.wait(1)
            met.append(True)
        return render(page, **options)

    monkeypatch.setattr(pypdfium2.PdfPage, "render", render_slowly)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: len(pixels_of(encoded("PDF"))), range(2))) == [1, 1]
    assert met == []


def test_real_pages_load_at_the_size_their_layout_states(shared_data: Path) -> None:
    pages = [pair for folder in sorted(shared_data.glob("*/val")) for pair in paired(folder)][::25]
    assert pages
    for image, path in pages:
        [page] = load_pages(image)
        layout = path.read_text("utf-8")
        assert {str(page.width), str(page.height)} <= set(
            re.findall(r'(?:imageWidth|imageHeight|WIDTH|HEIGHT)="(\d+)"', layout)
        )
