"""What the user gives - paths, folders, patterns, bytes, arrays - as page images.

Usage: ``for page in load_pages("letter.pdf"): page.grey``; ``find_inputs([Path("scans")])``
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from inkread.errors import (
    BadPageError,
    DamagedInputError,
    InputError,
    InputNotFoundError,
    InputTooLargeError,
    UnsupportedInputError,
)
from inkread.io.iiif import manifest_images
from inkread.io.images import (
    DEFAULT_LIMITS,
    READERS,
    Limits,
    PageImage,
    Raster,
    array_pixels,
    count_frames,
    measure,
    read_bitmap,
    read_image,
    reduced_array,
)
from inkread.io.pdf import count_pdf, maker_of_pdf, read_pdf

__all__ = [
    "DEFAULT_LIMITS",
    "Input",
    "Limits",
    "PageImage",
    "check_head",
    "count_pages",
    "each_input",
    "each_readable",
    "find_inputs",
    "input_name",
    "is_pdf",
    "load_chosen_pages",
    "load_pages",
    "load_readable_pages",
    "page_shape",
]

Item = TypeVar("Item")


class _HasIndex(Protocol):
    @property
    def index(self) -> int: ...


Indexed = TypeVar("Indexed", bound=_HasIndex)

Input = str | Path | bytes | bytearray | memoryview | BinaryIO | NDArray[np.generic] | Image.Image
"""What holds one page or several: a path, the content of a file, an open file, an array or a Pillow image."""

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"AT&TFORM", "DjVu"),
    (b"8BPS", "Photoshop"),
)
AVIF_BRANDS = (b"avif", b"avis")
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
PDF_HEADER = b"%PDF-"
HEAD_BYTES = 1024
NAMELESS = "the input"


def each_input(inputs: Input | Iterable[Input]) -> Iterable[Input]:
    """``each_input("a.png") == ["a.png"]``: a single input as a list, several as they are."""
    kinds = (str, Path, bytes, bytearray, memoryview, np.ndarray, Image.Image)
    single = isinstance(inputs, kinds) or hasattr(inputs, "read")
    return [cast(Input, inputs)] if single else cast(Iterable[Input], inputs)


def load_pages(source: Input, limits: Limits = DEFAULT_LIMITS, first: int = 0) -> Iterator[PageImage]:
    """Yield the pages of an input lazily, one in memory at a time.

    Args:
        source: path, content (bytes, bytearray, memoryview), binary file object (read from its position to its end),
            array (uint8, uint16, bool or float in [0, 1]; [height, width] or [height, width, 1 | 3 | 4]) or Pillow
            image.
            The content of a file decides on its format, not its suffix.
        limits: largest size, checked before pixels are decoded.
        first: pages before this one are skipped without being decoded.

    Raises:
        InputError: one of its subclasses, at the page where the problem shows.
    """
    name = input_name(source)
    rasters = _with_named_errors(_open(source, limits, first), name or NAMELESS)
    for index, raster in enumerate(rasters, start=first):
        yield PageImage(raster.pixels, name, index, raster.dpi, raster.full_size, raster.stored)
        del raster


def load_readable_pages(
    source: Input, limits: Limits = DEFAULT_LIMITS, on_bad_page: Callable[[BadPageError], None] = lambda _: None
) -> Iterator[PageImage]:
    """As `load_pages`, without the pages of a file on disk that cannot be read while others can.

    Args:
        source: see `load_pages`.
        limits: see `load_pages`.
        on_bad_page: called with an error that names such a page.

    Raises:
        InputError: the input has one page only, cannot be opened, or none of its pages can be read.
    """
    path = Path(source) if isinstance(source, str | Path) else None

    def count() -> int:
        return count_pages(path, limits) if path is not None and path.is_file() else 1

    return each_readable(partial(load_pages, source, limits), count, input_name(source), on_bad_page)


def each_readable(
    load: Callable[[int], Iterator[Indexed]],
    count: Callable[[], int],
    name: str,
    on_bad_page: Callable[[BadPageError], None],
) -> Iterator[Indexed]:
    """The pages of a file, without those that cannot be read while others can.

    Args:
        load: gives the pages from an index on; it raises an InputError at a page that cannot be read.
        count: the number of pages; called only where one cannot be read.
        name: of the file.
        on_bad_page: called, after the last page, with an error that names such a page.

    Raises:
        InputError: the file has one page only, or none of its pages can be read.
    """
    bad: list[BadPageError] = []
    index = 0
    while True:
        try:
            for page in load(index):
                index = page.index + 1
                yield page
                del page
            break
        except InputError as error:
            if (pages := count()) == 1:
                raise
            index += 1
            bad.append(BadPageError(f"{name}, page {index}: {str(error).removeprefix(f'{name}: ')}"))
            if len(bad) == pages:
                raise type(error)(str(bad[0])) from error
            if index >= pages:
                break
    for problem in bad:
        on_bad_page(problem)


def load_chosen_pages(source: Input, indices: Iterable[int], limits: Limits = DEFAULT_LIMITS) -> Iterator[PageImage]:
    """``load_chosen_pages("letter.pdf", [0, 1, 4])``: some pages of an input; the others are not decoded."""
    pages: Iterator[PageImage] = iter(())
    at = -1
    for index in indices:
        if index != at:
            pages = load_pages(source, limits, first=index)
        yield next(pages)
        at = index + 1


def count_pages(path: Path, limits: Limits = DEFAULT_LIMITS) -> int:
    """``count_pages(Path("letter.pdf"))``: the pages of a file, none of which is decoded.

    Raises:
        InputError: the file cannot be read, or has more pages than ``limits`` allow.
    """

    def counted() -> Iterator[int]:
        with path.open("rb") as stream:
            limits.check_bytes(stream.seek(0, SEEK_END))
            stream.seek(0)
            kind = _kind(stream.read(HEAD_BYTES))
            stream.seek(0)
            yield count_pdf(stream, limits) if kind == "PDF" else count_frames(stream, kind, limits)

    return next(_with_named_errors(counted(), input_name(path)))


def check_head(head: bytes, name: str) -> None:
    """Refuse a file that is not read by its first `HEAD_BYTES` bytes, before the others are sent.

    Raises:
        InputError: its content is of no kind that is read.
    """
    next(_with_named_errors(iter(map(_kind, [head])), name or NAMELESS))


def is_pdf(path: Path) -> bool:
    """Whether a file is a PDF, as its content says."""
    with path.open("rb") as stream:
        return _signed(stream.read(HEAD_BYTES)) == "PDF"


def page_shape(path: Path, limits: Limits = DEFAULT_LIMITS) -> tuple[tuple[int, int], int]:
    """``page_shape(Path("letter.jpg"))``: width and height of the first page of an image, and how it lies in the file.

    The size is that of the page as a viewer shows it, in pixels; the second value is `PageImage.stored`. No pixel is
    decoded.

    Raises:
        InputError: the file cannot be opened, or is no image.
    """

    def measured() -> Iterator[tuple[tuple[int, int], int]]:
        with path.open("rb") as stream:
            kind = _kind(stream.read(HEAD_BYTES))
            if kind == "PDF":
                raise UnsupportedInputError("this is a PDF, save its pages as images")
            stream.seek(0)
            yield measure(stream, kind, limits)

    return next(_with_named_errors(measured(), input_name(path)))


def input_name(source: Input) -> str:
    """The file name of an input for messages and results, "" where it has none."""
    name = source if isinstance(source, str | Path) else getattr(source, "name", getattr(source, "filename", ""))
    text = str(name) if isinstance(name, str | Path) else ""
    return text if text.isprintable() else ascii(text)


def _with_named_errors(items: Iterator[Item], name: str) -> Iterator[Item]:
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except InputError as error:
            raise type(error)(f"{name}: {error}") from error
        except (MemoryError, Image.DecompressionBombError) as error:
            raise InputTooLargeError(f"{name}: the image does not fit into memory, scale it down") from error
        except Exception as error:  # decoders raise nearly every type on damaged content
            raise DamagedInputError(f"{name}: the file is damaged or cut off, copy or scan it again") from error
        yield item
        del item


def _open(source: Input, limits: Limits, first: int) -> Iterator[Raster]:
    match source:
        case str() | Path():
            yield from _read_path(Path(source), limits, first)
        case bytes() | bytearray() | memoryview():
            yield from _read_stream(BytesIO(source), limits, first)
        case np.ndarray():
            pixels = array_pixels(source)
            limits.check_pixels(pixels.shape[1], pixels.shape[0])
            yield reduced_array(pixels, limits)
        case Image.Image():
            yield read_image(source, limits)
        case _ if hasattr(source, "read"):
            yield from _read_stream(_buffered(source, limits), limits, first)
        case _:
            raise UnsupportedInputError(
                f"a {type(source).__name__} is not read, give a path, bytes, file, array or image"
            )


def _read_path(path: Path, limits: Limits, first: int) -> Iterator[Raster]:
    try:
        file = path.open("rb")
    except IsADirectoryError as error:
        raise UnsupportedInputError("this is a folder, give the files in it") from error
    except PermissionError as error:
        raise InputError("the file cannot be opened, get the permission to read it") from error
    except (OSError, ValueError) as error:
        raise InputNotFoundError("there is no such file, check the name") from error
    with file:
        yield from _read_stream(file if path.is_file() else _buffered(file, limits), limits, first)


def _buffered(file: BinaryIO, limits: Limits) -> BinaryIO:
    data = file.read(limits.max_bytes + 1)
    if not isinstance(data, bytes):
        raise UnsupportedInputError("the file is opened as text, open it in binary mode")
    return BytesIO(data)


def _read_stream(stream: BinaryIO, limits: Limits, first: int) -> Iterator[Raster]:
    limits.check_bytes(stream.seek(0, SEEK_END))
    stream.seek(0)
    kind = _kind(stream.read(HEAD_BYTES))
    stream.seek(0)
    yield from read_pdf(stream, limits, first) if kind == "PDF" else read_bitmap(stream, kind, limits, first)


def _kind(head: bytes) -> str:
    if not head:
        raise DamagedInputError("the file is empty, copy or scan it again")
    kind = _signed(head)
    if kind in READERS or kind == "PDF":
        return kind
    if kind == "HEIC":
        raise UnsupportedInputError("this is HEIC, save it as JPEG or add what reads it: pip install 'inkread[heif]'")
    what = f"this is {kind}, which is not read" if kind else "this is none of PNG, JPEG, WebP, TIFF and PDF"
    raise UnsupportedInputError(f"{what}, save it as {'PNG or JPEG' if kind else 'one of them'}")


def _signed(head: bytes) -> str:
    """The format whose signature a file begins with, "" where it is unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        brands = head[8 : max(int.from_bytes(head[:4], "big"), 12)]
        if any(brand in brands for brand in AVIF_BRANDS):
            return "AVIF"
        if any(brand in brands for brand in HEIC_BRANDS):
            return "HEIC"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "BMP"
    if re.match(rb"P[1-6][\s#]", head):
        return "PNM"
    signed = (kind for signature, kind in SIGNATURES if head.startswith(signature))
    return next(signed, "PDF" if PDF_HEADER in head else "")


SUFFIXES = frozenset(
    {
        *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".dib"),
        *(".pnm", ".pbm", ".pgm", ".ppm", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        *(".avif", ".heic", ".heif", ".hif", ".pdf"),
    }
)
"""Of files that are read."""
FOREIGN_SUFFIXES = frozenset({".jxl", ".djvu", ".djv", ".psd"})
"""Of images that are not read, so that a folder with one gives an error that names it."""


def find_inputs(patterns: Iterable[str | Path]) -> Iterator[Path | InputError]:
    """Yield the files that paths, folders and globs name, each once, in natural order (page 2 before page 10).

    A folder gives its images, those of formats that are not read among them, and PDFs, sub folders included. Hidden
    files and what Inkread itself wrote are left out; a file that is named itself is given whatever its suffix. An IIIF
    manifest gives the images of its canvases.
    What names nothing is yielded as an InputNotFoundError in its place.
    """
    seen = set()
    for pattern in patterns:
        found = False
        for path in _expand(str(pattern)):
            found = True
            if isinstance(path, InputError):
                yield path
            elif (key := os.path.abspath(path)) not in seen:
                seen.add(key)
                yield path
        if not found:
            yield _nothing(str(pattern))


def _expand(pattern: str) -> Iterator[Path | InputError]:
    names = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern, recursive=True), key=_natural)
    for name in names:
        if os.path.isdir(name):
            yield from _in_folder(name)
        else:
            images = manifest_images(Path(name))
            yield from [Path(name)] if images is None else images


def _in_folder(folder: str) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        for name in sorted(files, key=_natural):
            path = Path(parent, name)
            is_page = not name.startswith(".") and path.suffix.lower() in SUFFIXES | FOREIGN_SUFFIXES
            if is_page and not (path.is_file() and _is_result(path)):
                yield path


RESULT_MAKER = "inkread"
"""What the results that look like inputs, PDFs and pictures of the layout, begin their maker's name with."""


def _is_result(path: Path) -> bool:
    """Whether Inkread wrote this PDF or picture, so that a second run does not read what the first made."""
    try:
        with path.open("rb") as stream:
            match _signed(stream.read(HEAD_BYTES)):
                case "PDF":
                    maker = maker_of_pdf(stream)
                case "PNG":
                    stream.seek(0)
                    with PngImageFile(stream) as image:
                        maker = str(image.info.get("Software", ""))
                case _:
                    return False
    except Exception:  # what cannot be opened is named when it is read
        return False
    return maker.startswith(RESULT_MAKER)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name.casefold())]


def _nothing(pattern: str) -> InputNotFoundError:
    name = pattern if pattern.isprintable() else ascii(pattern)
    if os.path.isdir(pattern):
        return InputNotFoundError(f"{name}: the folder holds no image and no PDF, name another one")
    if glob.has_magic(pattern):
        return InputNotFoundError(f"{name}: no file matches, check the pattern")
    return InputNotFoundError(f"{name}: there is no such file or folder, check the name")
