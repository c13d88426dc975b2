"""How soon a change of the pages is noticed, and how often there is a false alarm: `inkread.evaluation.drift`.

Usage: ``python benchmarks/drift.py ../shared/data --sources hooker-en copiste-fr … --pages 16 --cache figures.jsonl``

Pages of ``val``, then of ``train``, are read as the services read them. Every second page is read again through a
simulated scanner (slightly unsharp, less contrast, grain). The figures stand in the cache, so that an interrupted run
goes on. Half of the pages that come before a change are the reference; the other half, drawn again and again, comes
before the change. The language of a source is the end of its name; sources without one have no language.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, permutations, zip_longest
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.bundle import BUNDLED, Bundle
from inkread.cli.terminal import existing, run_command
from inkread.evaluation.drift import LANGUAGE, LEAST_PAGES, WINDOW, Figures, Monitor, Reference, drifted, page_figures
from inkread.evaluation.statistics import ratio_interval
from inkread.io.inputs import load_pages
from inkread.reader import Reader

Change = tuple[Sequence[Figures], Sequence[Figures]]
"""Pages before a change, and pages after it."""

WINDOWS = 1000
CHANGES = 20
PAGES = 100
"""After a change, within which it is to be noticed."""


@dataclass(frozen=True, slots=True)
class Read:
    """Figures of a page, and of the same page through the simulated scanner; empty where it was not read so."""

    source: str
    usual: Figures
    scanned: Figures


def scanned(grey: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The page through another scanner: a little unsharp, less contrast, grain."""
    soft = cv2.GaussianBlur(grey, (0, 0), 0.8).astype(np.float32) * 0.85 + 10
    return np.clip(soft + rng.normal(0, 4, grey.shape), 0, 255).astype(np.uint8)


def chosen(data: Path, sources: Sequence[str], most: int) -> list[tuple[str, Path, bool]]:
    """Sources and images, and whether the scanner reads them too; of all sources in turn, ``val`` first."""
    draw = random.Random(5)
    of_source = []
    for name in sources:
        found: list[Path] = []
        for split in ("val", "train"):
            pages = sorted((existing(data / name) / split).glob("*.xml"))
            found += draw.sample(pages, len(pages))
        images = [next(file for file in path.parent.glob(f"{path.stem}.*") if file != path) for path in found[:most]]
        of_source.append([(name, image, number % 2 == 1) for number, image in enumerate(images)])
    return [page for page in chain.from_iterable(zip_longest(*of_source)) if page]


def read(options: argparse.Namespace) -> list[Read]:
    """Read what does not stand in the cache; pages without writing are left out."""
    known: dict[str, Read] = {}
    if options.cache and options.cache.is_file():
        rows = map(json.loads, options.cache.read_text(encoding="utf-8").splitlines())
        known = {row.pop("page"): Read(**row) for row in rows}
    reader = Reader(Bundle.open(options.model), threads=1)
    pages = chosen(options.data, options.sources, options.pages)
    with figures.bar("pages", len(pages)) as advance:
        for source, path, twice in pages:
            name = f"{source}/{path.name}"
            if name not in known:
                image = next(load_pages(path))
                versions = [image.grey, *([scanned(image.grey, np.random.default_rng(1))] if twice else [])]
                found = []
                for grey in versions:
                    (page,) = reader.read_pages([replace(image, pixels=grey)])
                    found.append(page_figures(page, grey, reader.lines))
                known[name] = Read(source, found[0], found[1] if twice else {})
                if options.cache:
                    row = {"page": name, "source": source, "usual": found[0], "scanned": known[name].scanned}
                    with options.cache.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row) + "\n")
            advance(1)
    names = [f"{source}/{path.name}" for source, path, _ in pages]
    return [known[name] for name in names if known[name].usual]


def noticed(before: Sequence[Figures], after: Sequence[Figures], rng: random.Random) -> int | None:
    """Pages after a change until a figure has drifted, up to `PAGES`; None where none does.

    Half of the pages before the change, drawn at random, are the reference.
    """
    monitor, rest = halves(before, rng)
    for page in rng.choices(rest, k=WINDOW):
        monitor.add(page)
    for number, page in enumerate(rng.choices(after, k=PAGES), start=1):
        if drifted(monitor.add(page)):
            return number
    return None


def halves(pages: Sequence[Figures], rng: random.Random) -> tuple[Monitor, Sequence[Figures]]:
    """A monitor whose reference is one half of the pages, and the other half."""
    drawn = rng.sample(pages, len(pages))
    return Monitor(Reference.of(drawn[::2])), drawn[1::2]


def false_alarms(pages: Sequence[Figures], rng: random.Random) -> int:
    """Of `WINDOWS` windows of pages of one half, each beside a reference of the other half."""
    alarms = 0
    for _ in range(WINDOWS):
        monitor, rest = halves(pages, rng)
        for page in rng.sample(rest, min(WINDOW, len(rest))):
            monitor.add(page)
        alarms += bool(drifted(monitor.index))
    return alarms


def changes(pages: Sequence[Read]) -> dict[str, dict[str, Change]]:
    """Of each kind of change: its name, the pages before it and those after it."""

    def usual(keep: Callable[[Read], bool]) -> list[Figures]:
        return [page.usual for page in pages if keep(page)]

    sources = sorted({page.source for page in pages})
    languages = sorted({language(name) for name in sources} - {""})
    by_source: dict[str, Change] = {
        f"to {name} alone": (usual(lambda page: page.source != name), usual(lambda page: page.source == name))  # noqa: B023
        for name in sources
    }
    by_language: dict[str, Change] = {
        f"{old} to {new}": (
            usual(lambda page: language(page.source) == old),  # noqa: B023
            usual(lambda page: language(page.source) == new),  # noqa: B023
        )
        for old, new in permutations(languages, 2)
        if sum(language(page.source) == old for page in pages) >= LEAST_PAGES
    }
    scans = [page.scanned for page in pages if page.scanned]
    return {
        "scanner": {"another scanner": ([page.usual for page in pages if not page.scanned], scans)},
        "source": by_source,
        "language": by_language,
        "language, by the text alone": {
            name: ([text_alone(page) for page in before], [text_alone(page) for page in after])
            for name, (before, after) in by_language.items()
        },
    }


def language(source: str) -> str:
    """The code at the end of a name; "" where there is none."""
    code = source.rpartition("-")[2]
    return code if len(code) == 2 else ""


def text_alone(page: Figures) -> Figures:
    """The figures that do not come from the picture."""
    return {name: value for name, value in page.items() if name.startswith(LANGUAGE) or name == "surprise"}


def main() -> None:
    """Read, measure, print a table."""
    parser = figures.parser(__doc__, "drift.py ../shared/data --sources hooker-en copiste-fr zola-fr")
    parser.add_argument("data", type=existing, help="folder with a folder of each source")
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--model", default=BUNDLED, help="bundle that reads")
    parser.add_argument("--pages", type=int, default=16, help="of each source")
    parser.add_argument("--cache", type=Path, help="file of JSON lines that keeps the figures of pages")
    options = parser.parse_args()
    pages = read(options)
    rng = random.Random(1)
    everything = [page.usual for page in pages]
    alarms = false_alarms(everything, rng)
    rows: dict[str, tuple[str, ...]] = {"no change": (f"{alarms} of {WINDOWS} windows", "", "")}
    false = ratio_interval([alarms], [WINDOWS])
    made = [figures.figure("Windows of 50 pages with a false alarm", "%", false, dataset="shared", pages=len(pages))]
    for kind, found in changes(pages).items():
        seen: Mapping[str, list[int]] = {name: [] for name in found}
        for name, (before, after) in found.items():
            times = [noticed(before, after, rng) for _ in range(CHANGES)]
            seen[name].extend(sorted(time for time in times if time is not None))
            median = str(seen[name][len(seen[name]) // 2]) if seen[name] else ""
            rows[f"{kind}: {name}"] = (f"{len(seen[name])} of {CHANGES}", median, f"{len(before)}, {len(after)}")
        share = ratio_interval([len(times) for times in seen.values()], [CHANGES] * len(seen))
        made.append(figures.figure(f"Changes of the {kind} noticed within {PAGES} pages", "%", share, dataset="shared"))
    print(f"{len(pages)} pages, half of those before a change are the reference, windows of {WINDOW}")
    print(figures.markdown(("change", f"noticed within {PAGES} pages", "pages, median", "before, after"), rows))
    figures.write(options.json, made, rows=rows)


if __name__ == "__main__":
    run_command(main)
