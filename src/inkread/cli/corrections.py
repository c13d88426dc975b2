"""``inkread corrections``: what people corrected, as a dataset."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from inkread.server.documents.corrections import export as write_corrections
from inkread.server.documents.store import Store
from inkread.server.settings import Settings
from inkread.server.users import Users

app = typer.Typer(help="Write what people corrected as a dataset.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Write what people corrected as a dataset."""


@app.command()
def export(
    output: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder to make.")],
    user: Annotated[str, typer.Option(help="Whose documents.")] = "",
    all_users: Annotated[bool, typer.Option("--all-users", help="The documents of all users.")] = False,
    collection: Annotated[str | None, typer.Option(help="Only the documents of this collection.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the pages, kept with each sample.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write the lines of pages marked as done, with who stands for each (lineage.jsonl).

    Example: inkread corrections export corrections/ --user ada
    """
    if bool(user) == all_users:
        raise typer.BadParameter("give --user NAME, or --all-users", param_hint="--user")
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    Users(settings.users_url)  # makes the tables
    report = write_corrections(Store(settings), output, user or None, collection=collection, licence=licence)
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
        return
    typer.echo(
        f"{output}: {report.lines} lines of {report.pages} pages and {report.documents} documents, "
        f"{report.changed} of them other than they were read"
    )
    for reason, count in report.skipped.items():
        typer.echo(f"left out {count}: {reason}", err=True)
