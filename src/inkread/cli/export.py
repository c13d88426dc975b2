"""``inkread export``: make a model bundle of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inkread.training.bundling import Release, compare_run, release


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Bundle folder to write")],
    version: Annotated[
        str, typer.Option(help="Version of the bundle; else that of the start and a hash of what was made")
    ] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="Checkpoint to take instead of the last one")] = None,
    start_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the starting weights in the mean")] = 0.0,
    lines: Annotated[int, typer.Option(min=1, help="Validation lines of each source to measure")] = 1_000,
    compare: Annotated[bool, typer.Option(help="Also print the CER of the start and of several mixtures")] = False,
) -> None:
    """Write a model bundle: int8 network, float weights, description and card.

    Example: inkread export runs/first -o bundle --version 0.2.0
    """
    model = release(run, output, Release(version, checkpoint=checkpoint, start_share=start_share, lines=lines))
    if not compare:
        typer.echo(f"{output}: {model.name} {model.version}")
        return
    scores = compare_run(run, lines, (0.0, 0.2, 0.35, 0.5), output)
    names = list(scores)
    typer.echo("\t".join(["source", *names]))
    for source in scores[names[0]]:
        typer.echo("\t".join([source, *(f"{scores[name][source]:.4f}" for name in names)]))
