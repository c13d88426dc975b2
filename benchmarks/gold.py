"""How surely a gold page that was encoded again is told from other pages, and parts and photographs of one.

Usage: ``python benchmarks/gold.py ../shared/data --sources hooker-en copiste-fr … --pages 20``

Each page (``train`` and ``val``) is compared with copies of itself and with all other pages of its source, among them
those of the same letter or register. Copies: JPEG of quality 95, as the workbench keeps pages; quality 50; half the
size with quality 75; a quarter of the size; lighter and turned by 90 degrees (`inkread.data.likeness`).

Then parts of each page, and simulated photographs (perspective, uneven light, unsharp, grain, JPEG), are compared with
it and with the next page of its source (`inkread.data.landmarks`); so are all pages of a source with each other.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.cli.terminal import existing, run_command
from inkread.data.landmarks import LEAST_ALIKE, Landmarks, page_landmarks
from inkread.data.likeness import SAME, fingerprint_of, likeness
from inkread.evaluation.statistics import ratio_interval
from inkread.io.inputs import load_pages

Picture = NDArray[np.uint8]


def jpeg(picture: Picture, quality: int) -> bytes:
    """As a JPEG."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def scaled(picture: Picture, scale: float) -> Picture:
    """Made smaller."""
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def again(content: bytes) -> Picture:
    """What is seen in an image file."""
    return next(load_pages(content)).grey


def part(picture: Picture, share: float, rng: np.random.Generator) -> Picture:
    """A random part with this share of width and height."""
    height, width = (round(side * share) for side in picture.shape)
    top, left = (rng.integers(0, whole - side + 1) for whole, side in zip(picture.shape, (height, width), strict=True))
    return again(jpeg(np.ascontiguousarray(picture[top : top + height, left : left + width]), 80))


def photograph(picture: Picture, rng: np.random.Generator) -> Picture:
    """Taken from a slant, on a dark table, in uneven light."""
    height, width = picture.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners * 0.85 + np.array([width, height]) * (0.075 + rng.uniform(-0.04, 0.04, (4, 2)))
    matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    taken = cv2.warpPerspective(picture, matrix, (width, height), borderValue=60).astype(np.float32)
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    taken = cv2.GaussianBlur(taken * (0.65 + 0.35 * (across * rng.uniform() + down * rng.uniform())), (0, 0), 1.2)
    grain = taken + rng.normal(0, 5, taken.shape)
    return again(jpeg(scaled(np.clip(grain, 0, 255).astype(np.uint8), 0.7), 70))


PARTS: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "photograph": photograph,
    "photograph of the upper half": lambda picture, rng: photograph(picture[: len(picture) // 2], rng),
    "0.7 of width and height": lambda picture, rng: part(picture, 0.7, rng),
    "half of width and height": lambda picture, rng: part(picture, 0.5, rng),
    "a third of width and height": lambda picture, rng: part(picture, 1 / 3, rng),
}
COPIES: dict[str, Callable[[Picture], bytes]] = {
    "JPEG 95": lambda picture: jpeg(picture, 95),
    "JPEG 50": lambda picture: jpeg(picture, 50),
    "half the size, JPEG 75": lambda picture: jpeg(scaled(picture, 0.5), 75),
    "a quarter of the size": lambda picture: jpeg(scaled(picture, 0.25), 75),
    "lighter and turned": lambda picture: jpeg(np.rot90(cv2.convertScaleAbs(picture, alpha=0.8, beta=50)), 85),
}


def pages_of(folder: Path, most: int) -> Iterator[Path]:
    """So many images of a source, of whole runs of neighbours, since pages of one letter stand side by side."""
    found = [
        next(file for file in path.parent.glob(f"{path.stem}.*") if file.suffix != ".xml")
        for split in ("train", "val")
        for path in sorted((folder / split).glob("*.xml"))
    ]
    start = random.Random(5).randrange(max(len(found) - most, 1))
    yield from found[start : start + most]


@dataclass
class Parts:
    """Share of alike blocks of each pair, and whether it is taken for one page: parts by kind, others by source."""

    same: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    other: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)


def look_for_parts(source: str, greys: Sequence[Picture], found: Parts) -> None:
    """Compare parts and photographs of each page with it and with the next one, and all pages with each other."""

    def pair(picture: Landmarks, page: Landmarks) -> tuple[float, bool]:
        return picture.agreement(page)[1], picture.seen_in(page)

    pages = [page_landmarks(grey) for grey in greys]
    different = found.other.setdefault(source, [])
    rng = np.random.default_rng(3)
    for number, grey in enumerate(greys):
        different += [pair(page, pages[number]) for page in (*pages[:number], *pages[number + 1 :])]
        for name, change in PARTS.items():
            picture = page_landmarks(change(grey, rng))
            found.same.setdefault(name, []).append(pair(picture, pages[number]))
            if len(pages) > 1:
                different.append(pair(picture, pages[(number + 1) % len(pages)]))


def report(parts: Parts) -> list[figures.Figure]:
    """Print the table of parts; its figures."""
    rows = {}
    for name, pairs in (parts.same | parts.other).items():
        alike = [share for share, _ in pairs]
        taken = f"{sum(same for _, same in pairs)} of {len(pairs)}"
        rows[name] = (taken, f"{min(alike):.2f}", f"{np.median(alike):.2f}", f"{max(alike):.2f}")
    print(f"the same from a share of {LEAST_ALIKE} of the blocks on")
    print(figures.markdown(("compared with", "taken for the page", "least alike", "median", "most"), rows))
    made = []
    for name, found, counted in (
        ("Parts and photographs of gold pages that are not recognised", parts.same, False),
        ("Other pages, parts and photographs taken for a gold page", parts.other, True),
    ):
        wrong = [float(same == counted) for pairs in found.values() for _, same in pairs]
        rate = ratio_interval(wrong, [1.0] * len(wrong))
        print(f"{name}: {rate} of {len(wrong)}")
        made.append(figures.figure(name, "%", rate, dataset="shared"))
    return made


def main() -> None:
    """Measure, print a table."""
    parser = figures.parser(__doc__, "gold.py ../shared/data --sources hooker-en copiste-fr zola-fr")
    parser.add_argument("data", type=existing, help="folder with a folder of each source")
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--pages", type=int, default=20, help="of each source")
    options = parser.parse_args()
    alike: dict[str, list[float]] = {name: [] for name in COPIES}
    others: dict[str, list[float]] = {}
    parts = Parts()
    for source in options.sources:
        own, greys = [], []
        for path in pages_of(existing(options.data / source), options.pages):
            grey = next(load_pages(path)).grey
            mark = fingerprint_of(grey)
            if not mark.any():
                continue
            own.append(mark)
            greys.append(grey)
            for name, copy in COPIES.items():
                alike[name].append(float(likeness(fingerprint_of(again(copy(grey))), mark[None])[0]))
        for number, mark in enumerate(own[:-1]):
            others.setdefault(source, []).extend(likeness(mark, np.stack(own[number + 1 :])).tolist())
        look_for_parts(source, greys, parts)
    rows = {
        name: (str(len(values)), f"{min(values):.3f}", f"{np.median(values):.3f}", f"{max(values):.3f}")
        for name, values in (alike | others).items()
    }
    print(f"the same above {SAME}")
    print(figures.markdown(("compared with", "pairs", "lowest", "median", "highest"), rows))
    pairs = [value for values in others.values() for value in values]
    copies = [value for values in alike.values() for value in values]
    missed = ratio_interval([float(value <= SAME) for value in copies], [1.0] * len(copies))
    false = ratio_interval([float(value > SAME) for value in pairs], [1.0] * len(pairs))
    print(f"copies missed: {missed} of {len(copies)}; other pages taken for copies: {false} of {len(pairs)}")
    found = report(parts)
    figures.write(
        options.json,
        [
            *found,
            figures.figure("Copies of gold pages that are not recognised", "%", missed, dataset="shared"),
            figures.figure("Other pages taken for a gold page", "%", false, dataset="shared"),
        ],
        rows=rows,
    )


if __name__ == "__main__":
    run_command(main)
