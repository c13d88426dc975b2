"""Put measured figures into a bundle's description and card.

Usage: ``inkread evaluate SOURCE… --json lm.json && python -m recipe.card BUNDLE lm.json``

Figures of the same kind are replaced: those of whole evaluations, and, with ``--ablation``, those of short runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from inkread.bundle import Bundle, Metric, Model
from inkread.cli.terminal import run_command
from inkread.errors import DatasetError
from inkread.training.bundling import describe
from recipe.ablation import ALL, LINES, RESULT, START

FIGURES = {
    "cer": "CER of given lines",
    "wer": "WER of given lines",
    "page_cer": "CER of whole pages",
    "page_cer_transcribed": "CER of whole pages, transcribed text",
    "line_recall": "recall of lines",
    "line_precision": "precision of lines",
}


SHORT_RUN = "CER of given lines, greedy, after a short run: "


def write_figures(
    bundle: Path,
    reports: Annotated[list[Path] | None, typer.Argument(help="Files of inkread evaluate --json")] = None,
    ablation: Annotated[
        Path | None, typer.Option(help="Folder of short runs that python -m recipe.ablation made")
    ] = None,
) -> Model:
    """Replace the figures of a bundle with those that were measured.

    Example: python -m recipe.card bundle figures.json
    """
    model = Bundle.open(bundle).model
    name = f"{model.name} {model.version}"
    measured = [metric for report in reports or () for metric in _metrics(report, name)]
    short = list(_short_runs(ablation)) if ablation else []
    for metric in model.metrics:
        kind = short if metric.name.startswith(SHORT_RUN) else measured
        if not (ablation if kind is short else reports):
            kind.append(metric)
    return describe(model.model_copy(update={"metrics": (*measured, *short)}), bundle)


def _short_runs(folder: Path) -> Iterator[Metric]:
    """What is left of the errors of all sources when a part of the recipe is taken away."""
    scores = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(f"*/{RESULT}"))}
    if ALL not in scores:
        raise DatasetError(f"{folder}: no run of the whole recipe; run python -m recipe.ablation first")
    rates = {"none, the starting weights": scores[ALL][START][ALL]}
    rates |= {variant: found["trained"][ALL] for variant, found in scores.items()}
    lines = round(scores[ALL][LINES][ALL])
    for variant, rate in rates.items():
        yield Metric(name=SHORT_RUN + variant, dataset="all sources", split="val", value=round(rate, 4), lines=lines)


def _metrics(path: Path, model: str) -> Iterator[Metric]:
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured, with_model = report["settings"]["model"], report["settings"]["language_model"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path}: this is no report of inkread evaluate --json") from error
    if measured != model:
        raise DatasetError(f"{path}: these are the figures of {measured}, not of {model}; evaluate this bundle")
    how = "with language model" if with_model else "greedy"
    for source in report["sources"]:
        for key, name in FIGURES.items():
            estimate = source.get(key)  # a report of an earlier version lacks some
            if estimate is not None:
                yield Metric(
                    name=f"{name}, {how}" if "R of" in name else name,
                    dataset=source["name"],
                    split=source["split"],
                    value=round(estimate["value"], 4),
                    low=_rounded(estimate["low"]),
                    high=_rounded(estimate["high"]),
                    lines=source["lines"] or None,
                    documents=source["documents"],
                )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    run_command(typer.run, write_figures)
