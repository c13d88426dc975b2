"""Every kind of sample becomes the same 8-bit page, with the ink dark and the paper light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import DamagedInputError, UnsupportedInputError
from inkread.io.images import array_pixels, image_pixels, scale_to_uint8

GREY = np.array([[0, 128, 255]], np.uint8)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_scans_with_fewer_bits_than_their_samples_are_not_read_as_black(bits: int) -> None:
    white = 2**bits - 1
    samples = np.array([[0, white // 2, white]], np.uint16)
    assert np.abs(scale_to_uint8(samples).astype(int) - [[0, 127, 255]]).max() <= 1


def test_a_dark_page_of_the_full_range_stays_dark() -> None:
    assert scale_to_uint8(np.array([[20_000]], np.uint16)).item() == pytest.approx(20_000 / 257, abs=1)


def test_samples_that_are_no_numbers_do_not_spoil_the_page() -> None:
    samples = np.array([[np.nan, np.inf, -np.inf, -3.0, 1.0]], np.float32)
    assert scale_to_uint8(samples).tolist() == [[0, 0, 0, 0, 255]]


@pytest.mark.parametrize(
    "array",
    [GREY, GREY.astype(np.uint16) * 257, GREY / 255, (GREY / 255).astype(np.float32), GREY[:, :, None]],
    ids=["uint8", "uint16", "float64", "float32", "channel axis"],
)
def test_arrays_of_all_types_give_the_same_page(array: NDArray[np.generic]) -> None:
    assert array_pixels(array).tolist() == GREY.tolist()


def test_true_is_paper() -> None:
    assert array_pixels(np.array([[True, False]])).tolist() == [[255, 0]]


def test_an_8_bit_array_is_not_copied() -> None:
    assert np.shares_memory(array_pixels(GREY), GREY)


def test_a_transparent_array_lies_on_white_paper() -> None:
    array = np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)
    assert array_pixels(array).tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3), r"shape \[3\]"),
        (np.zeros((3, 3, 2)), r"shape \[3, 3, 2\]"),
        (np.zeros((1, 3, 3, 3)), r"shape \[1, 3, 3, 3\]"),
        (np.full((2, 2), 255.0), "outside 0 to 1"),
        (np.full((2, 2), np.nan), "outside 0 to 1"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_other_arrays_are_refused_with_what_is_wrong(array: NDArray[np.generic], message: str) -> None:
    with pytest.raises(UnsupportedInputError, match=message):
        array_pixels(array)


def test_an_empty_array_is_refused() -> None:
    with pytest.raises(DamagedInputError, match="no pixels"):
        array_pixels(np.zeros((0, 5), np.uint8))


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.bool_]),
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3, 4])),
    )
)
def test_every_array_keeps_its_rows_and_columns(array: NDArray[np.generic]) -> None:
    pixels = array_pixels(array)
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == array.shape[:2]
    assert pixels.ndim == 2 or pixels.shape[2] == 3


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F", "PA", "La", "LAB", "HSV"]
)
def test_black_ink_on_white_paper_comes_out_of_every_mode(mode: str) -> None:
    page = np.full((8, 8), 255, np.uint8)
    page[2:6, 2:6] = 0
    image = Image.fromarray(page)
    if mode == "I;16":
        image = Image.fromarray(page.astype(np.uint16) * 257)
    elif mode == "La":
        image = image.convert("LA").convert("La")
    elif mode == "PA":
        image = image.convert("P").convert("PA")
    else:
        image = image.convert("RGB" if mode in ("LAB", "HSV") else "L").convert(mode)
    pixels = image_pixels(image)
    grey = pixels if pixels.ndim == 2 else pixels[:, :, 1]
    assert np.abs(grey.astype(int) - page).max() <= 2


def test_half_transparent_red_is_pink() -> None:
    pixels = image_pixels(Image.new("RGBA", (1, 1), (255, 0, 0, 128)))
    assert pixels.tolist() == [[[255, 127, 127]]]


def test_a_transparent_palette_colour_is_paper() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 9, 9, 9])
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 0
    assert image_pixels(image).tolist() == [[[255] * 3, [9] * 3]]
