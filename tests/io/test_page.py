"""A page gives its grey values whatever its pixels are."""

import numpy as np

from inkread.io.images import PageImage


def test_grey_of_a_grey_page_is_not_copied() -> None:
    pixels = np.full((3, 4), 7, np.uint8)
    assert PageImage(pixels).grey is pixels


def test_grey_of_a_colour_page_weighs_green_most() -> None:
    pixels = np.zeros((1, 3, 3), np.uint8)
    pixels[0, [0, 1, 2], [0, 1, 2]] = 255
    red, green, blue = (int(value) for value in PageImage(pixels).grey[0])
    assert green > red > blue > 0


def test_size_is_columns_and_rows() -> None:
    page = PageImage(np.zeros((3, 4, 3), np.uint8))
    assert (page.width, page.height) == (4, 3)
