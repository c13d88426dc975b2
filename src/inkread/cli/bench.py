"""``inkread bench``: how fast are my pages read on this machine?"""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from inkread.cli.terminal import complain, print_table
from inkread.errors import InputError
from inkread.io.files import write_bytes
from inkread.io.inputs import find_inputs


def bench(
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Images, PDFs, folders or globs; CER where PAGE or ALTO is.")
    ],
    model: Annotated[
        str | None, typer.Option(metavar="BUNDLE", help="Folder, or models:/inkread@champion; else the bundled one.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How often each page is read alone.")] = 3,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many files.")] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures here.")] = None,
    lm: Annotated[
        bool | None,
        typer.Option("--lm/--no-lm", help="Decode with the language model, or without; else as the bundle allows."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads to compute with.")] = None,
) -> None:
    """Measure speed, memory and page CER on your own pages.

    Example: inkread bench scans --runs 3 --limit 20 --json bench.json
    """
    from inkread.evaluation.speed import measure
    from inkread.evaluation.statistics import INTERVAL
    from inkread.evaluation.text import NORMALISATION
    from inkread.reader import Reader
    from inkread.runtime import usable_processors

    files = []
    for found in find_inputs(inputs):
        if isinstance(found, InputError):
            raise found
        files.append(found)
    reader = Reader(model, threads=threads, language_model=lm)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("reading", total=None)
        speed = measure(
            reader,
            files[:limit],
            runs=runs,
            on_page=lambda: progress.advance(task),
            on_error=lambda error: complain(error, console),
        )
    settings = {
        "software": reader.provenance.software,
        "model": f"{reader.provenance.model_name} {reader.provenance.model_version}",
        "language_model": reader.uses_language_model,
        "threads": threads or usable_processors(),
        "runs": runs,
    }
    if json is not None:
        content = {"normalisation": NORMALISATION, "interval": INTERVAL, "settings": settings, **asdict(speed)}
        write_bytes(json, (json_format.dumps(content, ensure_ascii=False, indent=2) + "\n").encode())
    shown = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in settings.items())
    table = Table(
        "figure", "value", caption=f"{shown}. Text: {NORMALISATION}. Brackets: {INTERVAL}, each file a document."
    )
    median, late = speed.seconds_a_page
    rows = {
        "pages, lines a page": f"{speed.pages}, {speed.lines_a_page:.1f}",
        "pages a second, all in one go": f"{speed.pages_a_second:.2f}",
        "seconds a page read alone, median": f"{median:.3f}",
        "seconds a page read alone, 95th percentile": f"{late:.3f}",
        "peak memory, MiB": "unknown" if speed.peak_mebibytes is None else f"{speed.peak_mebibytes:.0f}",
    }
    if speed.page_cer is not None:
        rows[f"page CER of {speed.transcribed_pages} transcribed pages"] = str(speed.page_cer)
    for name, value in rows.items():
        table.add_row(name, escape(value))
    print_table(table)
