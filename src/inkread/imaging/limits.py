"""How large an input may be, set in one place.

Usage: ``load_pages("scan.pdf", Limits(max_pages=10))``
"""

from __future__ import annotations

from dataclasses import dataclass

from inkread.errors import InputTooLargeError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that are checked before pixels are decoded.

    Attributes:
        max_bytes: size of the encoded input.
        max_pixels: width times height of one page; Pillow warns above 89 million and refuses above 179 million.
        max_pages: pages of one input.
    """

    max_bytes: int = 512 * 2**20
    max_pixels: int = 80_000_000
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

    def check_pages(self, pages: int) -> None:
        """Raise InputTooLargeError when ``pages`` pages are too many."""
        if pages > self.max_pages:
            raise InputTooLargeError(f"the file has more than the {self.max_pages} pages that are read, split it")


DEFAULT_LIMITS = Limits()
