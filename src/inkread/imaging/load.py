"""Open an image, a PDF or an array as pages.

Usage: ``for page in load_pages("letters.pdf"): print(page.index, page.pixels.shape)``
"""

from __future__ import annotations

from collections.abc import Iterator
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import (
    DamagedInputError,
    InputError,
    InputNotFoundError,
    InputTooLargeError,
    UnsupportedInputError,
)
from inkread.imaging.bitmap import read_bitmap, read_image
from inkread.imaging.limits import DEFAULT_LIMITS, Limits
from inkread.imaging.page import PageImage
from inkread.imaging.pdf import read_pdf
from inkread.imaging.pixels import Raster, array_pixels

__all__ = ["DEFAULT_LIMITS", "Limits", "PageImage", "Source", "load_pages", "source_name"]

Source = str | Path | bytes | BinaryIO | NDArray[np.generic] | Image.Image

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
PDF_HEADER = b"%PDF-"
HEAD_BYTES = 1024
NAMELESS = "the input"


def load_pages(source: Source, limits: Limits = DEFAULT_LIMITS) -> Iterator[PageImage]:
    """Yield the pages of a source lazily, one in memory at a time.

    Args:
        source: path, content as bytes, binary file object (read from its position to its end), array
            (uint8, uint16, bool or float in [0, 1]; [height, width] or [height, width, 1 | 3 | 4]) or Pillow image.
            The content of a file decides on its format, not its suffix.
        limits: largest size, checked before pixels are decoded.

    Raises:
        InputError: one of its subclasses, at the page where the problem shows.
    """
    name = source_name(source)
    for index, (pixels, dpi) in enumerate(_with_named_errors(_open(source, limits), name or NAMELESS)):
        yield PageImage(pixels, name, index, dpi)
        del pixels


def source_name(source: Source) -> str:
    """The file name of a source for messages and results, "" where it has none."""
    name = source if isinstance(source, str | Path) else getattr(source, "name", getattr(source, "filename", ""))
    text = str(name) if isinstance(name, str | Path) else ""
    return text if text.isprintable() else ascii(text)


def _with_named_errors(rasters: Iterator[Raster], name: str) -> Iterator[Raster]:
    while True:
        try:
            raster = next(rasters)
        except StopIteration:
            return
        except InputError as error:
            raise type(error)(f"{name}: {error}") from error
        except (MemoryError, Image.DecompressionBombError) as error:
            raise InputTooLargeError(f"{name}: the image does not fit into memory, scale it down") from error
        except Exception as error:  # decoders raise nearly every type on damaged content
            raise DamagedInputError(f"{name}: the file is damaged or cut off, copy or scan it again") from error
        yield raster
        del raster


def _open(source: Source, limits: Limits) -> Iterator[Raster]:
    match source:
        case str() | Path():
            yield from _read_path(Path(source), limits)
        case bytes():
            yield from _read_stream(BytesIO(source), limits)
        case np.ndarray():
            pixels = array_pixels(source)
            limits.check_pixels(pixels.shape[1], pixels.shape[0])
            yield pixels, None
        case Image.Image():
            yield read_image(source, limits)
        case _ if hasattr(source, "read"):
            yield from _read_stream(_buffered(source, limits), limits)
        case _:
            raise UnsupportedInputError(
                f"a {type(source).__name__} is not read, give a path, bytes, file, array or image"
            )


def _read_path(path: Path, limits: Limits) -> Iterator[Raster]:
    try:
        file = path.open("rb")
    except IsADirectoryError as error:
        raise UnsupportedInputError("this is a folder, give the files in it") from error
    except PermissionError as error:
        raise InputError("the file cannot be opened, get the permission to read it") from error
    except (OSError, ValueError) as error:
        raise InputNotFoundError("there is no such file, check the name") from error
    with file:
        yield from _read_stream(file if path.is_file() else _buffered(file, limits), limits)


def _buffered(file: BinaryIO, limits: Limits) -> BinaryIO:
    data = file.read(limits.max_bytes + 1)
    if not isinstance(data, bytes):
        raise UnsupportedInputError("the file is opened as text, open it in binary mode")
    return BytesIO(data)


def _read_stream(stream: BinaryIO, limits: Limits) -> Iterator[Raster]:
    limits.check_bytes(stream.seek(0, SEEK_END))
    stream.seek(0)
    kind = _kind(stream.read(HEAD_BYTES))
    stream.seek(0)
    yield from read_pdf(stream, limits) if kind == "PDF" else read_bitmap(stream, kind, limits)


def _kind(head: bytes) -> str:
    if not head:
        raise DamagedInputError("the file is empty, copy or scan it again")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    if PDF_HEADER in head:
        return "PDF"
    raise UnsupportedInputError("this is none of PNG, JPEG, WebP, TIFF and PDF, save it as one of them")
