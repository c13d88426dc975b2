"""How surely a gold page that was encoded again is told from other pages: `inkread.data.likeness`.

Usage: ``python benchmarks/gold.py ../shared/data --sources hooker-en copiste-fr … --pages 20``

Each page (``train`` and ``val``) is compared with copies of itself and with all other pages of its source, among them
those of the same letter or register. Copies: JPEG of quality 95, as the workbench keeps pages; quality 50; half the
size with quality 75; a quarter of the size; lighter and turned by 90 degrees.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.data.likeness import SAME, fingerprint, likeness
from inkread.evaluation.statistics import ratio_interval
from inkread.io.inputs import load_pages

Picture = NDArray[np.uint8]


def jpeg(picture: Picture, quality: int) -> bytes:
    """As a JPEG."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def scaled(picture: Picture, scale: float) -> Picture:
    """Made smaller."""
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


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


def main() -> None:
    """Measure, print a table."""
    parser = figures.parser(__doc__, "gold.py ../shared/data --sources hooker-en copiste-fr zola-fr")
    parser.add_argument("data", type=Path, help="folder with a folder of each source")
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--pages", type=int, default=20, help="of each source")
    options = parser.parse_args()
    alike: dict[str, list[float]] = {name: [] for name in COPIES}
    others: dict[str, list[float]] = {}
    for source in options.sources:
        own = []
        for path in pages_of(options.data / source, options.pages):
            mark = fingerprint(path.read_bytes())
            if mark is None or not mark.any():
                continue
            own.append(mark)
            grey = next(load_pages(path)).grey
            for name, copy in COPIES.items():
                again = fingerprint(copy(grey))
                assert again is not None
                alike[name].append(float(likeness(again, mark[None])[0]))
        for number, mark in enumerate(own[:-1]):
            others.setdefault(source, []).extend(likeness(mark, np.stack(own[number + 1 :])).tolist())
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
    figures.write(
        options.json,
        [
            figures.figure("Copies of gold pages that are not recognised", "%", missed, dataset="shared"),
            figures.figure("Other pages taken for a gold page", "%", false, dataset="shared"),
        ],
        rows=rows,
    )


if __name__ == "__main__":
    main()
