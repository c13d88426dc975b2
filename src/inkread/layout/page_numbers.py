"""Page numbers: a line of digits above or below all others becomes a region of its own.

Usage: ``page = with_page_numbers(page)``
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from inkread.document import Line, Page, Region

PAGE_NUMBER = "page-number"
NUMBER = re.compile(r"\W*\d{1,4}\W*")


def with_page_numbers(page: Page) -> Page:
    """The page as read, with its number in a region of kind ``page-number``; the order of lines stays as it is."""
    heights = {line.id: _height(line) for line in page.lines}
    if len(heights) < 2:
        return page
    outer = {min(heights, key=lambda name: heights[name]), max(heights, key=lambda name: heights[name])}
    numbers = {line.id for line in page.lines if line.id in outer and NUMBER.fullmatch(line.text)}
    return replace(page, regions=tuple(part for region in page.regions for part in _parted(region, numbers)))


def _height(line: Line) -> float:
    return sum(y for _, y in line.baseline) / len(line.baseline)


def _parted(region: Region, numbers: set[str]) -> Iterator[Region]:
    """A number at the start or the end of a region is taken out of it; within a table it stays a cell."""
    first, last = (region.lines[0].id in numbers, region.lines[-1].id in numbers) if region.lines else (False, False)
    if region.kind == "table" or not (first or last):
        yield region
    elif len(region.lines) == 1:
        yield replace(region, kind=PAGE_NUMBER)
    else:
        if first:
            yield Region(f"{region.id}_head", region.lines[0].polygon, region.lines[:1], PAGE_NUMBER)
        rest = region.lines[first : len(region.lines) - last]
        if rest:
            yield replace(region, lines=rest)
        if last:
            yield Region(f"{region.id}_foot", region.lines[-1].polygon, region.lines[-1:], PAGE_NUMBER)
