"""``inkread train``: train a recogniser on datasets or by a plan, or continue an interrupted run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkread.bundle import BUNDLED, Bundle
from inkread.data.ingest import open_dataset
from inkread.data.store import cut_datasets
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.training.data import MixturePlan, data_sources
from inkread.training.train import LINES, RunSettings, load_plan, usual_plan
from inkread.training.train import train as run_plan

RANDOM = "random"
_DEFAULT = RunSettings()


def train(
    datasets: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATASET...", help="Datasets, folders of transcribed pages or lines, or one plan (.json)."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="RUN", help="Run folder; an interrupted run there continues.")
    ],
    start: Annotated[
        str, typer.Option(metavar="BUNDLE", help="Folder, models:/NAME@ALIAS, bundled, or random for random weights.")
    ] = BUNDLED,
    steps: Annotated[int, typer.Option(min=0, help="0 for one a line, 60 to 1500.")] = _DEFAULT.steps,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate.")] = _DEFAULT.rate,
    rehearsal: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of rendered lines, against forgetting.")
    ] = _DEFAULT.rehearsal,
    columns: Annotated[int, typer.Option(min=2400, help="Columns of line images in a batch.")] = _DEFAULT.columns,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = _DEFAULT.seed,
) -> None:
    """Train a recogniser on datasets; inkread export makes a bundle of the run.

    A plan says everything itself; the other options do not apply to it.

    Example: inkread train letters/ registers/ -o runs/first && inkread export runs/first -o model
    """
    if [path.suffix for path in datasets] == [".json"]:
        typer.echo(f"last checkpoint: {run_plan(load_plan(datasets[0]), output)}")
        return
    settings = RunSettings(steps=steps, rate=rate, rehearsal=rehearsal, columns=columns, seed=seed)
    bundle = None if start == RANDOM else Bundle.open(start)
    opened = [open_dataset(path) for path in datasets]
    cut = cut_datasets(opened, output / LINES, Alphabet(bundle.model.alphabet if bundle else LATIN))
    typer.echo(f"{cut.train} lines to learn from, {cut.val} to check with")
    plan = usual_plan(MixturePlan(), cut.train, bundle, settings, data_sources(opened))
    typer.echo(f"last checkpoint: {run_plan(plan, output)}")
