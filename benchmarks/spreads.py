"""Compose facing pages from transcribed single pages, with the ground truth of both.

Usage: ``python benchmarks/spreads.py DATA -o spreads --split val --count 60 --seed 1``

There is little ground truth for folded letter paper and open books, where two pages lie side by side and the fold is
hardly wider than a space between words. Each spread takes two pages of one source, trims them to the writing, and
varies what varies in photographs: the fold (0.3 to 3 line distances), skew, scale and light of each half, the height
at which a half begins, writing of another page that shows through. The single pages are written beside the spreads, so
that a reader can be measured on both: what a spread costs more than its pages is the loss through layout.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from inkread.cli.terminal import existing, run_command
from inkread.document import Line, Page, Region
from inkread.formats import paired, read_layout
from inkread.formats.page import dump
from inkread.io.files import write_bytes
from inkread.io.inputs import load_pages

Grey = NDArray[np.uint8]
MARGIN = 1.0
"""Paper around the writing on the outer sides, in line distances."""
LEAST_LINES = 6


@dataclass(frozen=True)
class Half:
    """A transcribed page: uint8 [height, width] and its lines."""

    grey: Grey
    page: Page

    @property
    def line_distance(self) -> float:
        """Median distance of one baseline to the next, in pixels."""
        heights = sorted(float(np.mean([y for _, y in line.baseline])) for line in self.page.lines)
        steps = [b - a for a, b in zip(heights, heights[1:], strict=False) if b - a > 10]
        return float(np.median(steps)) if steps else 80.0


def transformed(half: Half, degrees: float, scale: float) -> Half:
    """The page turned and scaled; new paper is as bright as the old."""
    height, width = half.grey.shape
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale), np.float64)
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    matrix[:, 2] -= corners.min(axis=0)
    columns, rows = (int(value) for value in np.ceil(np.ptp(corners, axis=0)))
    paper = int(np.percentile(half.grey, 80))
    grey = cv2.warpAffine(half.grey, matrix, (columns, rows), borderMode=cv2.BORDER_CONSTANT, borderValue=paper)
    return Half(np.asarray(grey, np.uint8), _mapped(half.page, matrix, columns, rows))


def trimmed(half: Half, *, left: float, right: float) -> Half:
    """The page cut to its writing, with margins on the left and right in line distances."""
    distance = half.line_distance
    points = np.array([point for line in half.page.lines for point in (*line.polygon, *line.baseline)])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    height, width = half.grey.shape
    x0, x1 = max(x0 - left * distance, 0), min(x1 + right * distance, width)
    y0, y1 = max(y0 - MARGIN * distance, 0), min(y1 + MARGIN * distance, height)
    cut = half.grey[round(y0) : round(y1), round(x0) : round(x1)]
    matrix = np.array([[1, 0, -round(x0)], [0, 1, -round(y0)]], np.float64)
    return Half(cut, _mapped(half.page, matrix, cut.shape[1], cut.shape[0]))


def compose(first: Half, second: Half, rng: np.random.Generator) -> Half:
    """Two pages side by side, as one photograph; the lines of the left one come first."""
    fold = float(rng.uniform(0.3, 3.0))
    halves = []
    for side, half in enumerate((first, second)):
        turned = transformed(half, float(rng.uniform(-1.5, 1.5)), float(rng.uniform(0.9, 1.1)))
        inner = fold / 2
        half = trimmed(turned, left=inner if side else MARGIN, right=MARGIN if side else inner)
        light = float(rng.uniform(0.85, 1.08))
        halves.append(replace(half, grey=np.clip(half.grey * light, 0, 255).astype(np.uint8)))
    left, right = halves
    if rng.random() < 0.3:
        left, right = (replace(left, grey=_showing_through(left.grey, right.grey, rng)), right)
    drops = (round(float(rng.uniform(0, 2)) * left.line_distance), 0)
    drops = drops if rng.random() < 0.5 else drops[::-1]
    height = max(half.grey.shape[0] + drop for half, drop in zip((left, right), drops, strict=True))
    width = left.grey.shape[1] + right.grey.shape[1]
    sheet = np.empty((height, width), np.uint8)
    regions = []
    x = 0
    for number, (half, drop) in enumerate(zip((left, right), drops, strict=True)):
        rows, columns = half.grey.shape
        sheet[:, x : x + columns] = int(np.percentile(half.grey, 80))
        sheet[drop : drop + rows, x : x + columns] = half.grey
        moved = _mapped(half.page, np.array([[1, 0, x], [0, 1, drop]], np.float64), width, height)
        lines = tuple(replace(line, id=f"p{number}_{line.id}") for line in moved.lines)
        regions.append(Region(f"p{number}", _hull(lines), lines))
        x += columns
    return Half(_with_fold(sheet, left.grey.shape[1], rng), Page(width, height, tuple(regions)))


def _showing_through(front: Grey, back: Grey, rng: np.random.Generator) -> Grey:
    """The front with a share of the mirrored back, as on thin paper."""
    mirrored = cv2.resize(back[:, ::-1], front.shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    ink = np.maximum(np.percentile(mirrored, 80) - mirrored, 0)
    return np.asarray(np.clip(front - float(rng.uniform(0.08, 0.25)) * ink, 0, 255), np.uint8)


def _with_fold(sheet: Grey, x: int, rng: np.random.Generator) -> Grey:
    """A soft shadow along the fold, or none."""
    depth, reach = float(rng.uniform(0, 0.3)), float(rng.uniform(5, 40))
    shadow = 1 - depth * np.exp(-(((np.arange(sheet.shape[1]) - x) / reach) ** 2))
    return np.asarray(np.clip(sheet * shadow, 0, 255), np.uint8)


def _mapped(page: Page, matrix: NDArray[np.float64], width: int, height: int) -> Page:
    """The page's lines after an affine map [2, 3]."""

    def points(polyline: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        if not polyline:
            return ()
        moved = np.c_[np.asarray(polyline, np.float64), np.ones(len(polyline))] @ matrix.T
        return tuple((float(px), float(py)) for px, py in moved)

    lines = tuple(replace(line, baseline=points(line.baseline), polygon=points(line.polygon)) for line in page.lines)
    return replace(page, width=width, height=height, regions=(Region("r", _hull(lines), lines),))


def _hull(lines: Sequence[Line]) -> tuple[tuple[float, float], ...]:
    points = np.array([point for line in lines for point in line.polygon])
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def halves_of(folder: Path) -> list[Half]:
    """The transcribed pages of a folder that have one column of enough lines; empty lines are left out."""
    found = []
    for image, layout in paired(folder):
        page = read_layout(layout)
        lines = tuple(line for line in page.lines if line.text.strip() and line.baseline and line.polygon)
        half = Half(next(iter(load_pages(image))).grey, replace(page, regions=(Region("r", (), lines),)))
        if len(lines) >= LEAST_LINES and one_column(lines):
            found.append(half)
    return found


def one_column(lines: Sequence[Line], most: float = 0.15) -> bool:
    """Whether few lines stand beside another: baselines that overlap in height and not in width."""
    boxes = np.array([(*np.min(line.baseline, axis=0), *np.max(line.baseline, axis=0)) for line in lines])
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) / 2
    distance = np.median(np.diff(np.sort(middle)))
    beside = (np.abs(middle[:, None] - middle) < distance / 2) & (
        np.minimum(x1[:, None], x1) < np.maximum(x0[:, None], x0)
    )
    return float(beside.any(axis=1).mean()) <= most


def spreads(folders: Sequence[Path], count: int, seed: int) -> Iterator[tuple[str, Half, tuple[Half, Half]]]:
    """Name, spread and its two pages; folders take turns, and the same seed gives the same spreads."""
    rng = np.random.default_rng(seed)
    sources = [(folder.parent.name, halves) for folder in folders if len(halves := halves_of(folder)) > 1]
    for number in range(count):
        name, halves = sources[number % len(sources)]
        first = int(rng.integers(len(halves) - 1))
        pair = halves[first], halves[first + 1]
        yield f"{name}_{number:03}", compose(*pair, rng), pair


def main() -> None:
    """Write the spreads, and their single pages into folders beside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=existing, help="folder of sources, each with a folder of pages for the split")
    parser.add_argument("-o", "--output", type=Path, required=True, help="gets the folders spreads and singles")
    parser.add_argument("--split", default="val")
    parser.add_argument("--sources", nargs="+", help="only these; left out, all that have pages of one column")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folders = [path / options.split for path in sorted(options.data.iterdir()) if (path / options.split).is_dir()]
    folders = [path for path in folders if not options.sources or path.parent.name in options.sources]
    if not folders:
        parser.error(f"{options.data}: none of these sources has a folder {options.split}")
    for name, spread, pair in track(spreads(folders, options.count, options.seed), total=options.count):
        for kind, stem, half in (
            ("spreads", name, spread),
            *(("singles", f"{name}_{side}", half) for side, half in zip("lr", pair, strict=True)),
        ):
            (options.output / kind).mkdir(parents=True, exist_ok=True)
            image = options.output / kind / f"{stem}.png"
            write_bytes(image, cv2.imencode(".png", half.grey)[1].tobytes())
            write_bytes(image.with_suffix(".xml"), dump(replace(half.page, source=image.name)))


if __name__ == "__main__":
    run_command(main)
