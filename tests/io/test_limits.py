"""What is too large is refused in one sentence that names the limit."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from inkread.errors import InputTooLargeError
from inkread.io.images import EXIF_ORIENTATION, Limits
from inkread.io.inputs import load_pages

LIMITS = Limits(max_bytes=2**20, max_pixels=1_000_000, max_pages=3)


def test_what_just_fits_is_accepted() -> None:
    LIMITS.check_bytes(2**20)
    LIMITS.check_pixels(1000, 1000)
    LIMITS.check_pages(3)


def test_one_more_is_refused_with_the_limit_in_the_message() -> None:
    with pytest.raises(InputTooLargeError, match="1 MiB"):
        LIMITS.check_bytes(2**20 + 1)
    with pytest.raises(InputTooLargeError, match=r"1001 x 1000 pixels and at most 1 million"):
        LIMITS.check_pixels(1001, 1000)
    with pytest.raises(InputTooLargeError, match="3 pages"):
        LIMITS.check_pages(4)


@pytest.mark.case
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PNG 16 bit", "PNG palette", "TIFF bilevel", "array"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_very_large_page_is_scaled_down_and_says_its_size(kind: str, orientation: int) -> None:
    """Two black bars on white, of 800 x 1203 pixels, at a quarter of the resolution."""
    grey = np.full((1203, 800), 255, np.uint8)
    grey[100:300, 80:720] = grey[1000:1100, 80:400] = 0
    image = Image.fromarray(grey)
    if kind == "array":
        [page] = load_pages(grey, Limits(whole_pixels=100_000))
        orientation = 1
    else:
        if kind == "PNG 16 bit":
            image = Image.fromarray(grey.astype(np.uint16) * 257)
        elif kind != "TIFF bilevel":
            image = image.convert("P" if kind == "PNG palette" else "RGB")
        else:
            image = image.convert("1")
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        stream = BytesIO()
        image.save(stream, kind.split()[0], exif=exif, dpi=(1200, 1200))
        [page] = load_pages(stream.getvalue(), Limits(whole_pixels=100_000))
        assert page.dpi == pytest.approx(300, abs=0.1)
    upright = np.rot90(grey, -1) if orientation == 6 else grey
    assert page.full_size == upright.shape[::-1]
    expected = cv2.resize(np.ascontiguousarray(upright), (page.width, page.height), interpolation=cv2.INTER_AREA)
    assert max(page.width, page.height) == 301
    assert np.abs(page.grey.astype(int) - expected).mean() < 4


@pytest.mark.case
def test_a_page_of_usual_size_keeps_every_pixel() -> None:
    assert Limits().reduction(4961, 7016) == 1  # A4 of 600 dpi
    assert Limits().reduction(9921, 14031) == 2  # A4 of 1200 dpi
    assert Limits().reduction(9933, 14043) == 2  # A0 of 300 dpi
