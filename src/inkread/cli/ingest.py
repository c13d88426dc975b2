"""``inkread ingest``: one dataset out of PAGE, ALTO, IAM, table or .gt.txt sources."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console
from rich.progress import track

from inkread.data.dataset import Sample, Style
from inkread.data.ingest import REPORT, Format, IngestOptions, IngestReport
from inkread.data.ingest import ingest as make_dataset

SHOWN_NAMES = 5


def ingest(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder, archive (.tgz, .tar, .zip) or table.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DATASET", help="Dataset folder.")] = Path(
        "dataset"
    ),
    form: Annotated[
        str | None, typer.Option("--format", metavar="|".join(get_args(Format)), help="Detected where not given.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the source in the manifest.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the pages, kept with each sample.")] = "",
    language: Annotated[str, typer.Option(help="ISO 639-1, where the source gives none.")] = "",
    style: Annotated[
        str, typer.Option(metavar="handwriting|print|form", help="How it was written, where the source does not say.")
    ] = "",
    with_errors: Annotated[bool, typer.Option(help="Take IAM segments marked err too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Make a dataset: manifest.parquet, images, and ingest.json, which says what was left out and why.

    Example: inkread ingest iam/ -o dataset --licence "IAM, research only"
    """
    if form is not None and form not in get_args(Format):
        raise typer.BadParameter(f"{form} is none of {', '.join(get_args(Format))}", param_hint="--format")
    if style not in get_args(Style):
        raise typer.BadParameter(f"{style} is none of {', '.join(filter(None, get_args(Style)))}", param_hint="--style")
    options = IngestOptions(name, licence, language, cast(Format | None, form), with_errors, style=cast(Style, style))
    report = make_dataset(source, output, options, _with_bar)
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        _show(report, output)


def _with_bar(samples: Iterable[Sample]) -> Iterable[Sample]:
    return track(list(samples), "copying", console=Console(stderr=True), transient=True)


def _show(report: IngestReport, output: Path) -> None:
    kinds = ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in report.samples.items())
    splits = ", ".join(f"{split or 'no split'} {count}" for split, count in report.splits.items())
    typer.echo(f"{output}: {kinds} of {report.source} ({splits}); manifest {report.sha256[:12]}")
    for reason, count in report.skipped.items():
        typer.echo(f"left out {count}: {reason}", err=True)
    if len(report.skipped_names) > SHOWN_NAMES:
        typer.echo(f"their names are in {output / REPORT}", err=True)
