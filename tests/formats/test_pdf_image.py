import numpy as np
import pikepdf
import pytest

from inkread.formats.pdf import scan_image
from inkread.io.images import PageImage, Pixels


def decoded(pixels: Pixels) -> tuple[str, Pixels]:
    with pikepdf.new() as pdf:
        image = scan_image(pdf, PageImage(pixels))
        assert isinstance(image, pikepdf.Stream)
        view = pikepdf.PdfImage(image)
        mode = "L" if pixels.ndim == 2 else "RGB"
        return str(image.Filter), np.asarray(view.as_pil_image().convert(mode), np.uint8)


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_grey_and_colour_pages_become_jpeg(shape: tuple[int, ...]) -> None:
    pixels = np.broadcast_to(np.linspace(0, 255, 60).astype(np.uint8).reshape(1, 60, *(1,) * (len(shape) - 2)), shape)
    kind, image = decoded(np.ascontiguousarray(pixels))
    assert kind == "/DCTDecode"
    assert np.abs(image.astype(int) - pixels).mean() < 2


def test_black_and_white_pages_stay_exact() -> None:
    """An archive's bilevel scan must not get grey fringes, nor turn into its negative."""
    pixels = np.where(np.random.default_rng(0).random((37, 61)) < 0.2, 0, 255).astype(np.uint8)
    kind, image = decoded(pixels)
    assert kind == "/CCITTFaxDecode"
    assert np.array_equal(image, pixels)


def test_pages_too_long_for_jpeg_are_written() -> None:
    pixels = np.full((70_000, 2), 128, np.uint8)
    kind, image = decoded(pixels)
    assert kind == "/FlateDecode"
    assert np.array_equal(image, pixels)
