"""Were the text lines found? Recall and precision of baselines.

Usage: ``match_baselines(written_lines, found_lines).recall``

The measure is that of T. Grüning, R. Labahn, M. Diem, F. Kleber, S. Fiel: READ-BAD: A New Dataset and Evaluation
Scheme for Baseline Detection in Archival Documents, DAS 2018 (arXiv:1705.03311), which the cBAD competitions use.
Baselines become points 5 pixels apart. A point that lies d away from a polyline counts as covered with

    1 where d <= t,   0 where d >= 3 t,   (3 t - d) / (2 t) between,

t being 0.25 of the distance between the written line and its neighbours. The coverage of a polyline is the mean over
its points. Then

    recall    = mean over written lines of their coverage by all found lines together,
    precision = sum over pairs (found, written), each line in one pair at most, of the coverage of the found line by
                the written one, divided by the number of found lines.

So a line found in two pieces keeps its recall and costs precision, two lines found as one cost both. Two details
differ from the paper: pairs are chosen to maximise the sum (it picks them greedily), and means run over the lines of
all pages (it averages pages).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from inkread.document import Polyline

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

STEP = 5.0
"""Pixels between the points of a baseline, as in the paper."""
TOLERANCE = 0.25
"""Share of the distance between lines within which a point counts as covered, as in the paper."""
LONE_LINE_SHARE = 1 / 25
"""Share of the page height that stands for the distance between lines on a page with one line."""
LEAST_OVER = 0.5
"""Coverage from which a found line lies over written ones."""
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Detection:
    """Coverages summed over lines; ``a + b`` adds them.

    Attributes:
        covered: sum over written lines of their coverage.
        written: number of written lines.
        correct: sum over found lines of the coverage by their partner.
        found: number of found lines.
    """

    covered: float = 0.0
    written: int = 0
    correct: float = 0.0
    found: int = 0

    @property
    def recall(self) -> float:
        """Covered share of the written lines, 1 where nothing was written."""
        return self.covered / self.written if self.written else 1.0

    @property
    def precision(self) -> float:
        """Correct share of the found lines, 1 where nothing was found."""
        return self.correct / self.found if self.found else 1.0

    def __add__(self, other: Detection) -> Detection:
        """Add sums and counts, so that rates of a sum are micro-averages."""
        return Detection(
            self.covered + other.covered,
            self.written + other.written,
            self.correct + other.correct,
            self.found + other.found,
        )


def match_baselines(written: Sequence[Polyline], found: Sequence[Polyline], page_height: float) -> Detection:
    """Compare the baselines of one page.

    Args:
        written, found: polylines of at least one point in pixels of the same page.
        page_height: in pixels; a page with a single line takes 1/25 of it as the distance between lines.
    """
    from scipy.optimize import linear_sum_assignment

    targets, candidates = [_points(line) for line in written], [_points(line) for line in found]
    if not targets or not candidates:
        return Detection(0.0, len(targets), 0.0, len(candidates))
    tolerances = TOLERANCE * line_distances(targets, page_height)
    everything = _tree(np.concatenate(candidates))
    covered = sum(
        float(_coverage(everything, target, tolerance).mean())
        for target, tolerance in zip(targets, tolerances, strict=True)
    )
    gains = _pair_coverages(targets, candidates, tolerances)
    rows, columns = linear_sum_assignment(gains, maximize=True)
    return Detection(covered, len(targets), float(gains[rows, columns].sum()), len(candidates))


def over_written(written: Sequence[Polyline], found: Sequence[Polyline], page_height: float) -> list[bool]:
    """Which found lines lie, by half of their coverage or more, over written ones; arguments as `match_baselines`."""
    targets = [_points(line) for line in written]
    if not targets:
        return [False] * len(found)
    tolerance = float(np.median(TOLERANCE * line_distances(targets, page_height)))
    everything = _tree(np.concatenate(targets))
    return [float(_coverage(everything, _points(line), tolerance).mean()) >= LEAST_OVER for line in found]


def line_distances(lines: Sequence[Points], page_height: float) -> Points:
    """Distance from each line to the nearest one above or below it, from half the page's median to the median.

    Measured at each point of the line, across its direction, to the nearest other line there; the median of these.
    A piece that continues a line is no neighbour, for it shares no part of its extent.

    Args:
        lines: each float [points, 2].
        page_height: in pixels; 1/25 of it stands in where no line has a neighbour.

    Returns:
        float [lines], > 0.
    """
    distances = np.array([_distance_to_neighbours(lines, i) for i in range(len(lines))])
    known = distances[np.isfinite(distances)]
    typical = float(np.median(known)) if known.size else page_height * LONE_LINE_SHARE
    return np.asarray(np.clip(np.nan_to_num(distances, nan=typical), typical / 2, typical), np.float64)


def _distance_to_neighbours(lines: Sequence[Points], index: int) -> float:
    line = lines[index]
    chord = line[-1] - line[0]
    length = float(np.hypot(*chord)) or 1.0
    direction = chord / length if np.any(chord) else np.array([1.0, 0.0])
    frame = np.stack([direction, [-direction[1], direction[0]]], axis=1)
    own = line @ frame
    gaps = np.full(len(own), np.inf)
    for other in (lines[i] @ frame for i in range(len(lines)) if i != index):
        order = np.argsort(other[:, 0], kind="stable")
        across = np.interp(own[:, 0], other[order, 0], other[order, 1], left=np.nan, right=np.nan)
        gaps = np.fmin(gaps, np.abs(across - own[:, 1]))
    known = gaps[np.isfinite(gaps) & (gaps >= 1.0)]
    return float(np.median(known)) if known.size else float("nan")


def _pair_coverages(targets: list[Points], candidates: list[Points], tolerances: Points) -> NDArray[np.float64]:
    """Coverage of each candidate by each target, float [targets, candidates]."""
    points = np.concatenate(candidates)
    starts = np.concatenate([[0], np.cumsum([len(c) for c in candidates])[:-1]])
    counts = np.array([len(c) for c in candidates], np.float64)
    sums = [
        np.add.reduceat(_coverage(_tree(target), points, tolerance), starts)
        for target, tolerance in zip(targets, tolerances, strict=True)
    ]
    return np.stack(sums) / counts


def _tree(points: Points) -> cKDTree:
    from scipy.spatial import cKDTree

    return cKDTree(points)


def _coverage(tree: cKDTree, points: Points, tolerance: float) -> Points:
    distances, _ = tree.query(points, distance_upper_bound=3 * tolerance)
    return cast(Points, np.clip((3 * tolerance - distances) / (2 * tolerance), 0.0, 1.0))


def _points(line: Polyline) -> Points:
    corners = np.asarray(line, np.float64)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.linspace(0.0, lengths[-1], int(lengths[-1] / STEP) + 2)
    return np.stack([np.interp(along, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
