"""How soon a change of the pages is noticed, and how often there is a false alarm: `inkread.evaluation.drift`.

Usage: ``python benchmarks/drift.py ../shared/data --sources hooker-en copiste-fr … --pages 25``

Figures of the capture of transcribed pages (``train`` and ``val``) and of the same pages through a simulated scanner
(slightly unsharp, less contrast, grain). The signals of the model are not measured: pages are not read. The usual
stream is a random mixture of the sources. Half of its pages are the reference; the other half, drawn again and again,
makes the windows without a change, and what comes before a change.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.document import Line
from inkread.errors import LayoutFileError
from inkread.evaluation.drift import WINDOW, Figures, Monitor, Reference, drifted
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout.capture import page_features

WINDOWS = 50
CHANGES = 20


def scanned(grey: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The page through another scanner: a little unsharp, less contrast, grain."""
    soft = cv2.GaussianBlur(grey, (0, 0), 0.8).astype(np.float32) * 0.85 + 10
    return np.clip(soft + rng.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)


def measure(folder: Path, pages: int) -> Iterator[tuple[Figures, Figures]]:
    """Figures of so many random pages of a source, and of the same pages through the simulated scanner."""
    found = [path for split in ("train", "val") for path in sorted((folder / split).glob("*.xml"))]
    random.Random(5).shuffle(found)
    for path in found[:pages]:
        image = next(file for file in path.parent.glob(f"{path.stem}.*") if file.suffix != ".xml")
        grey = next(load_pages(image)).grey
        try:
            lines = lines_of(path, (grey.shape[1], grey.shape[0]))
        except LayoutFileError:
            continue
        usual = page_features(grey, lines)
        if usual:
            yield usual, page_features(scanned(grey, np.random.default_rng(1)), lines)


def lines_of(path: Path, size: tuple[int, int]) -> tuple[Line, ...]:
    """The lines of a transcription."""
    return read_layout(path, on_skip=lambda _: None, image_size=lambda: size).lines


def noticed(reference: Reference, usual: Sequence[Figures], other: Sequence[Figures], rng: random.Random) -> int | None:
    """Pages after a change until a figure has drifted, up to 100; None where none does."""
    monitor = Monitor(reference)
    for page in rng.choices(usual, k=WINDOW):
        monitor.add(page)
    for number, page in enumerate(rng.choices(other, k=100), start=1):
        if drifted(monitor.add(page)):
            return number
    return None


def main() -> None:
    """Measure, print a table."""
    parser = figures.parser(__doc__, "drift.py ../shared/data --sources hooker-en copiste-fr zola-fr")
    parser.add_argument("data", type=Path, help="folder with a folder of each source")
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--pages", type=int, default=25, help="of each source")
    parser.add_argument("--cache", type=Path, help="JSON file that keeps the figures")
    options = parser.parse_args()
    if options.cache and options.cache.is_file():
        found = json.loads(options.cache.read_text(encoding="utf-8"))
    else:
        found = {name: list(measure(options.data / name, options.pages)) for name in options.sources}
        if options.cache:
            options.cache.write_text(json.dumps(found), encoding="utf-8")
    rng = random.Random(1)
    rows: dict[str, tuple[str, ...]] = {}
    mixed = [usual for pages in found.values() for usual, _ in pages]
    rng.shuffle(mixed)
    reference, rest = Reference.of(mixed[::2]), mixed[1::2]
    alarms = sum(bool(drifted(reference.drift(rng.sample(rest, min(WINDOW, len(rest)))))) for _ in range(WINDOWS))
    rows["no change"] = (f"{alarms} of {WINDOWS} windows", "")
    changes = {"another scanner": (reference, rest, [scan for pages in found.values() for _, scan in pages])}
    for name, pages in found.items():
        others = [usual for other, own in found.items() if other != name for usual, _ in own]
        rng.shuffle(others)
        changes[f"only {name}"] = (Reference.of(others[::2]), others[1::2], [usual for usual, _ in pages])
    late = 0
    for name, (known, before, after) in changes.items():
        times = [noticed(known, before, after, rng) for _ in range(CHANGES)]
        seen = sorted(time for time in times if time is not None)
        late += len(times) - len(seen)
        rows[name] = (f"{len(seen)} of {CHANGES}", str(seen[len(seen) // 2]) if seen else "")
    print(f"{len(mixed)} pages, {reference.pages} of them the reference, windows of {WINDOW}")
    print(figures.markdown(("change", "noticed within 100 pages", "pages, median"), rows))
    total = len(changes) * CHANGES
    share = Estimate(1 - late / total, None, None, total)
    false = ratio_interval([alarms], [WINDOWS])
    figures.write(
        options.json,
        [
            figures.figure(
                "Changes of the pages noticed within 100 pages", "%", share, dataset="shared", pages=len(mixed)
            ),
            figures.figure("Windows of 50 pages with a false alarm", "%", false, dataset="shared", pages=len(mixed)),
        ],
        rows=rows,
    )


if __name__ == "__main__":
    main()
