"""A page's pixels as a PDF image.

Usage: ``image = make_image(pdf, page.pixels)``
"""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
import pikepdf
from pikepdf import Dictionary, Name
from PIL import Image

from inkread.imaging.page import PageImage

_QUALITY = 80
_LARGEST_JPEG_SIDE = 65_500
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_BYTE_COUNTS, _PHOTOMETRIC, _BLACK_IS_ZERO = 273, 278, 279, 262, 1


def make_image(pdf: pikepdf.Pdf, page: PageImage) -> pikepdf.Object:
    """``make_image(pdf, page)``: an image XObject, CCITT group 4 for black and white pages, otherwise JPEG."""
    pixels = page.pixels
    bilevel = pixels.ndim == 2 and bool(np.all((pixels == 0) | (pixels == 255)))
    if bilevel:
        data, entries = _group4(Image.fromarray(pixels))
    elif max(pixels.shape) > _LARGEST_JPEG_SIDE:
        data, entries = zlib.compress(pixels.tobytes()), Dictionary(Filter=Name.FlateDecode)
    else:
        data, entries = _jpeg(Image.fromarray(pixels)), Dictionary(Filter=Name.DCTDecode)
    image = pdf.make_stream(data, entries)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height = page.width, page.height
    image.ColorSpace = Name.DeviceGray if pixels.ndim == 2 else Name.DeviceRGB
    image.BitsPerComponent = 1 if bilevel else 8
    return pdf.make_indirect(image)


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _group4(image: Image.Image) -> tuple[bytes, Dictionary]:
    """The strip of a TIFF that Pillow writes in one piece, and how to decode it."""
    buffer = BytesIO()
    black_and_white = image.convert("1", dither=Image.Dither.NONE)
    black_and_white.save(buffer, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: image.height})
    with Image.open(buffer) as tiff:
        tags = dict(tiff.getexif())
    offset, count = tags[_STRIP_OFFSETS], tags[_STRIP_BYTE_COUNTS]
    black_is_one = tags[_PHOTOMETRIC] == _BLACK_IS_ZERO
    parameters = Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=black_is_one)
    return buffer.getvalue()[offset : offset + count], Dictionary(Filter=Name.CCITTFaxDecode, DecodeParms=parameters)
