"""Boxes, baselines and outlines that a layout file may lack, and whether those that it has can be used.

Usage: ``complete(lines)``; ``as_layout(document)``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import hypot, isfinite
from statistics import median

from inkread.document import Line, Page, Point, Polygon, Polyline, Region, move_points
from inkread.errors import LayoutFileError
from inkread.formats.xml import Element

Box = tuple[float, float, float, float]
OnSkip = Callable[[str], None]
"""Called with the reason for a part of a layout file that cannot be used and is left out."""
ImageSize = Callable[[], tuple[int, int]]
"""Gives width and height in pixels of the image that a layout file belongs to."""

# Direction of writing on a page that must be turned clockwise by so many degrees.
_DIRECTIONS: dict[int, Point] = {0: (1, 0), 90: (0, -1), 180: (-1, 0), 270: (0, 1)}
# Where the baseline runs in an outline, and how far letters reach from it, in line distances.
_DEPTH, _ASCENT, _DESCENT = 0.25, 0.6, 0.3
_LINES_ON_A_PAGE = 40


def box_of(points: Iterable[Point]) -> Box:
    """``box_of([(1, 2), (3, 0)]) == (1, 0, 3, 2)``: left, top, right, bottom; points must not be empty."""
    xs, ys = zip(*points, strict=True)
    return (min(xs), min(ys), max(xs), max(ys))


def box_polygon(box: Box) -> Polygon:
    """``box_polygon((0, 0, 2, 1))``: the corners from the top left one clockwise."""
    left, top, right, bottom = box
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def on_grid(points: Iterable[Point], width: int, height: int) -> Polygon:
    """``on_grid([(-1, 2.6)], 9, 9) == ((0, 3),)``: whole pixels within the page."""
    return tuple((min(max(round(x), 0), width), min(max(round(y), 0), height)) for x, y in points)


def direction_of(baseline: Polyline, orientation: int = 0) -> Point:
    """``direction_of([(0, 0), (0, 5)]) == (0.0, 1.0)``: unit vector from the first to the last point.

    A baseline without length gets the direction of writing of a page with this orientation.
    """
    if len(baseline) < 2 or baseline[0] == baseline[-1]:
        return _DIRECTIONS[orientation]
    dx, dy = baseline[-1][0] - baseline[0][0], baseline[-1][1] - baseline[0][1]
    length = hypot(dx, dy)
    return (dx / length, dy / length)


def frame_of(points: Iterable[Point], direction: Point) -> list[Point]:
    """``frame_of([(3, 4)], (0, 1)) == [(4, -3)]``: coordinates along a direction and along its downward normal."""
    ux, uy = direction
    return [(x * ux + y * uy, y * ux - x * uy) for x, y in points]


def baseline_in(polygon: Polygon, orientation: int) -> Polyline:
    """``baseline_in(((0, 0), (8, 0), (8, 4), (0, 4)), 0) == ((0, 3), (8, 3))``: a quarter above the lower edge."""
    ux, uy = _DIRECTIONS[orientation]
    left, top, right, bottom = box_of(frame_of(polygon, (ux, uy)))
    depth = bottom - _DEPTH * (bottom - top)
    return tuple((along * ux - depth * uy, along * uy + depth * ux) for along in (left, right))


def band_around(baseline: Polyline, spacing: float, orientation: int) -> Polygon:
    """``band_around(((0, 9), (8, 9)), 10, 0)``: 0.6 line distances above the baseline, 0.3 below."""
    ux, uy = direction_of(baseline, orientation)

    def shifted(points: Iterable[Point], by: float) -> Polygon:
        return tuple((x - by * uy, y + by * ux) for x, y in points)

    return shifted(baseline, -_ASCENT * spacing) + shifted(reversed(baseline), _DESCENT * spacing)


def complete(page: Page) -> Page:
    """``complete(page)``: a baseline and a polygon for each line that has one of them, a polygon for each region.

    Baselines run a quarter above the lower edge of the outline; outlines are bands as high as the usual distance
    of the page's baselines; regions enclose their lines, or the page where they have none.
    """
    lines = [line for line in page.lines if not line.baseline and line.polygon]
    baselines = {id(line): baseline_in(line.polygon, page.orientation) for line in lines}
    regions = [
        replace(
            region, lines=tuple(replace(line, baseline=baselines.get(id(line), line.baseline)) for line in region.lines)
        )
        for region in page.regions
    ]
    spacing = _spacing(regions, page)
    return replace(page, regions=tuple(_outlined(region, page, spacing) for region in regions))


def _spacing(regions: Sequence[Region], page: Page) -> float:
    """The median distance of successive baselines."""
    steps = []
    for region in regions:
        middles = [
            box_of(frame_of(line.baseline, _DIRECTIONS[page.orientation])) for line in region.lines if line.baseline
        ]
        depths = [(top + bottom) / 2 for _, top, _, bottom in middles]
        steps += [below - above for above, below in zip(depths, depths[1:], strict=False) if below - above >= 1]
    return median(steps) if steps else page.height / _LINES_ON_A_PAGE


def _outlined(region: Region, page: Page, spacing: float) -> Region:
    lines = tuple(
        line
        if line.polygon or not line.baseline
        else replace(line, polygon=band_around(line.baseline, spacing, page.orientation))
        for line in region.lines
    )
    points = [point for line in lines for point in line.polygon]
    polygon = region.polygon or box_polygon(box_of(points) if points else (0, 0, page.width, page.height))
    return replace(region, lines=lines, polygon=polygon)


def fit(page: Page, width: int, height: int) -> Page:
    """``fit(page, *image_size)``: the page with all coordinates scaled to an image of another resolution."""
    across, down = width / page.width, height / page.height

    moved = move_points(page, lambda point: (point[0] * across, point[1] * down))
    return replace(moved, width=width, height=height, dpi=page.dpi * across if page.dpi else None)


# By how much the sides of an image and of its layout may differ in proportion; rounding a side makes less.
_PROPORTION = 0.01


def fit_image(page: Page, width: int, height: int, name: str) -> Page:
    """``fit_image(page, *image_size, "letter.xml")``: the page as it is, or scaled where only the resolution differs.

    Raises:
        LayoutFileError: the sides differ in proportion, so the layout ``name`` belongs to another image.
    """
    if (page.width, page.height) == (width, height):
        return page
    if not same_shape(page, width, height):
        raise LayoutFileError(
            f"{name}: it describes a page of {page.width} x {page.height} pixels and the image has {width} x {height}, "
            "which is another shape; make it from this image"
        )
    return fit(page, width, height)


def same_shape(page: Page, width: int, height: int) -> bool:
    """Whether a page and an image have sides of the same proportion."""
    across, down = width / page.width, height / page.height
    return abs(across - down) <= _PROPORTION * max(across, down)


_LARGEST_SIDE = 1_000_000


def refuse(reason: str) -> None:
    """The strict ``OnSkip``: raises ValueError."""
    raise ValueError(reason)


def as_layout(page: Page, skip: OnSkip = refuse) -> Page:
    """``as_layout(page)``: checked, and with the geometry its file left out.

    Empty lines without a position are dropped, and ``skip`` is called for those with text.

    Raises:
        ValueError: where the page has no usable size.
    """
    check_page(page)
    regions = tuple(
        replace(region, lines=tuple(line for line in region.lines if _is_placed(line, skip))) for region in page.regions
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


def _is_placed(line: Line, skip: OnSkip) -> bool:
    if line.baseline or line.polygon:
        return True
    if line.text:
        skip(f"its line {line.id} has neither baseline nor outline")
    return False


def _outlines(line: Line) -> list[Polygon]:
    return [
        line.baseline,
        line.polygon,
        *(word.polygon for word in line.words),
        *(character.polygon for word in line.words for character in word.characters),
    ]
