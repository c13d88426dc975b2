"""Compare how text lines are found: by Inkread, by rapidocr's detector, and by whatever wrote PAGE or ALTO files.

Usage: ``python benchmarks/lines.py FOLDER... --split val --with rapidocr --found kraken=kraken-lines``

The measure is that of ``inkread.evaluation.detection``. ``--found NAME=PLACE`` takes the lines of PLACE/<name of
FOLDER>/<image stem>.xml; pages for which one of these files is missing are left out for every detector.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import existing, print_table, run_command
from inkread.document import Polyline
from inkread.errors import BundleError
from inkread.evaluation.detection import Detection, match_baselines
from inkread.evaluation.sources import DOCUMENT_RULE, PageFile, open_sources
from inkread.evaluation.statistics import INTERVAL, Estimate, rate_by_document
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout import Analyser
from inkread.layout.detector import Detector as NetworkDetector

Scores = list[tuple[str, Detection]]
Detector = Callable[[PageFile], list[Polyline]]
# Share of a box's height between its lower edge and the baseline: of 0, 0.05 … 0.5 the one with which rapidocr has
# its best recall and precision on 33 pages of train, 3 a source (0.965 and 0.929; 0.713 and 0.671 with 0).
BASELINE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Row:
    """What one detector achieved on one source."""

    detector: str
    source: str
    pages: int
    lines: int
    found: int
    recall: Estimate | None
    precision: Estimate | None


def inkread_detector(network: Path | None, threads: int) -> Detector:
    """Inkread's own lines, with the bundled detector or another network."""
    path = network or Bundle.open().detector
    if path is None:
        raise BundleError("the bundled model has no detector; name one with --detector")
    analyse = Analyser(NetworkDetector(path, threads))
    return lambda page: [line.baseline for line in analyse(next(load_pages(page.image)).grey).lines]


def rapidocr_detector(threads: int) -> Detector:
    """The boxes of rapidocr's detector with its defaults, each as the baseline that its letters stand on."""
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": threads, "Global.log_level": "error"})

    def find(page: PageFile) -> list[Polyline]:
        boxes = getattr(engine(str(page.image), use_cls=False, use_rec=False), "boxes", None)
        return [baseline_of_box(box.tolist()) for box in (() if boxes is None else boxes)]

    return find


def baseline_of_box(box: list[list[float]], share: float = BASELINE_SHARE) -> Polyline:
    """Corners from the upper left clockwise to a line ``share`` of the height above the lower edge."""
    upper_left, upper_right, lower_right, lower_left = box
    return tuple(
        (lower[0] + share * (upper[0] - lower[0]), lower[1] + share * (upper[1] - lower[1]))
        for lower, upper in ((lower_left, upper_left), (lower_right, upper_right))
    )


def layout_detector(place: Path) -> Detector:
    """The lines of ``place/<source>/<image stem>.xml``."""
    return lambda page: [line.baseline for line in read_layout(layout_path(place, page)).lines]


def layout_path(place: Path, page: PageFile) -> Path:
    """Where the lines that another program found on a page are expected."""
    return place / page.source / f"{page.image.stem}.xml"


def score(pages: Sequence[PageFile], find: Detector, on_page: Callable[[int], None] = lambda _: None) -> Scores:
    """(document, coverage) of each page."""
    scores = []
    for page in pages:
        on_page(1)
        written = read_layout(page.layout)
        baselines = [line.baseline for line in written.lines]
        scores.append((page.document, match_baselines(baselines, find(page), written.height)))
    return scores


def report(name: str, source: str, scores: Scores) -> Row:
    """Recall and precision of a detector on a source, and the sample they come from."""
    recall = rate_by_document((document, found.covered, found.written) for document, found in scores)
    precision = rate_by_document((document, found.correct, found.found) for document, found in scores)
    total = sum((found for _, found in scores), Detection())
    return Row(name, source, len(scores), total.written, total.found, recall, precision)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = figures.parser(__doc__, "lines.py letters --split val --with rapidocr --json lines.json")
    parser.add_argument("folders", nargs="+", type=existing, metavar="FOLDER")
    parser.add_argument("--split", default="val", help="subfolder to look into where a FOLDER has it")
    parser.add_argument("--limit", type=int, help="only so many pages of each FOLDER")
    parser.add_argument("--with", dest="peers", action="append", choices=["rapidocr"], default=[])
    parser.add_argument("--found", action="append", default=[], metavar="NAME=PLACE")
    parser.add_argument("--detector", type=existing, help="network for Inkread instead of the bundled one")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Print recall and precision of every detector on every source."""
    options = arguments()
    places = {name: existing(place) for name, _, place in (item.partition("=") for item in options.found)}
    detectors = {"inkread": inkread_detector(options.detector, options.threads)}
    if "rapidocr" in options.peers:
        detectors["rapidocr"] = rapidocr_detector(options.threads)
    detectors.update((name, layout_detector(place)) for name, place in places.items())
    sources = [source for folder in options.folders for source in open_sources(folder, split=options.split)]
    chosen = {
        source.name: [page for page in source.pages if all(layout_path(p, page).exists() for p in places.values())]
        for source in sources
    }
    chosen = {name: pages[: options.limit] for name, pages in chosen.items()}
    rows, totals = [], []
    with figures.bar("finding lines", len(detectors) * sum(map(len, chosen.values()))) as advance:
        for name, find in detectors.items():
            total: Scores = []
            for source, pages in chosen.items():
                scores = score(pages, find, advance)
                rows.append(report(name, source, scores))
                total += scores
            totals.append(report(name, "all", total))
    rows = sorted(rows, key=lambda row: row.source) + totals
    table = Table(caption=f"split {options.split}. {INTERVAL}. Document: {DOCUMENT_RULE}.")
    for heading in Row.__annotations__:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(escape(str(getattr(row, heading))) for heading in Row.__annotations__))
    print_table(table)
    made = [
        figures.figure(
            name,
            "%",
            value,
            dataset=row.source,
            split=options.split,
            system=row.detector,
            pages=row.pages,
            lines=row.lines,
        )
        for row in rows
        for name, value in (("recall of lines", row.recall), ("precision of lines", row.precision))
        if value is not None
    ]
    figures.write(options.json, made)


if __name__ == "__main__":
    run_command(main)
