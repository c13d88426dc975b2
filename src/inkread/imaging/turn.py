"""Turn a page by quarters, and bring what was found on the turned page back.

Usage: ``upright = turn(grey, 90); page = turn_back(read(upright), 90)``
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inkread.document import Character, Line, Page, Point, Region, Word


def turn(grey: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
    """The page turned clockwise by 0, 90, 180 or 270 degrees; uint8 [height, width] or [height, width, 3]."""
    return np.ascontiguousarray(np.rot90(grey, -degrees // 90))


def turn_back(page: Page, degrees: int) -> Page:
    """The page with coordinates as before it was turned clockwise by ``degrees``, and these as its orientation."""
    width, height = (page.height, page.width) if degrees in (90, 270) else (page.width, page.height)

    def point(at: Point) -> Point:
        x, y = at
        match degrees:
            case 90:
                return (y, round(height - x, 1))
            case 180:
                return (round(width - x, 1), round(height - y, 1))
            case 270:
                return (round(width - y, 1), x)
            case _:
                return at

    def points(many: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple(point(at) for at in many)

    def character(item: Character) -> Character:
        return replace(item, polygon=points(item.polygon))

    def word(item: Word) -> Word:
        return replace(item, polygon=points(item.polygon), characters=tuple(map(character, item.characters)))

    def line(item: Line) -> Line:
        return replace(
            item,
            baseline=points(item.baseline),
            polygon=points(item.polygon),
            words=tuple(map(word, item.words)),
        )

    def region(item: Region) -> Region:
        return replace(item, polygon=points(item.polygon), lines=tuple(map(line, item.lines)))

    regions = tuple(map(region, page.regions))
    return replace(page, width=width, height=height, regions=regions, orientation=degrees)
