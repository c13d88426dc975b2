"""``inkread bench``: how fast, with how much memory, beside other engines?"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from inkread.bundle import Bundle
from inkread.cli.terminal import complain, print_table
from inkread.evaluation.comparison import Comparison
from inkread.evaluation.sources import find_images
from inkread.evaluation.speed import measure, missing
from inkread.formats import paired
from inkread.io.files import write_bytes


class Peer(StrEnum):
    """Engines to compare with."""

    RAPIDOCR = "rapidocr"
    TESSERACT = "tesseract"


def bench(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Images; page CER where PAGE or ALTO files stand beside.")
    ],
    model: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="Model bundle to measure instead of the bundled one.")
    ] = None,
    peers: Annotated[
        list[Peer], typer.Option("--with", help="Engine to compare with; may be given more than once.")
    ] = [Peer.RAPIDOCR, Peer.TESSERACT],  # noqa: B006
    runs: Annotated[int, typer.Option(min=1, help="How often every engine reads every page.")] = 3,
    split: Annotated[str, typer.Option(help="Subfolder to look into where a FOLDER has it.")] = "val",
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures here.")] = None,
    lm: Annotated[
        bool | None,
        typer.Option("--lm/--no-lm", help="Decode with the language model, or without; else as the bundle allows."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many pages of each FOLDER.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for each engine.")] = 2,
) -> None:
    """Measure speed, memory and page CER beside other engines on the same pages.

    Example: inkread bench letters --with rapidocr --runs 3 --limit 10 --json bench.json
    """
    images = [image for folder in folders for image in find_images(folder, split=split, limit=limit)]
    lacking = {peer: needed for peer in peers if (needed := missing(peer))}
    if lacking:
        installs = "; ".join(f"{peer} ({needed})" for peer, needed in lacking.items())
        complain(f"left out because not installed: {installs}")
    engines = ["inkread", *(peer for peer in peers if peer not in lacking)]
    described = Bundle.open(model).model
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("measuring", total=len(images) * runs * len(engines))
        measurements = measure(
            engines,
            images,
            runs=runs,
            threads=threads,
            model=model,
            language_model=lm,
            on_page=lambda: progress.advance(task),
        )
    comparison = Comparison.of(
        measurements,
        images,
        dict(paired({image.parent for image in images})),
        {
            "model": f"{described.name} {described.version}",
            "language_model": lm,
            "runs": runs,
            "threads": threads,
            "cores": os.cpu_count(),
        },
    )
    if json is not None:
        write_bytes(json, comparison.json().encode())
    print_table(comparison.table())
