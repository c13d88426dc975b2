"""A page image and how image files become one: decoding, limits, grey values, orientation.

Usage: ``for page in read_bitmap(content, "scan.tif", limits): page.grey``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from inkread.document import Page, Point, move_points
from inkread.errors import DamagedInputError, InputTooLargeError, UnsupportedInputError
from inkread.io import tiff


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that are checked before pixels are decoded.

    Attributes:
        max_bytes: size of the encoded input.
        max_pixels: width times height of one page; a larger one is refused.
        whole_pixels: width times height of one page; a larger one is read at a half, a quarter and so on of its
            resolution, which keeps an A0 poster of 300 dpi or an A4 page of 1200 dpi within 700 MiB.
        max_pages: pages of one input.
    """

    max_bytes: int = 512 * 2**20
    max_pixels: int = 145_000_000
    whole_pixels: int = 50_000_000
    max_pages: int = 2_000

    def check_bytes(self, size: int) -> None:
        """Raise InputTooLargeError when ``size`` bytes are too many."""
        if size > self.max_bytes:
            raise InputTooLargeError(
                f"the file is larger than the {self.max_bytes / 2**20:g} MiB that are read, split it or make it smaller"
            )

    def check_pixels(self, width: int, height: int) -> None:
        """Raise InputTooLargeError when a page of ``width`` x ``height`` pixels is too large."""
        if width * height > self.max_pixels:
            raise InputTooLargeError(
                f"the image has {width} x {height} pixels and at most {self.max_pixels / 1e6:g} million "
                "are read, scale it down"
            )

    def reduction(self, width: int, height: int) -> int:
        """By how much a page of ``width`` x ``height`` pixels is scaled down: 1, 2, 4 and so on."""
        factor = 1
        while (width // factor) * (height // factor) > self.whole_pixels:
            factor *= 2
        return factor

    def check_pages(self, pages: int) -> None:
        """Raise InputTooLargeError when ``pages`` pages are too many."""
        if pages > self.max_pages:
            raise InputTooLargeError(f"the file has more than the {self.max_pages} pages that are read, split it")


DEFAULT_LIMITS = Limits()


Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class PageImage:
    """One page, upright as a viewer shows it.

    Attributes:
        pixels: uint8, [height, width] grey or [height, width, 3] RGB.
        source: file the page came from, "" where there is no file.
        index: position in that file, from 0.
        dpi: resolution of ``pixels``, None where unknown.
        full_size: width and height of the page in the file, where ``pixels`` have a lower resolution (see `Limits`).
        stored: how the pixels lie in the file, as the values 1 to 8 of EXIF; 1 is upright.
    """

    pixels: Pixels
    source: str = ""
    index: int = 0
    dpi: float | None = None
    full_size: tuple[int, int] | None = None
    stored: int = 1

    @property
    def width(self) -> int:
        """Columns of the page."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows of the page."""
        return int(self.pixels.shape[0])

    @property
    def grey(self) -> Pixels:
        """The page as uint8 [height, width]; a new array for a colour page, so keep it rather than ask twice."""
        if self.pixels.ndim == 2:
            return self.pixels
        return grey_of(self.pixels)


FLAT = 30
"""Grey values (of 255) between ink and paper below which a colour channel may show the ink better."""
CLEARER = 3
"""How many times the contrast of a grey page a channel must have to stand in for it; noise of a camera has less."""


def grey_of(pixels: Pixels) -> Pixels:
    """Brightness of an RGB page; where ink and paper are equally bright, the channel in which they differ most.

    Args:
        pixels: uint8 [height, width, 3].

    Returns:
        uint8 [height, width], ink darker than paper where a channel was taken.
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    step = max(min(grey.shape) // 500, 1)
    low, high = np.percentile(grey[::step, ::step], (1, 99))
    if high - low >= FLAT:
        return grey
    lows, middles, highs = np.percentile(pixels[::step, ::step].reshape(-1, 3), (1, 50, 99), axis=0)
    best = int(np.argmax(highs - lows))
    if highs[best] - lows[best] < max(FLAT, CLEARER * (high - low)):
        return grey
    channel = pixels[..., best]
    bright_ink = highs[best] - middles[best] > middles[best] - lows[best]
    return np.ascontiguousarray(255 - channel if bright_ink else channel)


class Raster(NamedTuple):
    """Pixels of a page, and what `PageImage` says of them."""

    pixels: Pixels
    dpi: float | None
    full_size: tuple[int, int] | None = None
    stored: int = 1


# What white can be in samples of 1 (or float), 8, 10, 12, 14, 16 and 32 bits.
WHITES = (1, 2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1, 2**16 - 1, 2**32 - 1)


def scale_to_uint8(samples: NDArray[np.generic]) -> Pixels:
    """Scale samples to 0..255 by the smallest usual bit depth that holds the largest one.

    So 12-bit scans stored in 16 bits are not read as black, and the contrast of a full-range image is kept.
    """
    values = np.nan_to_num(samples.astype(np.float32, copy=False), posinf=0, neginf=0)
    brightest = float(values.max())
    white = next((white for white in WHITES if white >= brightest), brightest)
    return (values.clip(0, white) * (255 / white) + 0.5).astype(np.uint8)


def image_pixels(image: Image.Image) -> Pixels:
    """The pixels of a Pillow image of any mode, transparency over white: uint8 [height, width] or RGB."""
    if image.mode.startswith(("I", "F")):
        return scale_to_uint8(np.asarray(image))
    if image.has_transparency_data:
        return np.asarray(_over_white(image))
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def array_pixels(array: NDArray[np.generic]) -> Pixels:
    """The pixels of an array [height, width] or [height, width, 1 | 3 | 4] of uint8, uint16, bool or float in [0, 1].

    A uint8 array with one or three channels is not copied.

    Raises:
        UnsupportedInputError: another shape, type or range.
        DamagedInputError: the array is empty.
    """
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise UnsupportedInputError(
            f"the array has shape {list(array.shape)}, give [height, width] or [height, width, 1, 3 or 4]"
        )
    if array.size == 0:
        raise DamagedInputError(f"the array of shape {list(array.shape)} has no pixels, give one with some")
    samples = _eight_bit(array)
    if samples.ndim == 2:
        return samples
    if samples.shape[2] == 1:
        return samples[:, :, 0]
    return image_pixels(Image.fromarray(samples)) if samples.shape[2] == 4 else samples


def reduced_array(pixels: Pixels, limits: Limits) -> Raster:
    """The pixels, at a lower resolution where ``limits`` ask for it."""
    height, width = pixels.shape[:2]
    factor = limits.reduction(width, height)
    if factor == 1:
        return Raster(pixels, None)
    size = max(round(width / factor), 1), max(round(height / factor), 1)
    return Raster(np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), None, (width, height))


def _eight_bit(array: NDArray[np.generic]) -> Pixels:
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype == np.bool_:
        return np.where(array, np.uint8(255), np.uint8(0))
    if array.dtype == np.uint16:
        return scale_to_uint8(array)
    if np.issubdtype(array.dtype, np.floating):
        values = array.astype(np.float32, copy=False)
        if values.min() >= 0 and values.max() <= 1:
            return (values * 255 + 0.5).astype(np.uint8)
        raise UnsupportedInputError("the array of floats has values outside 0 to 1, scale it into that range")
    raise UnsupportedInputError(f"the array is of type {array.dtype}, give uint8, uint16, bool or float in 0 to 1")


def _over_white(image: Image.Image) -> Image.Image:
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    page = Image.new("RGB", image.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    return page.convert("L") if image.mode in ("1", "L", "LA", "La") else page


READERS: dict[str, type[ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "PNM": PpmImageFile,
    "JPEG 2000": Jpeg2KImageFile,
    "AVIF": AvifImageFile,
}
with suppress(ImportError):  # the extra heif
    from pillow_heif import HeifImageFile

    READERS["HEIC"] = HeifImageFile

EXIF_ORIENTATION = 274
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {turn for number, turn in UPRIGHT.items() if number > 4}
BAND_ROWS = 256
PNG_EXIF = {"exif", "Raw profile type exif"}
SUBFILE_TYPE = 254
REDUCED_RESOLUTION = 1
WHITE_IS_ZERO = 0
PLAUSIBLE_DPI = (30, 4800)


def count_frames(stream: BinaryIO, kind: str, limits: Limits) -> int:
    """The pages of an image file: full-resolution pages of a TIFF, otherwise its frames."""
    with READERS[kind](stream) as image:
        return sum(1 for _ in _frames(image, limits))


def measure(stream: BinaryIO, kind: str, limits: Limits) -> tuple[tuple[int, int], int]:
    """Width and height of the first page of an image file, upright, and how it lies there; no pixel is decoded."""
    with READERS[kind](stream) as image:
        frame = next(_frames(image, limits))
        limits.check_pixels(*frame.size)
        stored = _orientation(frame)
        turned = UPRIGHT.get(stored) in SIDEWAYS and not isinstance(
            frame, TiffImageFile
        )  # Pillow gives its size upright
        return (frame.size[::-1] if turned else frame.size), stored


def read_bitmap(stream: BinaryIO, kind: str, limits: Limits, first: int = 0) -> Iterator[Raster]:
    """Yield the pages of an image file from ``first`` on: each full-resolution page of a TIFF, else each frame."""
    with READERS[kind](stream) as image:
        for frame in islice(_frames(image, limits), first, None):
            yield read_image(frame, limits)


def _frames(image: ImageFile, limits: Limits) -> Iterator[ImageFile]:
    if isinstance(image, TiffImageFile):
        yield from _tiff_frames(image, limits)
        return
    count: int = getattr(image, "n_frames", 1)
    limits.check_pages(count)
    for number in range(count):
        image.seek(number)
        yield image


def read_image(image: Image.Image, limits: Limits) -> Raster:
    """What a Pillow image shows, its EXIF orientation applied; the image itself stays as it is."""
    limits.check_pixels(*image.size)
    factor = limits.reduction(*image.size)
    if factor > 1:
        return _read_reduced(image, factor)
    dpi, stored = _dpi(image), _orientation(image)
    decoded = _decoded(image)
    turn = UPRIGHT.get(_orientation(image))  # None where Pillow turned a TIFF while decoding it
    pixels = image_pixels(decoded if turn is None else decoded.transpose(turn))
    return Raster(np.invert(pixels) if _is_deep_negative(image) else pixels, dpi, stored=stored)


def _read_reduced(image: Image.Image, factor: int) -> Raster:
    """As `read_image`, at a lower resolution; grey where the whole image in colour would need too much memory."""
    full, dpi, stored = image.size, _dpi(image), _orientation(image)
    if isinstance(image, JpegImageFile):
        image.draft(image.mode, (image.width // factor, image.height // factor))
        image.load()
        pixels = image_pixels(image)
    elif image.mode == "RGB" and not image.has_transparency_data and (grey := _decoded_as_grey(image)) is not None:
        pixels = grey
    else:
        decoded = _decoded(image)
        full = decoded.size
        pixels = _grey_bands(decoded, factor)
    size = [max(round(side / factor), 1) for side in full]
    pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    if _is_deep_negative(image):
        pixels = np.invert(pixels)
    if (turn := UPRIGHT.get(_orientation(image))) is not None:
        pixels = np.asarray(Image.fromarray(pixels).transpose(turn))
    return Raster(pixels, dpi and dpi / factor, full[::-1] if turn in SIDEWAYS else full, stored)


def _decoded_as_grey(image: Image.Image) -> Pixels | None:
    """The grey values of a colour image, without a colour image in memory (Pillow's has 4 bytes a pixel).

    None where OpenCV does not read it as Pillow does, which then says what is wrong.
    """
    stream = getattr(image, "fp", None)
    is_tiff = isinstance(image, TiffImageFile)
    if stream is None or not (is_tiff or isinstance(image, PngImageFile | BmpImageFile | PpmImageFile)):
        return None
    frame = image.tell()
    if _orientation(image) != 1 if is_tiff else frame:
        return None
    place = stream.tell()
    stream.seek(0)
    content = stream.read()
    stream.seek(place)
    if isinstance(image, PngImageFile) and not image.info.keys() & PNG_EXIF and re.search(b"eXIf|type exif", content):
        return None  # EXIF data behind the pixels
    buffer = np.frombuffer(content, np.uint8)
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        found = cv2.imdecodemulti(buffer, flags, range=(frame, frame + 1))[1] if is_tiff else ()
        grey = found[0] if found else cv2.imdecode(buffer, flags)
    except cv2.error:
        return None
    return None if grey is None or grey.shape[::-1] != image.size else np.asarray(grey, np.uint8)


def _grey_bands(image: Image.Image, factor: int) -> Pixels:
    """The grey values at a lower resolution, taken band by band; uint8, sides rounded up."""
    if image.mode.startswith(("I", "F")):  # what white is depends on the whole page
        return image_pixels(image)
    width, height = -(-image.width // factor), -(-image.height // factor)
    reduced = np.empty((height, width), np.uint8)
    for top in range(0, height, BAND_ROWS):
        band = reduced[top : top + BAND_ROWS]
        part = image.crop((0, top * factor, image.width, min((top + len(band)) * factor, image.height)))
        grey = PageImage(image_pixels(part)).grey
        band[:] = cv2.resize(grey, (width, len(band)), interpolation=cv2.INTER_AREA)
    return reduced


def _decoded(image: Image.Image) -> Image.Image:
    if not isinstance(image, TiffImageFile):
        image.load()
        return image
    if tiff.is_segmented(image):
        return tiff.decode_segments(image)
    try:
        image.load()
    except OSError as error:
        if name := tiff.NAMES.get(tiff.compression(image)):
            raise UnsupportedInputError(
                f"the TIFF is compressed with {name}, which is not read, save it with LZW, Deflate or JPEG"
            ) from error
        raise
    return image


def _tiff_frames(image: TiffImageFile, limits: Limits) -> Iterator[ImageFile]:
    count = 0
    with suppress(EOFError):
        while count <= limits.max_pages:
            image.seek(count)
            count += 1
    limits.check_pages(count)
    for number in range(count):
        image.seek(number)
        if not int(image.tag_v2.get(SUBFILE_TYPE, 0)) & REDUCED_RESOLUTION:
            yield image


def _is_deep_negative(image: Image.Image) -> bool:
    """Whether zero means white in a 16- or 32-bit TIFF; Pillow turns only those of up to 8 bits."""
    if not isinstance(image, TiffImageFile) or not image.mode.startswith(("I", "F")):
        return False
    return bool(image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO)


def _orientation(image: Image.Image) -> int:
    if isinstance(image, PngImageFile) and not image.info.keys() & PNG_EXIF:  # Pillow would decode it to find some
        return 1
    try:
        value = int(image.getexif().get(EXIF_ORIENTATION, 1))
        return value if value in UPRIGHT else 1
    except Exception:  # a page with broken EXIF data is still a page, and Pillow raises many types for it
        return 1


def _dpi(image: Image.Image) -> float | None:
    try:
        dpi = float(image.info["dpi"][0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return None
    return dpi if PLAUSIBLE_DPI[0] <= dpi <= PLAUSIBLE_DPI[1] else None


def turn(grey: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """The page turned clockwise by 0, 90, 180 or 270 degrees; uint8 [height, width] or [height, width, 3]."""
    return np.ascontiguousarray(np.rot90(grey, -degrees // 90))


def turn_back(page: Page, degrees: int) -> Page:
    """The page with coordinates as before it was turned clockwise by ``degrees``, and these as its orientation."""
    width, height = (page.height, page.width) if degrees in (90, 270) else (page.width, page.height)

    def point(at: Point) -> Point:
        x, y = at
        match degrees:
            case 90:
                return (y, round(height - x, 1))
            case 180:
                return (round(width - x, 1), round(height - y, 1))
            case 270:
                return (round(width - y, 1), x)
            case _:
                return at

    return replace(move_points(page, point), width=width, height=height, orientation=degrees)


def from_stored(page: Page, stored: int) -> Page:
    """A page in the coordinates of the pixels as they lie in a file, in those of the image as a viewer shows it.

    Args:
        page: with the size of the stored pixels.
        stored: see `PageImage`.
    """
    turned = UPRIGHT.get(stored)
    width, height = (page.height, page.width) if turned in SIDEWAYS else (page.width, page.height)
    moves: dict[Image.Transpose | None, Callable[[float, float], Point]] = {
        None: lambda x, y: (x, y),
        Image.Transpose.FLIP_LEFT_RIGHT: lambda x, y: (width - x, y),
        Image.Transpose.ROTATE_180: lambda x, y: (width - x, height - y),
        Image.Transpose.FLIP_TOP_BOTTOM: lambda x, y: (x, height - y),
        Image.Transpose.TRANSPOSE: lambda x, y: (y, x),
        Image.Transpose.ROTATE_270: lambda x, y: (width - y, x),
        Image.Transpose.TRANSVERSE: lambda x, y: (width - y, height - x),
        Image.Transpose.ROTATE_90: lambda x, y: (y, height - x),
    }
    move = moves[turned]
    return replace(move_points(page, lambda at: move(*at)), width=width, height=height, orientation=0)
