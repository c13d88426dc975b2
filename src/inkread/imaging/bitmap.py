"""Image files as pages: PNG, JPEG, WebP and TIFF.

Usage: ``for pixels, dpi in read_bitmap(stream, "TIFF", limits): ...``

The file classes of Pillow are used directly rather than through ``Image.open``: the format is known from the content,
and only the limits given here decide what is too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from inkread.imaging.limits import Limits
from inkread.imaging.pixels import Raster, image_pixels

READERS: dict[str, type[ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "TIFF": TiffImageFile,
}
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
SUBFILE_TYPE = 254
REDUCED_RESOLUTION = 1
WHITE_IS_ZERO = 0
PLAUSIBLE_DPI = (30, 4800)


def read_bitmap(stream: BinaryIO, kind: str, limits: Limits) -> Iterator[Raster]:
    """Yield the pages of an image file: each full-resolution page of a TIFF, otherwise the first frame."""
    with READERS[kind](stream) as image:
        for frame in _tiff_frames(image, limits) if isinstance(image, TiffImageFile) else (image,):
            yield read_image(frame, limits)


def read_image(image: Image.Image, limits: Limits) -> Raster:
    """What a Pillow image shows, its EXIF orientation applied; the image itself stays as it is."""
    limits.check_pixels(*image.size)
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    pixels = image_pixels(image if turn is None else image.transpose(turn))
    return (np.invert(pixels) if _is_deep_negative(image) else pixels), _dpi(image)


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
    try:
        return int(image.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # a page with broken EXIF data is still a page, and Pillow raises many types for it
        return 1


def _dpi(image: Image.Image) -> float | None:
    try:
        dpi = float(image.info["dpi"][0])
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
        return None
    return dpi if PLAUSIBLE_DPI[0] <= dpi <= PLAUSIBLE_DPI[1] else None
