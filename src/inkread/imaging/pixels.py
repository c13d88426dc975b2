"""Any array or Pillow image as 8-bit grey or RGB.

Usage: ``pixels = image_pixels(Image.open("a.tif"))`` or ``pixels = array_pixels(numpy_array)``
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import DamagedInputError, UnsupportedInputError
from inkread.imaging.page import Pixels

Raster = tuple[Pixels, float | None]
"""Pixels and resolution in dpi (None where unknown)."""

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
