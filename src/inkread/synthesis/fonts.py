"""Written-looking fonts: find them, load them, know what they can write.

Usage: ``font = find_fonts()[0]; font.covers("où ça ?")``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from inkread.errors import DamagedInputError, InputNotFoundError

BUNDLED = Path(__file__).parent.parent / "assets" / "fonts"
SUFFIXES = frozenset({".ttf", ".otf", ".woff"})
UNASSIGNED = "\uffff"
PROBE = 200


@dataclass(frozen=True, slots=True, order=True)
class Font:
    """A font file; ``name`` is its stem. What uses the file raises DamagedInputError where it is no font."""

    name: str
    path: Path

    def at_x_height(self, pixels: float) -> ImageFont.FreeTypeFont:
        """The font at the size whose letter x is ``pixels`` high: what makes hands of different fonts equally large."""
        left, top, right, bottom = _load(self.path, PROBE).getbbox("x", anchor="ls")
        return _load(self.path, max(round(pixels * PROBE / max(bottom - top, 1)), 4))

    def covers(self, text: str) -> bool:
        """Whether every character but the space leaves ink of its own."""
        return all(character == " " or _draws(self.path, character) for character in text)


def find_fonts(folders: Sequence[Path] = ()) -> tuple[Font, ...]:
    """All fonts under ``folders``, sorted by name; the bundled ones where no folder is given.

    Raises:
        InputNotFoundError: a folder is missing or holds no font file.
    """
    found: list[Font] = []
    for folder in folders or (BUNDLED,):
        here = [Font(path.stem, path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
        if not here:
            raise InputNotFoundError(f"{folder} holds no font; name a folder with .ttf, .otf or .woff files")
        found.extend(here)
    return tuple(sorted(found))


@lru_cache(maxsize=1024)
def _load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(str(path), size)
    except OSError as error:
        raise DamagedInputError(f"{path} is not a font that can be read; remove it from the folder") from error


@lru_cache(maxsize=65536)
def _draws(path: Path, character: str) -> bool:
    font = _load(path, 32)
    ink = font.getmask(character)
    return ink.getbbox() is not None and bytes(ink) != bytes(font.getmask(UNASSIGNED))
