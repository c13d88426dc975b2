"""Rows or columns: how often geometry, the language model and both together read pieces side by side in their order.

Usage: ``python benchmarks/reading_order.py DATA --split val --compose 12``

Of the pages in DATA, those count whose lines stand side by side in many rows: tables and registers transcribed
row by row, and columns. Pages where prose stands in narrow columns are composed: words of a page are set into columns
anew. The language model alone reads a page by row if its pieces go on to the right more than below
(`inkread.recognition.continuation`). Where pieces that stand side by side were not found, a page is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import figures
from inkread import Reader
from inkread.cli.terminal import existing, run_command
from inkread.document import Line, Page
from inkread.evaluation.sources import open_sources
from inkread.evaluation.statistics import INTERVAL, rate_by_document
from inkread.formats import read_layout
from inkread.io.images import PageImage
from inkread.io.inputs import load_pages
from inkread.layout.order import level_boxes
from inkread.layout.settings import DEFAULT_LAYOUT
from inkread.layout.tables import TABLE, as_table, line_distance, rows_of
from inkread.reader import DEFAULT_SETTINGS
from inkread.recognition.continuation import continuation_of_cells

Grey = NDArray[np.uint8]
LEAST_ROWS, LEAST_SHARE = 4, 0.25
"""Rows of several pieces that a page must have, and their share of all its rows."""
CANDIDATES = ("geometry", "language model", "both")


@dataclass(frozen=True, slots=True)
class Block:
    """A page whose pieces stand side by side.

    Attributes:
        kind: of the page, for the results.
        name: source and page.
        document: pages of one document count together for the interval.
        by_row: whether it is transcribed row by row.
    """

    kind: str
    name: str
    document: str
    image: PageImage
    by_row: bool


def steps(lines: Sequence[Line]) -> tuple[int, int, int]:
    """Rows of several lines, how many lines are followed by their neighbour on the right, how many by the one below."""
    lines = [line for line in lines if line.text.strip() and len(line.baseline) > 1]
    boxes = level_boxes([line.baseline for line in lines]) if lines else np.zeros((0, 3))
    distance = line_distance(boxes)
    if not distance:
        return 0, 0, 0
    rows = rows_of(boxes, DEFAULT_LAYOUT.row_tolerance * distance, DEFAULT_LAYOUT.beside_share)
    several = [row for row in rows if len(row) > 1]
    right = sum(after == before + 1 for row in several for before, after in pairwise(row))
    below = sum(_below(boxes, number, distance) == number + 1 for row in several for number in row[:-1])
    whole = len(several) >= LEAST_SHARE * len(rows)
    return len(several) if whole else 0, right, below


def _below(boxes: NDArray[np.float64], number: int, distance: float) -> int:
    """The nearest line below, -1 without one."""
    x0, x1, y = boxes.T
    shared = np.minimum(x1, x1[number]) - np.maximum(x0, x0[number])
    under = (y > y[number] + distance / 2) & (shared > 0.3 * np.minimum(x1 - x0, x1[number] - x0[number]))
    return int(np.where(under, y, np.inf).argmin()) if under.any() else -1


def transcribed(data: Path, split: str) -> Iterator[Block]:
    """The pages of all sources whose pieces stand side by side."""
    for folder in sorted(path for path in data.iterdir() if (path / split).is_dir()):
        for page in (page for source in open_sources(folder, split=split) for page in source.pages):
            rows, right, below = steps(read_layout(page.layout).lines)
            if rows >= LEAST_ROWS and right + below:
                by_row = right > below
                kind = "rows" if by_row else "columns"
                name = f"{folder.name}/{page.image.stem}"
                yield Block(kind, name, page.document, next(iter(load_pages(page.image))), by_row)


def composed(reader: Reader, data: Path, split: str, sources: Sequence[str], count: int, seed: int) -> Iterator[Block]:
    """Pages of each source whose words are set into narrow columns."""
    random = np.random.default_rng(seed)
    for source in sources:
        pages = [page for each in open_sources(data / source, split=split) for page in each.pages]
        for index in random.permutation(len(pages))[:count].tolist():
            image = next(iter(load_pages(pages[index].image)))
            grey = set_in_columns(image.grey, next(reader.read_pages([image])), random)
            if grey is not None:
                name = f"{source}/{pages[index].image.stem}"
                yield Block("composed columns", name, pages[index].document, PageImage(grey), False)


def set_in_columns(grey: Grey, page: Page, random: np.random.Generator) -> Grey | None:
    """The words of a page in two or three narrow columns; None where it has too few."""
    words = [(word, line) for line in page.lines for word in line.words if len(word.polygon) > 2]
    distance = line_distance(level_boxes([line.baseline for line in page.lines])) if page.lines else 0.0
    if not words or not distance:
        return None
    letter = float(np.median([np.ptp(np.asarray(word.polygon)[:, 0]) / max(len(word.text), 1) for word, _ in words]))
    columns, rows = int(random.integers(2, 4)), int(random.integers(6, 13))
    width, gap = float(random.uniform(12, 30)) * letter, float(random.uniform(1.5, 5)) * letter
    left = top = 2 * distance
    shape = round(top + (rows + 2) * distance), round(left + columns * (width + gap) + 2 * distance)
    paper = int(np.percentile(grey, 80))
    sheet = np.full(shape, paper, np.uint8)
    column = row = 0
    x = 0.0
    for word, line in words:
        (x0, y0), (x1, y1) = np.asarray(word.polygon).min(axis=0), np.asarray(word.polygon).max(axis=0)
        x0, y0, x1, y1 = (max(round(value), 0) for value in (x0, y0, x1, y1))
        if x and x + x1 - x0 > width:
            x, row = 0.0, row + 1
        if row == rows:
            row, column = 0, column + 1
        if column == columns:
            return sheet
        feet = float(np.interp((x0 + x1) / 2, *np.asarray(sorted(line.baseline)).T))
        at_x, at_y = round(left + column * (width + gap) + x), round(top + (row + 1) * distance - (feet - y0))
        place = sheet[max(at_y, 0) : at_y + y1 - y0, at_x : at_x + x1 - x0]
        cut = grey[y0:y1, x0:x1][-place.shape[0] :, : place.shape[1]]
        np.minimum(place[: cut.shape[0]], cut, out=place[: cut.shape[0]])
        x += x1 - x0 + letter
    return None


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether each candidate reads a block in its order, and how much likelier its pieces go on to the right."""

    block: Block
    right: dict[str, bool]
    gain: float


def judge(block: Block, alone: Reader, both: Reader) -> Judged | None:
    """Read a block; None where its pieces were not found side by side."""
    page = next(alone.read_pages([block.image]))
    _, right, below = steps(page.lines)
    if not right + below:
        return None
    geometry = right > below
    lines = [line for line in page.lines if len(line.baseline) > 1]
    boxes = level_boxes([line.baseline for line in lines])
    tolerance = DEFAULT_LAYOUT.row_tolerance * line_distance(boxes)
    table = as_table(rows_of(boxes, tolerance, DEFAULT_LAYOUT.beside_share), boxes)
    cells = [replace(lines[number], cell=cell) for number, cell in zip(table.lines, table.cells, strict=True)]
    gain, _ = continuation_of_cells([cells], alone.lines.log_probability)
    together = geometry
    if any(region.kind == TABLE for region in page.regions):
        _, right, below = steps(next(both.read_pages([block.image])).lines)
        together = right > below
    answers = zip(CANDIDATES, (geometry, gain > 0, together), strict=True)
    return Judged(block, {name: answer == block.by_row for name, answer in answers}, gain)


def main() -> None:
    """Print how often each candidate is right."""
    parser = figures.parser(__doc__, "reading_order.py data --split val --compose 12")
    parser.add_argument("data", type=existing)
    parser.add_argument("--split", default="val", choices=("train", "val"))
    parser.add_argument("--sources", nargs="+", default=["hooker-en", "copiste-fr", "peraire-fr", "testaments-fr"])
    parser.add_argument("--compose", type=int, default=12, help="so many composed pages of each of the sources")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    both = Reader(threads=1)
    alone = Reader(threads=1, settings=replace(DEFAULT_SETTINGS, below_gain=-np.inf))
    blocks = [transcribed(options.data, options.split)]
    blocks += [composed(alone, options.data, options.split, options.sources, options.compose, options.seed)]
    judged: dict[str, list[Judged]] = {}
    for one in (judge(block, alone, both) for kind in blocks for block in kind):
        if one is not None:
            judged.setdefault(one.block.kind, []).append(one)
            answers = ", ".join(f"{name} {'right' if right else 'wrong'}" for name, right in one.right.items())
            print(f"{one.block.name}: {one.block.kind}, gain {one.gain:.2f}, {answers}", flush=True)
    made = []
    for kind, ones in judged.items():
        for name in CANDIDATES:
            rate = rate_by_document((one.block.document, float(one.right[name]), 1.0) for one in ones)
            print(f"{kind}: {name} {rate} of {len(ones)}")
            assert rate is not None, "each page counts once"
            title = f"order right, {kind}"
            made.append(
                figures.figure(title, "%", rate, dataset="all", split=options.split, system=name, pages=len(ones))
            )
    print(INTERVAL)
    figures.write(options.json, made)


if __name__ == "__main__":
    run_command(main)
