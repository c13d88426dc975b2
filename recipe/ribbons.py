"""What the text detector should mark on a transcribed page: a ribbon between baseline and mean line for every line.

Usage: ``example = Example.of(grey, baselines, analyser.look(grey)[0]); example.crop(rng)``

Ground truth has baselines but no x-heights, and sources draw baselines at different heights. Thickness and height of a
ribbon above its baseline are therefore taken from the map of the detector that training starts from, wherever it marks
the line, and from the other lines of the page elsewhere. Where nobody transcribed anything, such as on printed forms
and stamps, a network should mark what that detector does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.document import Polyline
from inkread.layout.detector import TextMap
from inkread.layout.lines import find_fragments
from inkread.layout.settings import DEFAULT_LAYOUT

Floats = NDArray[np.float32]
Points = NDArray[np.float64]
SIDE = 512
"""Pixels: side of a crop; about ten lines of the size that the detector sees."""
FINER = 1.25
"""Resolution of the kept page relative to that of the map, so that enlarged crops stay sharp."""
COVERED = 0.5
"""Share of a line that the starting detector must mark before its ribbon tells the thickness."""
THICKNESSES = (0.7, 1.4)
"""Least and largest thickness of a line, relative to the median of its page."""
OFFSETS = (0.25, 0.75)
"""Least and largest height of the centre of a ribbon above the baseline, in thicknesses."""
NEAR, EDGE_WEIGHT = 3.2, 0.3
"""Thicknesses about a line that belong to it; weight of the pixels beside the edge of its ribbon, whose place is
uncertain."""
ON_LINES = 0.65
"""Share of the crops about a line; the others lie anywhere, because most false lines stand at the edges of a scan."""
SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Ribbon:
    """What should be marked of one line.

    Attributes:
        centre: float64 [n, 2], x and y in map pixels.
        up: float64 [n, 2], unit vectors from the baseline to the mean line.
        thickness: map pixels between them.
    """

    centre: Points
    up: Points
    thickness: float


def ribbons(baselines: Sequence[Polyline], text_map: TextMap) -> list[Ribbon]:
    """The ribbon of each written line.

    Args:
        baselines: in page pixels.
        text_map: the page as the starting detector sees it.
    """
    scale = np.array([text_map.scale_x, text_map.scale_y])
    lines = [_rightwards(np.asarray(baseline, np.float64) * scale) for baseline in baselines if len(baseline) > 1]
    found = [piece.thickness for piece in find_fragments(text_map).level]
    usual = float(np.median(found)) if found else DEFAULT_LAYOUT.best_thickness
    mask = text_map.probability > DEFAULT_LAYOUT.threshold
    marked = [_marked(line, mask, usual) for line in lines]
    offsets = [offset / thickness for thickness, offset in filter(None, marked)]
    offset = float(np.clip(np.median(offsets), *OFFSETS)) if offsets else DEFAULT_LAYOUT.baseline_offset
    return [
        _ribbon(line, min(_thickness(seen, usual), _room(line, lines, usual)), offset)
        for line, seen in zip(lines, marked, strict=True)
        if np.ptp(line, axis=0).max() >= 1
    ]


def _is_upright(line: Points) -> bool:
    width, height = np.abs(line[-1] - line[0])
    return bool(height > width)


def _rightwards(line: Points) -> Points:
    return line if _is_upright(line) or line[0, 0] < line[-1, 0] else line[::-1]


def _thickness(seen: tuple[float, float] | None, usual: float) -> float:
    return usual if seen is None else float(np.clip(seen[0], THICKNESSES[0] * usual, THICKNESSES[1] * usual))


def _marked(line: Points, mask: NDArray[np.bool_], usual: float) -> tuple[float, float] | None:
    """Median thickness of what is marked along a line, and how far above the baseline its centre lies."""
    rows, columns = mask.shape
    x = np.arange(max(int(line[:, 0].min()), 0), min(int(line[:, 0].max()) + 1, columns))
    if _is_upright(line) or not x.size:
        return None
    y = np.interp(x, line[:, 0], line[:, 1])
    steps = np.arange(round(-1.9 * usual), round(0.5 * usual) + 1)
    seen = mask[np.clip(np.rint(y[:, None] + steps), 0, rows - 1).astype(int), x[:, None]]
    count = seen.sum(axis=1)
    filled = count > 0
    if filled.mean() < COVERED:
        return None
    thickness = float(np.median(count[filled]))
    if not 0.5 * usual < thickness < 1.6 * usual:  # parts of it are marked, or more than this line
        return None
    return thickness, -float(np.median((seen * steps).sum(axis=1)[filled] / count[filled]))


def _room(line: Points, lines: Sequence[Points], usual: float) -> float:
    """Largest thickness that leaves paper between a line and those above and below it."""
    room = np.inf
    if _is_upright(line):
        return room
    x = np.linspace(line[:, 0].min(), line[:, 0].max(), 9)
    y = np.interp(x, line[:, 0], line[:, 1])
    for other in lines:
        beside = (x >= other[:, 0].min()) & (x <= other[:, 0].max())
        if other is line or _is_upright(other) or not beside.any():
            continue
        distance = float(np.median(np.abs(np.interp(x[beside], other[:, 0], other[:, 1]) - y[beside])))
        if distance > 2:
            room = min(room, max(distance / 2, 0.45 * usual))
    return room


def _ribbon(line: Points, thickness: float, offset: float) -> Ribbon:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    length = float(along[-1])
    inset = min(DEFAULT_LAYOUT.end_extension * thickness, max(length / 2 - 0.3 * thickness, 0.0))
    places = np.linspace(inset, max(length - inset, inset + 1), max(int(length / 6), 2) + 1)
    points = np.stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)], axis=1)
    direction = np.gradient(points, axis=0)
    direction /= np.maximum(np.hypot(*direction.T)[:, None], 1e-6)
    up = np.stack([direction[:, 1], -direction[:, 0]], axis=1)
    return Ribbon(points + offset * thickness * up, up, thickness)


@dataclass(frozen=True, slots=True)
class Example:
    """A page to learn from.

    Attributes:
        grey: uint8, ``FINER`` times the size of the map.
        marked: uint8 of the map's size, probability of text by the starting detector, 255 for 1.
        ribbons: what should be marked.
    """

    grey: NDArray[np.uint8]
    marked: NDArray[np.uint8]
    ribbons: list[Ribbon]

    @classmethod
    def of(cls, grey: NDArray[np.uint8], baselines: Sequence[Polyline], text_map: TextMap) -> Example:
        """Arguments as `ribbons`; ``grey`` is the page, uint8 [height, width]."""
        rows, columns = text_map.grey.shape
        size = round(columns * FINER), round(rows * FINER)
        kept = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        return cls(kept, (text_map.probability * 255).astype(np.uint8), ribbons(baselines, text_map))

    def crop(self, rng: np.random.Generator, side: int = SIDE) -> Crop:
        """A part of the page, enlarged, reduced, or turned a little; 1 in 25 by a quarter turn."""
        scale = float(np.exp(rng.uniform(np.log(0.78), np.log(1.28))))
        angle = rng.normal(0, 1.5) + (90 * rng.choice([-1, 1]) if rng.random() < 0.04 else 0)
        map_size = np.array(self.marked.shape[::-1], np.float64)
        centre = rng.random(2) * map_size
        if self.ribbons and rng.random() < ON_LINES:
            line = self.ribbons[rng.integers(len(self.ribbons))].centre
            centre = line[rng.integers(len(line))] + rng.normal(0, side / 6, 2)
        half = side / 2 / scale
        centre = np.clip(centre, np.minimum(half, map_size / 2), np.maximum(map_size - half, map_size / 2))
        turn = cv2.getRotationMatrix2D((0, 0), angle, scale)[:, :2]
        to_crop = np.concatenate([turn, (side / 2 - turn @ centre)[:, None]], axis=1)
        from_kept = to_crop / [[FINER, FINER, 1]]
        paper = float(np.percentile(self.grey, 90))
        grey = cv2.warpAffine(self.grey, from_kept, (side, side), borderMode=cv2.BORDER_CONSTANT, borderValue=paper)
        marked = cv2.warpAffine(self.marked, to_crop, (side, side)).astype(np.float32) / np.float32(255)
        text, near = self._drawn(to_crop, side, scale)
        return Crop(grey.astype(np.float32), np.where(near, text, marked), near)

    def _drawn(self, to_crop: Points, side: int, scale: float) -> tuple[Floats, NDArray[np.bool_]]:
        text, near = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint8)
        for ribbon in self.ribbons:
            half = ribbon.up * ribbon.thickness / 2
            outline = np.concatenate([ribbon.centre + half, (ribbon.centre - half)[::-1]])
            cv2.fillPoly(text, [_fixed(outline, to_crop)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
            width = max(round(NEAR * ribbon.thickness * scale), 1)
            cv2.polylines(near, [_fixed(ribbon.centre, to_crop)], False, 255, width, cv2.LINE_8, SUBPIXEL_BITS)
        return text.astype(np.float32) / np.float32(255), near > 0


def _fixed(points: Points, to_crop: Points) -> NDArray[np.int32]:
    placed = points @ to_crop[:, :2].T + to_crop[:, 2]
    return np.asarray(np.rint(placed * 2**SUBPIXEL_BITS), np.int32)


@dataclass(slots=True)
class Crop:
    """Part of a page; all arrays are [side, side].

    Attributes:
        grey: float32, 0 to 255.
        text: float32, what should be marked, 0 to 1.
        near: where a line stands.
    """

    grey: Floats
    text: Floats
    near: NDArray[np.bool_]

    def weights(self) -> Floats:
        """How much each pixel of `text` counts."""
        inside, kernel = (self.text > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8)
        edge = cv2.dilate(inside, kernel) != cv2.erode(inside, kernel)
        weights = np.where(edge & self.near, np.float32(EDGE_WEIGHT), np.float32(1))
        return weights


def show_through(crop: Crop, other: Crop, rng: np.random.Generator) -> None:
    """Let the mirrored ink of another page shine through, which is nothing to mark."""
    behind = other.grey[:, ::-1]
    ink = np.clip(np.percentile(behind, 90) - behind, 0, 255)
    if rng.random() < 0.5:
        ink = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.5, 1.5))
    crop.grey -= (ink * rng.uniform(0.1, 0.45)).astype(np.float32)


def facing(crop: Crop, other: Crop, rng: np.random.Generator) -> None:
    """Put another page on the right half, with a narrow fold that no line crosses."""
    side = crop.grey.shape[1]
    fold, width = int(rng.integers(side // 4, 3 * side // 4)), int(rng.integers(0, 12))
    paper, other_paper = np.percentile(crop.grey, 90), np.percentile(other.grey, 90)
    crop.grey[:, fold:] = other.grey[:, fold:] + (paper - other_paper) * rng.uniform(0.5, 1)
    for mine, theirs in ((crop.text, other.text), (crop.near, other.near)):
        mine[:, fold:] = theirs[:, fold:]
    if rng.random() < 0.6:
        crop.grey[:, max(fold - width // 2, 0) : fold + width // 2 + 1] = paper * rng.uniform(0.6, 1.02)
    crop.text[:, fold - 3 : fold + 3] = 0


def vary_light(crop: Crop, rng: np.random.Generator) -> None:
    """Contrast, blur, grain and shading."""
    grey = crop.grey.astype(np.float64)
    if rng.random() < 0.5:
        mean = grey.mean()
        grey = mean + (grey - mean) * rng.uniform(0.5, 1.3) + rng.normal(0, 15)
    if rng.random() < 0.3:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.3, 0.9)), np.float64)
    if rng.random() < 0.3:
        grey = grey + rng.normal(0, rng.uniform(1, 6), grey.shape)
    if rng.random() < 0.2:
        grey = grey * np.linspace(rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1), grey.shape[1])
    crop.grey = np.clip(grey, 0, 255).astype(np.float32)
