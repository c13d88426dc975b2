"""How fast lines are made, augmented as for training, on one core: lines a second of each kind, and of stored pages.

Usage: ``python benchmarks/synthesis.py recipe/plans/recipe.json --lines 200 --runs 5``

Takes turns over the kinds; what counts is the median of the runs after an unmeasured one. Training takes as many lines
a second as its steps and their lines say, so whatever is faster than that feeds it.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

import figures
from inkread.cli.terminal import run_command
from inkread.recognition.alphabet import Alphabet
from inkread.training.augmentation import Augmentation, augmented_views
from inkread.training.data import synthetic_sources
from inkread.training.stream import StoredSource
from inkread.training.synthetic import LineSource
from inkread.training.train import TrainingPlan, load_plan


def sources_of(plan: TrainingPlan) -> dict[str, LineSource]:
    """What the plan learns from: each kind that is made, and the lines of all pages."""
    store = plan.mixture.lines("train")
    made = synthetic_sources(plan.mixture, Alphabet(plan.alphabet), store, "train")
    return {**made, "pages": StoredSource(store, range(len(store)))}


def rate(source: LineSource, lines: int, views: int, seed: int) -> float:
    """Lines a second."""
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    for _ in range(lines):
        augmented_views(source.sample(rng)[0], rng, views, Augmentation())
    return lines / (time.perf_counter() - started)


def main() -> None:
    """Measure, print a table."""
    parser = figures.parser(__doc__, "synthesis.py recipe/plans/recipe.json --lines 200 --runs 5")
    parser.add_argument("plan", type=Path, help="plan of a training run")
    parser.add_argument("--lines", type=int, default=200, help="of each kind in a run")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(0)
    plan = load_plan(options.plan)
    sources, rates = sources_of(plan), defaultdict[str, list[float]](list)
    with figures.bar("making lines", (options.runs + 1) * len(sources)) as advance:
        for run in range(options.runs + 1):
            for name, source in sources.items():
                rates[name].append(rate(source, options.lines, plan.optimisation.views, run))
                advance(1)
    speeds = {name: statistics.median(values[1:]) for name, values in rates.items()}
    print(figures.markdown(("kind", "lines/s"), {name: [f"{speed:.0f}"] for name, speed in speeds.items()}))
    made = [
        figures.figure(f"synthesis speed, {name}", "lines/s", speed, dataset=options.plan.stem, lines=options.lines)
        for name, speed in speeds.items()
    ]
    figures.write(options.json, made)


if __name__ == "__main__":
    run_command(main)
