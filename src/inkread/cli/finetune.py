"""``inkread finetune``: train a bundle further on a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inkread.bundle import Bundle
from inkread.training.finetune import FinetuneReport, FinetuneSettings
from inkread.training.finetune import finetune as teach

_DEFAULT = FinetuneSettings()


def finetune(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="Folder, models:/NAME@ALIAS, or bundled.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Dataset, or transcribed pages or lines.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the new bundle.")],
    steps: Annotated[int, typer.Option(min=0, help="0 for one a line, 60 to 1500.")] = _DEFAULT.steps,
    rate: Annotated[float, typer.Option(min=1e-7, help="Learning rate.")] = _DEFAULT.rate,
    rehearsal: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of rendered lines, against forgetting.")
    ] = _DEFAULT.rehearsal,
    seed: Annotated[int, typer.Option(help="Of all randomness.")] = _DEFAULT.seed,
    name: Annotated[str, typer.Option(help="Of the new bundle; else that of the start.")] = "",
    version: Annotated[str, typer.Option(help="Of the new bundle; else that of the start and a hash.")] = "",
    licence: Annotated[str, typer.Option(help="Of the data, where it does not say.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fine-tune a bundle on a dataset; keeps the starting weights if validation CER does not improve.

    Example: inkread finetune bundled letters/ -o mine && inkread read scan.jpg --model mine
    """
    start = Bundle.open(bundle)
    settings = FinetuneSettings(
        steps=steps, rate=rate, rehearsal=rehearsal, seed=seed, name=name, version=version, licence=licence
    )
    report = teach(start, dataset, output, settings)
    typer.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else _sentences(report, output))


def _sentences(report: FinetuneReport, output: Path) -> str:
    cut = report.cut
    said = [f"{cut.train} lines to learn from, {cut.val} to check with"]
    said += [f"left out {count}: {reason}" for reason, count in cut.dropped.items()]
    if cut.same_documents:
        said.append("all lines are of one document, so the figures are better than other pages will be read")
    if report.improved:
        said.append(f"CER {report.before} before, {report.after} after; the new model is in {output}")
    else:
        said.append(
            f"these lines could not improve the model (CER {report.before}), or only at the cost of known sources; "
            f"{output} holds it as it was. Transcribe more lines, or check the transcriptions"
        )
    return "\n".join(said)
