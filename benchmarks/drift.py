"""How soon a change of the pages is noticed, and how often there is a false alarm: `inkread.evaluation.drift`.

Usage: ``python benchmarks/drift.py ../shared/data --sources hooker-en copiste-fr … --pages 25 [--language]``

Figures of the capture of transcribed pages (``train`` and ``val``) and of the same pages through a simulated scanner
(slightly unsharp, less contrast, grain). The signals of the model are not measured: pages are not read. The usual
stream is a random mixture of the sources. Half of its pages are the reference; the other half, drawn again and again,
makes the windows without a change, and what comes before a change.

``--language`` measures a change of the language instead, by the figures that only the text has. The pages are not read:
the text is the transcription, with `WRONG` of its characters replaced by others at random. The language of a source is
the end of its name.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.bundle import Bundle
from inkread.document import Line
from inkread.errors import LayoutFileError
from inkread.evaluation.drift import WINDOW, Figures, Monitor, Reference, drifted, language_figures
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout.capture import page_features
from inkread.recognition.line_reader import LineReader

Change = tuple[Reference, Sequence[Figures], Sequence[Figures]]
"""The reference, pages before the change, and pages after it."""

WINDOWS = 50
CHANGES = 20
WRONG = 0.08
"""Share of the characters, about the CER of the bundled model on unknown hands."""


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


def measure_texts(folder: Path, pages: int, lines: LineReader) -> Iterator[Figures]:
    """Figures of the language of so many random pages of a source, as if they had been read with errors."""
    found = [path for split in ("train", "val") for path in sorted((folder / split).glob("*.xml"))]
    draw = random.Random(5)
    draw.shuffle(found)
    for path in found[:pages]:
        try:
            texts = [line.text for line in lines_of(path, (1, 1)) if line.text.strip()]
        except LayoutFileError:
            continue
        letters = "".join(texts)
        read = ["".join(draw.choice(letters) if draw.random() < WRONG else c for c in text) for text in texts]
        if read:
            surprise = -sum(lines.log_probability("", text) for text in read[:8]) / sum(map(len, read[:8]))
            yield language_figures(read, lines) | {"surprise": surprise}


def language_changes(found: Mapping[str, Sequence[Figures]], options: argparse.Namespace) -> None:
    """From all sources of a language to those of another; and, for comparison, to a source of the same language."""
    of_language: dict[str, dict[str, Sequence[Figures]]] = {}
    for name, pages in found.items():
        of_language.setdefault(name.rpartition("-")[2], {})[name] = pages
    changes: dict[str, Change] = {}
    for before, after in permutations(of_language, 2):
        usual = _mixed(of_language[before])
        changes[f"{before} to {after}"] = Reference.of(usual[::2]), usual[1::2], _mixed(of_language[after])
    same: dict[str, Change] = {}
    largest = max(of_language.values(), key=lambda sources: sum(map(len, sources.values())))
    for name, pages in largest.items():
        usual = _mixed({other: own for other, own in largest.items() if other != name})
        same[f"same language, only {name}"] = Reference.of(usual[::2]), usual[1::2], pages
    report(_mixed(largest), changes, options.json, same)


def _mixed(found: Mapping[str, Sequence[Figures]]) -> list[Figures]:
    pages = [page for own in found.values() for page in own]
    random.Random(1).shuffle(pages)
    return pages


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
    parser.add_argument("--language", action="store_true", help="a change of the language, by the texts alone")
    options = parser.parse_args()
    if options.language:
        lines = LineReader(Bundle.open())
        texts = {name: list(measure_texts(options.data / name, options.pages, lines)) for name in options.sources}
        language_changes(texts, options)
        return
    if options.cache and options.cache.is_file():
        found = json.loads(options.cache.read_text(encoding="utf-8"))
    else:
        found = {name: list(measure(options.data / name, options.pages)) for name in options.sources}
        if options.cache:
            options.cache.write_text(json.dumps(found), encoding="utf-8")
    mixed = _mixed({name: [usual for usual, _ in pages] for name, pages in found.items()})
    scans = [scan for pages in found.values() for _, scan in pages]
    changes: dict[str, Change] = {"another scanner": (Reference.of(mixed[::2]), mixed[1::2], scans)}
    for name, pages in found.items():
        others = _mixed({other: [usual for usual, _ in own] for other, own in found.items() if other != name})
        changes[f"only {name}"] = (Reference.of(others[::2]), others[1::2], [usual for usual, _ in pages])
    report(mixed, changes, options.json)


def report(
    mixed: Sequence[Figures],
    changes: Mapping[str, Change],
    json_file: Path | None,
    others: Mapping[str, Change] | None = None,
) -> None:
    """Windows of the mixture without a change, each change, and others that are not counted; print a table."""
    rng = random.Random(1)
    rows: dict[str, tuple[str, ...]] = {}
    reference, rest = Reference.of(mixed[::2]), mixed[1::2]
    alarms = sum(bool(drifted(reference.drift(rng.sample(rest, min(WINDOW, len(rest)))))) for _ in range(WINDOWS))
    rows["no change"] = (f"{alarms} of {WINDOWS} windows", "")
    late = 0
    for name, (known, before, after) in {**changes, **(others or {})}.items():
        times = [noticed(known, before, after, rng) for _ in range(CHANGES)]
        seen = sorted(time for time in times if time is not None)
        late += len(times) - len(seen) if name in changes else 0
        rows[name] = (f"{len(seen)} of {CHANGES}", str(seen[len(seen) // 2]) if seen else "")
    print(f"{len(mixed)} pages, {reference.pages} of them the reference, windows of {WINDOW}")
    print(figures.markdown(("change", "noticed within 100 pages", "pages, median"), rows))
    total = len(changes) * CHANGES
    share = Estimate(1 - late / total, None, None, total)
    false = ratio_interval([alarms], [WINDOWS])
    figures.write(
        json_file,
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
