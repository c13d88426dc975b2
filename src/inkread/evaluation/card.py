"""Put measured figures into a bundle's description and card.

Usage: ``inkread evaluate SOURCE… --json lm.json && python -m inkread.evaluation.card BUNDLE lm.json``
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from inkread.errors import DatasetError
from inkread.recognition.bundle import Bundle, Metric, Model
from inkread.training.bundling import describe

FIGURES = {
    "cer": "CER of given lines",
    "wer": "WER of given lines",
    "page_cer": "CER of whole pages",
    "line_recall": "recall of lines",
    "line_precision": "precision of lines",
}


def write_figures(bundle: Path, reports: list[Path]) -> Model:
    """Replace the figures of a bundle with those of reports that `inkread evaluate --json` wrote.

    Raises:
        BundleError: there is no bundle.
        DatasetError: a report cannot be used, or is one of another model.
    """
    model = Bundle.open(bundle).model
    metrics = tuple(metric for report in reports for metric in _metrics(report, f"{model.name} {model.version}"))
    return describe(model.model_copy(update={"metrics": metrics}), bundle)


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
            estimate = source[key]
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
    typer.run(write_figures)
