"""``inkread evaluate``: how well are transcribed pages read?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from inkread.cli.terminal import complain, print_table
from inkread.document import Setting
from inkread.io.files import write_bytes


def evaluate(
    datasets: Annotated[
        list[Path],
        typer.Argument(metavar="DATASET...", help="Datasets, or what ingest makes datasets of."),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE", help="Folder, or models:/inkread@champion, to measure instead of the bundled one."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split, where there are splits.")] = "val",
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write an HTML report of the given lines here.")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures here.")] = None,
    lm: Annotated[
        bool | None,
        typer.Option("--lm/--no-lm", help="Decode with the language model, or without; else as the bundle allows."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pages, and so many lines, of each source.")
    ] = None,
    lines: Annotated[
        bool | None, typer.Option("--lines/--pages", help="Only given lines, or only whole pages, instead of both.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to compute with.")] = None,
) -> None:
    """Measure how well transcribed pages are read: CER, WER, page CER, line detection.

    What cannot be read is named and left out; the exit status is 1 then.

    Example: inkread evaluate letters dataset --split test --report report.html --json metrics.json
    """
    from inkread.evaluation.html import html_report
    from inkread.evaluation.run import run
    from inkread.evaluation.sources import open_sources
    from inkread.reader import Reader

    if report is not None and lines is False:
        raise typer.BadParameter("--report shows given lines, leave out --pages")
    sources = [source for dataset in datasets for source in open_sources(dataset, split=split, limit=limit)]
    reader = Reader(model, threads=threads, language_model=lm)
    settings: dict[str, Setting] = {
        "model": f"{reader.provenance.model_name} {reader.provenance.model_version}",
        "language_model": reader.uses_language_model,
        "page_limit": limit,
    }
    with_lines, with_pages = lines is not False, lines is not True
    total = sum(len(source.pages) * (with_lines + with_pages) + len(source.samples) * with_lines for source in sources)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("evaluating", total=total)
        measured = run(
            reader,
            sources,
            settings,
            with_lines=with_lines,
            with_pages=with_pages,
            on_page=lambda: progress.advance(task),
            on_error=lambda error: complain(error, console),
        )
    if json is not None:
        write_bytes(json, measured.json().encode())
    if report is not None:
        write_bytes(report, html_report(str(settings["model"]), measured.lines, settings).encode())
    for table in measured.tables():
        print_table(table)
    if measured.left_out:
        raise typer.Exit(1)
