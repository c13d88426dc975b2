"""What runs in the worker processes: decoding pages, writing documents, reading.

Usage: ``await pool.run(tasks.decode, path, 0, limits, target)``
"""

from __future__ import annotations

import base64
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from inkread.bundle import Bundle
from inkread.document import Document, Page, Provenance
from inkread.errors import InputError, InputTooLargeError
from inkread.evaluation.drift import page_figures
from inkread.formats import FORMATS
from inkread.formats.json import load as load_document
from inkread.io.images import Limits, PageImage, Pixels, turn
from inkread.io.inputs import count_pages, load_pages
from inkread.reader import Reader
from inkread.server.answers import Answer, write_answer

PREVIEW_SIDE = 1600
PREVIEW_QUALITY = 80
KEPT_QUALITY = 95
"""Of pictures that documents keep; they are read, and cut into lines for training."""
LARGEST_SIDE = 65_500
"""Of a JPEG."""
LESS_URGENT = 10
"""Niceness: a tenth of the computing time of a process that somebody waits for, where both want it."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A page whose grey values lie in a file, so that they pass from worker to worker without being copied.

    Attributes:
        path: a .npy file, uint8 [height, width].
        index: of the page in its file, from 0.
        dpi: its resolution, None where unknown.
        preview: data URL of a picture that fits a screen; "" where none was asked for.
        layout: its lines, None to find them.
        full_size: see `inkread.io.images.PageImage`.
        language: of the page, None where nobody named it.
    """

    path: Path
    index: int
    dpi: float | None
    preview: str
    layout: Page | None = None
    full_size: tuple[int, int] | None = None
    language: str | None = None


def count(_state: object, path: Path, limits: Limits) -> Iterator[int]:
    """The pages of a file."""
    yield count_pages(path, limits)


def decode(
    _state: object, path: Path, index: int, limits: Limits, target: Path, with_preview: bool
) -> Iterator[Decoded]:
    """Decode or render one page into ``target``."""
    page = next(load_pages(path, limits, first=index))
    try:
        np.save(target, page.grey)
    except FileNotFoundError:
        if target.parent.exists():
            raise
        return  # the request has ended and taken its folder along
    yield Decoded(target, index, page.dpi, _preview(page) if with_preview else "", full_size=page.full_size)


def _preview(page: PageImage) -> str:
    picture = Image.fromarray(page.pixels).convert("RGB")  # browsers show neither TIFF nor PDF in an SVG
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    body = BytesIO()
    picture.save(body, "JPEG", quality=PREVIEW_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(body.getvalue()).decode()}"


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as a JPEG, as a viewer shows it and without the metadata of its file."""

    jpeg: bytes
    width: int
    height: int


def picture(_state: object, path: Path, index: int, limits: Limits, turned: int = 0) -> Iterator[Picture]:
    """One page of a file as a picture to keep, turned clockwise by so many degrees."""
    page = next(load_pages(path, limits, first=index))
    pixels = turn(page.pixels, turned) if turned else page.pixels
    height, width = pixels.shape[:2]
    if max(width, height) > LARGEST_SIDE:
        raise InputTooLargeError(f"{path}: {width} x {height} pixels are more than {LARGEST_SIDE} on one side")
    yield Picture(_jpeg(pixels, page.dpi), width, height)


def smaller(_state: object, path: Path, width: int, limits: Limits) -> Iterator[bytes]:
    """A kept picture as a JPEG that is at most so wide."""
    page = next(load_pages(path, limits))
    size = min(width, page.width), max(round(page.height * min(width / page.width, 1)), 1)
    body = BytesIO()
    image = Image.fromarray(page.pixels).resize(size, Image.Resampling.LANCZOS, reducing_gap=2)
    image.save(body, "JPEG", quality=PREVIEW_QUALITY)
    yield body.getvalue()


def _jpeg(pixels: Pixels, dpi: float | None) -> bytes:
    body = BytesIO()
    resolution = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.fromarray(pixels).save(body, "JPEG", quality=KEPT_QUALITY, **resolution)
    return body.getvalue()


def write(
    _state: object, document: Document | str, paths: Sequence[Path], format: str, limits: Limits
) -> Iterator[Answer]:
    """Write a document, given as such or as JSON, with the pages of the files that were read."""
    try:
        parsed = load_document(document.encode()) if isinstance(document, str) else document
        images = chain.from_iterable(load_pages(path, limits) for path in paths)
        yield write_answer(parsed, images, FORMATS[format])
    except ValueError as error:
        raise InputError(f"document: {error}") from error


@dataclass(frozen=True, slots=True)
class Hello:
    """What a reader says of itself."""

    provenance: Provenance
    uses_language_model: bool
    languages: tuple[str, ...]


def open_reader(folder: Path | None, threads: int | None) -> Reader:
    """A reader that has read an empty page, so that the first real one does not wait."""
    reader = Reader(Bundle.open(folder), threads=threads)
    list(reader.read_pages([PageImage(np.full((96, 640, 3), 255, np.uint8))]))
    return reader


def preparing(folder: Path | None, threads: int | None) -> partial[Reader]:
    """``open_reader`` with its arguments, for `inkread.server.prediction.workers.Pool`."""
    return partial(open_reader, folder, threads)


def open_reader_quietly(folder: Path | None) -> Reader:
    """A reader of one thread that whoever waits goes before, once it is there."""
    reader = open_reader(folder, 1)
    os.nice(LESS_URGENT)
    return reader


def introduce(reader: Reader) -> Iterator[Hello]:
    """What the reader says of itself."""
    yield Hello(reader.provenance, reader.uses_language_model, reader.lines.languages)


@dataclass(frozen=True, slots=True)
class Read:
    """A page that was read.

    Attributes:
        page: as it was read.
        figures: that `inkread.evaluation.drift` compares; none for a single line.
        unusual: figures in which it shows a drift of the pages; the service adds them.
        seconds: of CPU time; of pages that are read together, one may bear what another took.
    """

    page: Page
    figures: dict[str, float]
    seconds: float = 0.0
    unusual: tuple[str, ...] = ()


def read(reader: Reader, pages: Sequence[Decoded]) -> Iterator[Read]:
    """Read decoded pages together; each is yielded as soon as it is read."""
    begun: deque[tuple[Decoded, PageImage]] = deque()
    before = time.process_time()

    def images() -> Iterator[PageImage]:
        for page in pages:
            pixels = np.load(page.path, mmap_mode="c")
            image = PageImage(pixels, index=page.index, dpi=page.dpi, full_size=page.full_size)
            begun.append((page, image))
            yield image

    for page in reader.read_pages(images(), [page.layout for page in pages], [page.language for page in pages]):
        decoded, image = begun.popleft()
        figures = {} if decoded.layout else page_figures(page, image.grey, reader.lines)
        now = time.process_time()
        yield Read(page, figures, now - before)
        before = now
