"""Insertions composed from real lines: a word is cut out of a line, the gap is closed, and it is set above the line.

Usage: ``python benchmarks/insertions.py DATA --split val --sources hooker-en peraire-fr --count 24 --seed 1``

Prints how many composed insertions were found as lines of their own, given to their line, and put at their place: at
the nearest space, and where the language model chooses among the spaces near. What is expected follows from the reading
of the page before, so that errors of recognition hardly count.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from inkread import Reader
from inkread.cli.terminal import existing, run_command
from inkread.document import Line, Page
from inkread.io.images import PageImage
from inkread.io.inputs import load_pages
from inkread.layout.insertions import find_insertions, place_in

Grey = NDArray[np.uint8]
SCALE = 0.65
"""Of the inserted word: people write smaller between lines of the usual distance."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A page with one insertion: the word, what stands before it in its line, and where the line begins."""

    grey: Grey
    word: str
    before: str
    after: str
    host_y: float


def compose(grey: Grey, page: Page, random: np.random.Generator) -> Iterator[Composed]:
    """Yield the page with an insertion in one of its clear lines; nothing where it has none."""
    lines = page.lines
    clear = [n for n in range(1, len(lines)) if len(lines[n].words) > 5 and (lines[n].confidence or 0) > 0.93]
    random.shuffle(clear)
    for number in clear:
        line, above = lines[number], lines[number - 1]
        step = _y(line) - _y(above)
        usable = [k for k in range(1, len(line.words) - 1) if 3 <= len(line.words[k].text) <= 12]
        if not usable or not 0.02 * len(grey) < step < 0.1 * len(grey):
            continue
        at = int(random.choice(usable))
        boxes = [np.asarray(word.polygon) for word in line.words]
        if any(len(box) == 0 for box in boxes):
            continue
        left = int((boxes[at - 1][:, 0].max() + boxes[at][:, 0].min()) / 2)
        right = int((boxes[at][:, 0].max() + boxes[at + 1][:, 0].min()) / 2)
        end = int(boxes[-1][:, 0].max()) + 5
        feet = _feet(line, (left, right))
        top, bottom = int(feet - 0.62 * step), int(feet + 0.25 * step)
        if top < 0 or right - left < 10 or end >= grey.shape[1]:
            continue
        made = grey.copy()
        word = made[top:bottom, left:right].copy()
        paper = int(np.percentile(made[top:bottom, left:end], 85))
        made[top:bottom, left : end - (right - left)] = grey[top:bottom, right:end]
        made[top:bottom, end - (right - left) : end] = paper
        small = cv2.resize(word, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
        x = max(left - int(random.random() * small.shape[1]), 0)
        y = int(feet - 0.5 * step - SCALE * 0.62 * step)
        place = made[y : y + small.shape[0], x : x + small.shape[1]]
        if y < 0 or place.shape != small.shape:
            continue
        np.minimum(place, small, out=place)
        if random.random() < 0.5:
            ink = int(np.percentile(word, 2))
            tip = (left, int(feet - 0.25 * step))
            for side in (-1, 1):
                cv2.line(made, tip, (left + side * int(0.12 * step), int(feet + 0.05 * step)), ink, 3)
        texts = [each.text for each in line.words]
        yield Composed(made, texts[at], " ".join(texts[:at]), " ".join(texts[at + 1 :]), feet)
        return


def _y(line: Line) -> float:
    return float(np.mean([y for _, y in line.baseline]))


def _feet(line: Line, ends: tuple[int, int]) -> float:
    x, y = np.asarray(sorted(line.baseline)).T
    return float(np.interp(sum(ends) / 2, x, y))


def _alike(a: str, b: str) -> bool:
    return Levenshtein.normalized_similarity(a.lower(), b.lower()) > 0.5


def main() -> None:
    """Compose, read again, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=existing)
    parser.add_argument("--split", default="val", choices=("train", "val"))
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    reader = Reader(threads=1)
    files = [sorted((existing(given.data / source) / given.split).glob("*.webp")) for source in given.sources]
    chosen = [
        names[index]
        for names in files
        for index in random.permutation(len(names))[: given.count // len(files)].tolist()
    ]
    found: Counter[str] = Counter()
    for path in chosen:
        image = next(iter(load_pages(path)))
        for item in compose(image.grey, next(reader.read_pages([image])), random):
            found.update(judge(reader, image, item))
        print(path.name, dict(found), flush=True)


def judge(reader: Reader, image: PageImage, item: Composed) -> Iterator[str]:
    """What was right about one composed page."""
    yield "composed"
    page = next(reader.read_pages([replace(image, pixels=item.grey)]))
    if not any(_alike(line.text, item.word) and len(line.words) < 4 for line in page.lines):
        return
    yield "lines of their own"
    pairs = find_insertions(page)
    yield from ["other insertions"] * sum(not _alike(line.text, item.word) for line, _ in pairs)
    for line, host in pairs:
        if not _alike(line.text, item.word):
            continue
        yield "insertions"
        if not _alike(host.text, f"{item.before} {item.after}"):
            continue
        yield "right line"
        for name, likes in (("nearest space", None), ("language model", reader.lines.log_probability)):
            at = place_in(line, host, likes)
            if _alike(host.text[:at], item.before) and abs(len(host.text[:at].split()) - len(item.before.split())) < 1:
                yield f"right place, {name}"
        return


if __name__ == "__main__":
    run_command(main)
