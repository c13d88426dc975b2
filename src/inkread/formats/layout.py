"""What the readers of ALTO, PAGE and JSON have in common.

Usage: ``return as_layout(Page(width, height, regions))``
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isfinite

from inkread.document import Line, Page, Polygon
from inkread.formats.geometry import complete
from inkread.formats.xml import Element

_LARGEST_SIDE = 1_000_000


def as_layout(page: Page) -> Page:
    """``as_layout(page)``: checked, and with the geometry its file left out.

    Empty lines without a position are dropped.

    Raises:
        ValueError: where the page has no usable size, or a line with text has no position.
    """
    check_page(page)
    regions = tuple(
        replace(region, lines=tuple(line for line in region.lines if _is_placed(line))) for region in page.regions
    )
    return complete(replace(page, regions=regions))


def check_page(page: Page) -> None:
    """Raise ValueError where size, orientation or resolution are none that an image can have."""
    if not (0 < page.width <= _LARGEST_SIDE and 0 < page.height <= _LARGEST_SIDE):
        raise ValueError(f"its page of {page.width} x {page.height} pixels is no usable size")
    if page.orientation not in (0, 90, 180, 270):
        raise ValueError(f"its orientation of {page.orientation} degrees is no quarter turn")
    if page.dpi is not None and not (page.dpi > 0 and isfinite(page.dpi)):
        raise ValueError(f"its resolution of {page.dpi} dpi is no usable one")


def check_points(page: Page) -> None:
    """Raise ValueError where a coordinate is not finite."""
    outlines: Iterable[Polygon] = (
        outline
        for region in page.regions
        for outlines in ([region.polygon], *(_outlines(line) for line in region.lines))
        for outline in outlines
    )
    if not all(isfinite(value) for outline in outlines for point in outline for value in point):
        raise ValueError("a coordinate is no finite number")


def in_order(elements: Sequence[Element], name: str, order: Sequence[str]) -> list[Element]:
    """``in_order(regions, "id", ["r2", "r1"])``: named elements first, in that order, then the others."""
    ranks = {identifier: rank for rank, identifier in reversed(list(enumerate(order)))}
    return sorted(elements, key=lambda element: ranks.get(element.get(name, ""), len(order)))


def quarter_turns(degrees: float | None) -> int:
    """``quarter_turns(-88.5) == 270``: the nearest of 0, 90, 180 and 270 degrees."""
    return round((degrees or 0) / 90) % 4 * 90


def _is_placed(line: Line) -> bool:
    if line.baseline or line.polygon:
        return True
    if line.text:
        raise ValueError(f"its line {line.id} has neither baseline nor outline")
    return False


def _outlines(line: Line) -> list[Polygon]:
    return [
        line.baseline,
        line.polygon,
        *(word.polygon for word in line.words),
        *(character.polygon for word in line.words for character in word.characters),
    ]
