"""Text lines of a page: fragments of the detector's map, joined into lines, traced to baselines and outlines.

Usage: ``join_fragments(find_fragments(text_map).level, find_rulings(text_map.grey))``
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Polygon, Polyline
from inkread.layout.detector import TextMap
from inkread.layout.settings import DEFAULT_LAYOUT, LayoutSettings
from inkread.recognition.line_images import ASCENT_SHARE

Mask = NDArray[np.bool_]


def find_rulings(grey: NDArray[np.uint8], settings: LayoutSettings = DEFAULT_LAYOUT) -> Mask:
    """Mark long, thin, dark, upright strokes.

    Args:
        grey: uint8 [rows, columns], at the resolution of the text map.
        settings: what counts as one.

    Returns:
        bool of the same shape.
    """
    rows = grey.shape[0]
    background = cv2.blur(grey, (31, 1))
    dark = (background.astype(np.int16) - grey > settings.ruling_contrast).astype(np.uint8)
    gap, stretch = max(round(settings.ruling_gap * rows), 3), max(round(settings.ruling_share * rows / 3), 9)
    closed = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((gap, 1), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((stretch, 1), np.uint8))
    joined = cv2.dilate(opened, np.ones((5, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    keep = np.zeros(count, np.bool_)
    for label in range(1, count):
        width, height = int(stats[label, cv2.CC_STAT_WIDTH]), int(stats[label, cv2.CC_STAT_HEIGHT])
        area = int(stats[label, cv2.CC_STAT_AREA])
        thin = area / height < settings.ruling_width and width < height / 4
        keep[label] = height > settings.ruling_share * rows and thin
    return np.asarray(keep[labels], np.bool_)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a line: the centre of one ribbon, in map pixels.

    Attributes:
        x: float32 [n], ascending, one a column.
        y: float32 [n], centre of the ribbon there.
        thickness: typical extent across the line.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    thickness: float

    @property
    def length(self) -> float:
        """Extent along the line."""
        return float(self.x[-1] - self.x[0]) + 1.0


@dataclass(frozen=True, slots=True)
class Fragments:
    """Level pieces, and upright ones: the latter with x and y exchanged."""

    level: list[Fragment]
    upright: list[Fragment]


Ribbon = tuple[Mask, int, int]
"""Mask of a single ribbon, and column and row of its upper left corner."""


def find_fragments(text_map: TextMap, settings: LayoutSettings = DEFAULT_LAYOUT, *, cells: bool = False) -> Fragments:
    """Trace every ribbon of a text map.

    Ribbons of neighbouring lines that touch are told apart at a higher threshold.

    Args:
        text_map: of a page.
        settings: what counts as a ribbon.
        cells: the page is a register, so a ribbon up the page that falls apart at a higher threshold is short cells
            that stand below each other.
    """
    found = _ribbons(text_map.probability, (settings.threshold, *settings.split_thresholds), settings)
    if cells:
        found = [part for ribbon in found for part in _cells(ribbon, text_map.probability, settings)]
    level = [ribbon for ribbon in found if not _is_upright(ribbon, settings)]
    upright = [_trace_upright(ribbon) for ribbon in found if _is_upright(ribbon, settings)]
    if cells or not upright:
        return Fragments([_trace(*ribbon) for ribbon in level], upright)
    return _with_letters(level, upright, settings)


def _is_upright(ribbon: Ribbon, settings: LayoutSettings) -> bool:
    height, width = ribbon[0].shape
    return bool(height > settings.vertical_ratio * width)


def _cells(ribbon: Ribbon, probability: NDArray[np.float32], settings: LayoutSettings) -> list[Ribbon]:
    """A ribbon up the page as the most pieces that a higher threshold makes of it; any other ribbon as it is."""
    if not _is_upright(ribbon, settings):
        return [ribbon]
    mask, x, y = ribbon
    height, width = mask.shape
    values = np.where(mask, probability[y : y + height, x : x + width], np.float32(0))
    parted = (_ribbons(values, (threshold,), settings, (x, y)) for threshold in settings.split_thresholds)
    return max([ribbon], *parted, key=len)


def _with_letters(level: Sequence[Ribbon], upright: list[Fragment], settings: LayoutSettings) -> Fragments:
    """Upright lines take in their single letters: short ribbons that go on with one of them and with no level line.

    The detector breaks writing up the page into letters, which would be level lines of one letter each.
    """
    lines: list[Fragment] = []
    letters: list[tuple[Fragment, Fragment]] = []
    for ribbon in level:
        height, width = ribbon[0].shape
        if height > settings.letter_ratio * width:
            letters.append((_trace(*ribbon), _trace_upright(ribbon)))
        else:
            lines.append(_trace(*ribbon))
    beside = [_goes_on(piece, lines, settings) for piece, _ in letters]
    within = [piece for (piece, _), taken in zip(letters, beside, strict=True) if taken]
    alone = [pair for pair, taken in zip(letters, beside, strict=True) if not taken]
    reached = upright
    while reached:
        near = [_goes_on(turned, reached, settings) for _, turned in alone]
        reached = [turned for (_, turned), taken in zip(alone, near, strict=True) if taken]
        alone = [pair for pair, taken in zip(alone, near, strict=True) if not taken]
        upright = [*upright, *reached]
    return Fragments([*lines, *within, *(piece for piece, _ in alone)], upright)


def _goes_on(piece: Fragment, others: Sequence[Fragment], settings: LayoutSettings) -> bool:
    """Whether a piece can be one line with another one, on either side of it."""
    return any(
        _cost(left, right, settings) is not None for other in others for left, right in ((piece, other), (other, piece))
    )


def _ribbons(
    probability: NDArray[np.float32],
    thresholds: Sequence[float],
    settings: LayoutSettings,
    origin: tuple[int, int] = (0, 0),
) -> list[Ribbon]:
    """Single ribbons; later thresholds part touching lines."""
    threshold, *finer = thresholds
    count, labels, stats, _ = cv2.connectedComponentsWithStats((probability > threshold).astype(np.uint8))
    found: list[Ribbon] = []
    for label in range(1, count):
        x, y, width, height, pixels = (int(value) for value in stats[label])
        if pixels < settings.min_pixels:
            continue
        ribbon = labels[y : y + height, x : x + width] == label
        values = np.where(ribbon, probability[y : y + height, x : x + width], np.float32(0))
        if values.max() < settings.min_peak:
            continue
        here = (origin[0] + x, origin[1] + y)
        if finer and _holds_two_lines(ribbon, settings):
            found.extend(_ribbons(values, finer, settings, here))
        else:
            found.append((ribbon, *here))
    return found


def _holds_two_lines(ribbon: Mask, settings: LayoutSettings) -> bool:
    """Whether a ribbon that is not upright has two stretches across in many columns, or in a row of columns.

    The latter is a word above or below a line that touches it.
    """
    if ribbon.shape[1] <= ribbon.shape[0]:
        return False
    edges = np.diff(ribbon.astype(np.int8), axis=0, prepend=0)
    doubled = (edges == 1).sum(axis=0) > 1
    if doubled.mean() > settings.double_share:
        return True
    ends = np.flatnonzero(np.diff(doubled, prepend=False, append=False))
    longest = float((ends[1::2] - ends[::2]).max(initial=0))
    return longest > settings.double_run * float(np.median(ribbon.sum(axis=0)))


def _trace(ribbon: Mask, x0: int, y0: int) -> Fragment:
    """Centre line and thickness of a ribbon that runs from left to right."""
    rows = np.arange(ribbon.shape[0], dtype=np.float32)[:, None]
    counts = ribbon.sum(axis=0)
    filled = counts > 0
    centre = (ribbon * rows).sum(axis=0)[filled] / counts[filled]
    columns = np.flatnonzero(filled)
    thickness = float(np.median(counts[filled]))
    smooth = cv2.GaussianBlur(
        centre[None].astype(np.float32), (0, 0), max(2 * thickness, 1.0), borderType=cv2.BORDER_REFLECT
    )[0]
    return Fragment((x0 + columns + 0.5).astype(np.float32), smooth + np.float32(y0 + 0.5), thickness)


def _trace_upright(ribbon: Ribbon) -> Fragment:
    mask, x, y = ribbon
    return _trace(mask.T, y, x)


def join_fragments(
    fragments: Sequence[Fragment], rulings: Mask | None = None, settings: LayoutSettings = DEFAULT_LAYOUT
) -> list[Fragment]:
    """Join pieces into lines.

    Args:
        fragments: pieces that run from left to right.
        rulings: bool [rows, columns]; pieces are not joined across True.
        settings: which distances one line may span.
    """
    candidates = []
    starts = np.array([piece.x[0] for piece in fragments])
    for left_index, left in enumerate(fragments):
        for right_index, right in enumerate(fragments):
            if left_index == right_index:
                continue
            cost = _cost(left, right, settings)
            if cost is None or _separated(left, right, rulings) or _across_gutter(left, right, starts, settings):
                continue
            candidates.append((cost, left_index, right_index))
    following: dict[int, int] = {}
    preceded: set[int] = set()
    for _, left_index, right_index in sorted(candidates):
        if left_index not in following and right_index not in preceded:
            following[left_index] = right_index
            preceded.add(right_index)
    chains = (_chain(start, following) for start in range(len(fragments)) if start not in preceded)
    return [_merge([fragments[index] for index in chain]) for chain in chains]


def _cost(left: Fragment, right: Fragment, settings: LayoutSettings) -> float | None:
    """What joining costs; None where the two do not belong together. Costs grow from left to right, so no loops."""
    thickness = (left.thickness + right.thickness) / 2
    ratio = max(left.thickness, right.thickness) / min(left.thickness, right.thickness)
    gap = float(right.x[0] - left.x[-1]) / thickness
    if not -settings.max_overlap <= gap <= settings.max_gap or ratio > settings.max_thickness_ratio:
        return None
    if right.x[0] <= left.x[0] or right.x[-1] <= left.x[-1]:
        return None
    middle = float(left.x[-1] + right.x[0]) / 2
    reach = settings.slope_reach
    bend = abs(_extrapolate(left, middle, reach, at_end=True) - _extrapolate(right, middle, reach, at_end=False))
    step = min(bend, abs(float(left.y[-1] - right.y[0]))) / thickness
    return gap + settings.step_weight * step if step <= settings.max_step else None


def _extrapolate(piece: Fragment, x: float, reach: float, *, at_end: bool) -> float:
    """Height of the piece's centre line where it would reach ``x``; its last ``reach`` thicknesses give the slope."""
    columns = max(round(reach * piece.thickness), 2)
    xs, ys = (piece.x[-columns:], piece.y[-columns:]) if at_end else (piece.x[:columns], piece.y[:columns])
    if len(xs) < columns // 2 or xs[-1] - xs[0] < 3 * piece.thickness:
        return float(ys[-1] if at_end else ys[0])
    return float(np.polyfit(xs - x, ys, 1)[1])


def _separated(left: Fragment, right: Fragment, rulings: Mask | None) -> bool:
    if rulings is None:
        return False
    x0, x1 = sorted((int(left.x[-1]), int(right.x[0])))
    y = int((left.y[-1] + right.y[0]) / 2)
    return bool(rulings[min(max(y, 0), rulings.shape[0] - 1), max(x0 - 1, 0) : x1 + 2].any())


def _across_gutter(left: Fragment, right: Fragment, starts: NDArray[np.floating], settings: LayoutSettings) -> bool:
    """True where a new column begins: after a gap, at a place where other lines begin too.

    A short piece on the left, such as a verse number, is no column.
    """
    thickness = (left.thickness + right.thickness) / 2
    narrow = right.x[0] - left.x[-1] < settings.gutter_gap * thickness
    if narrow or left.length < settings.gutter_piece * thickness:
        return False
    aligned = np.abs(starts - right.x[0]) < settings.gutter_alignment * thickness
    return bool(np.count_nonzero(aligned) > settings.gutter_starts)


def _chain(start: int, following: dict[int, int]) -> list[int]:
    chain = [start]
    while chain[-1] in following:
        chain.append(following[chain[-1]])
    return chain


def part_at(
    lines: Sequence[Fragment],
    rulings: Sequence[NDArray[np.float64]],
    probability: NDArray[np.float32],
    settings: LayoutSettings = DEFAULT_LAYOUT,
) -> list[Fragment]:
    """Part lines at rulings where the detector is less sure of text: it joined cells that stand close.

    Writing that runs across a ruling is marked as surely there as elsewhere.

    Args:
        lines: pieces that run from left to right.
        rulings: upper and lower end of each, [2, xy], in map pixels.
        probability: float32 [rows, columns], the map.
        settings: how unsure.
    """
    places: list[list[float]] = [[] for _ in lines]
    for (top_x, top), (bottom_x, bottom) in rulings:
        whole = 0
        joined: list[tuple[int, float]] = []
        for number, line in enumerate(lines):
            y = float(line.y.mean())
            x = top_x + (bottom_x - top_x) * (y - top) / (bottom - top)
            if not top < y < bottom or min(x - line.x[0], line.x[-1] - x) < settings.cell_part * line.thickness:
                continue
            if _sureness(line, x, probability, settings) < settings.cell_dip:
                joined.append((number, x))
            else:
                whole += 1
        if whole <= settings.grid_crossed * len(lines):
            for number, x in joined:
                places[number].append(x)
    return [piece for line, at in zip(lines, places, strict=True) for piece in _cut(line, at, settings)]


def _sureness(line: Fragment, x: float, probability: NDArray[np.float32], settings: LayoutSettings) -> float:
    """Least probability of text along a line near a place."""
    near = np.flatnonzero(np.abs(line.x - x) <= settings.cell_reach)
    best = [probability[max(int(line.y[n]) - 2, 0) : int(line.y[n]) + 3, int(line.x[n])].max() for n in near]
    return float(min(best, default=0.0))


def _cut(line: Fragment, places: Sequence[float], settings: LayoutSettings) -> Iterator[Fragment]:
    """The pieces of a line between places along it, which outlines of the pieces do not reach across."""
    inset = settings.end_extension * line.thickness
    starts = [-np.inf, *(x + inset for x in sorted(places))]
    ends = [*(x - inset for x in sorted(places)), np.inf]
    for start, end in zip(starts, ends, strict=True):
        inside = (start <= line.x) & (line.x <= end)
        if not inside.any():
            middle = float(np.clip((start + end) / 2, line.x[0], line.x[-1]))
            inside = np.abs(line.x - middle) < 1.0
        yield Fragment(line.x[inside], line.y[inside], line.thickness)


def _merge(pieces: list[Fragment]) -> Fragment:
    if len(pieces) == 1:
        return pieces[0]
    x = np.concatenate([piece.x for piece in pieces])
    y = np.concatenate([piece.y for piece in pieces])
    columns, first = np.unique(x, return_index=True)
    lengths = [piece.length for piece in pieces]
    return Fragment(columns, y[first], float(np.average([piece.thickness for piece in pieces], weights=lengths)))


def line_geometry(
    piece: Fragment, text_map: TextMap, settings: LayoutSettings = DEFAULT_LAYOUT, *, upright: bool = False
) -> tuple[Polyline, Polygon]:
    """Baseline and outline of a line in page pixels.

    Args:
        piece: centre of the ribbon in map pixels; x and y exchanged where ``upright``.
        text_map: gives the scale of the page.
        settings: where the baseline and the outline lie about the ribbon.
        upright: the line runs up the page; its baseline then goes from the bottom to the top.
    """
    thickness = piece.thickness
    reach = settings.end_extension * thickness
    x = np.concatenate([[piece.x[0] - reach], piece.x, [piece.x[-1] + reach]])
    y = np.concatenate([[piece.y[0]], piece.y, [piece.y[-1]]])
    curve = _simplify(np.stack([x, y + settings.baseline_offset * thickness], axis=1), settings.tolerance * thickness)
    up = np.array([0.0, settings.outline_height * ASCENT_SHARE * thickness])
    down = np.array([0.0, settings.outline_height * (1 - ASCENT_SHARE) * thickness])
    outline = np.concatenate([curve - up, (curve + down)[::-1]])
    rows, columns = text_map.probability.shape
    return (
        _to_page(curve, (columns, rows), text_map, upright),
        _to_page(outline, (columns, rows), text_map, upright),
    )


def _simplify(curve: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    kept = cv2.approxPolyDP(curve.astype(np.float32)[:, None], tolerance, closed=False)
    return np.asarray(kept[:, 0], np.float64)


def _to_page(
    points: NDArray[np.float64], size: tuple[int, int], text_map: TextMap, upright: bool
) -> tuple[tuple[float, float], ...]:
    """Scale to page pixels, within the page; an upright line is turned so that it runs up the page."""
    columns, rows = size
    if upright:
        # x ran down the page; the mirror image in y makes "below the line" point to the right of the page
        points = points[:, ::-1][::-1]
    scaled = np.clip(points, 0, [columns, rows]) / [text_map.scale_x, text_map.scale_y]
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in scaled)
