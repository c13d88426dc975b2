"""What is too large is refused in one sentence that names the limit."""

import pytest

from inkread.errors import InputTooLargeError
from inkread.io.images import Limits

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
