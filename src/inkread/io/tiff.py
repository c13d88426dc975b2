"""Compressions of TIFF that Pillow's TIFF reader lacks: WebP and JPEG 2000 are decoded here, others are named.

Usage: ``if is_segmented(frame): image = decode_segments(frame)``

Compression numbers: https://www.loc.gov/preservation/digital/formats/content/tiff_tags.shtml, libtiff's tiff.h.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.TiffImagePlugin import (
    COMPRESSION,
    COMPRESSION_INFO,
    PHOTOMETRIC_INTERPRETATION,
    ROWSPERSTRIP,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILELENGTH,
    TILEOFFSETS,
    TILEWIDTH,
    TiffImageFile,
)
from PIL.WebPImagePlugin import WebPImageFile

from inkread.errors import DamagedInputError

SEGMENTED = {50001: WebPImageFile, **dict.fromkeys((33003, 33004, 33005, 34712), Jpeg2KImageFile)}
"""Compressions whose strips and tiles are image files of their own."""
NAMES = {
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    50001: "WebP",
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    50000: "Zstandard",
    34925: "LZMA",
    34887: "LERC",
    **dict.fromkeys((34661, 34715), "JBIG"),
    34892: "lossy JPEG of DNG",
    34676: "SGI Log",
    34677: "SGI Log",
    32909: "PixarLog",
    32809: "ThunderScan",
}
YCBCR = 6
# Without an entry Pillow does not open the file, so that not even its compression can be told.
for code, name in NAMES.items():
    COMPRESSION_INFO.setdefault(code, name)


def compression(image: TiffImageFile) -> int:
    """The number of the compression of the current page."""
    return int(image.tag_v2.get(COMPRESSION, 1))


def is_segmented(image: TiffImageFile) -> bool:
    """Whether `decode_segments` reads the current page."""
    return compression(image) in SEGMENTED


def decode_segments(image: TiffImageFile) -> Image.Image:
    """The current page, put together from its strips or tiles.

    Raises:
        DamagedInputError: a strip or tile is missing.
    """
    reader = SEGMENTED[compression(image)]
    is_ycbcr = reader is Jpeg2KImageFile and image.tag_v2.get(PHOTOMETRIC_INTERPRETATION) == YCBCR
    page = Image.new("L" if image.mode in ("1", "L") else "RGB", image.size)
    for content, corner in _segments(image):
        with reader(BytesIO(content)) as segment:
            coloured = Image.merge("YCbCr", segment.split()) if is_ycbcr and segment.mode == "RGB" else segment
            page.paste(coloured.convert(page.mode), corner)
    return page


def _segments(image: TiffImageFile) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """The content of each strip or tile and where its upper left corner is."""
    tags, (width, height) = image.tag_v2, image.size
    if TILEOFFSETS in tags:
        across, down = int(tags[TILEWIDTH]), int(tags[TILELENGTH])
        offsets, sizes = tags[TILEOFFSETS], tags[TILEBYTECOUNTS]
    else:
        across, down = width, min(int(tags.get(ROWSPERSTRIP, height)), height)
        offsets, sizes = tags[STRIPOFFSETS], tags[STRIPBYTECOUNTS]
    corners = [(x, y) for y in range(0, height, down) for x in range(0, width, across)]
    if not len(corners) == len(offsets) == len(sizes):
        raise DamagedInputError("a part of the image is missing, copy or scan it again")
    stream = image.fp
    assert stream is not None
    for offset, size, corner in zip(offsets, sizes, corners, strict=True):
        stream.seek(offset)
        yield stream.read(size), corner
