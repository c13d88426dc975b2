"""``inkread corrections``: what people corrected, as a dataset, and what to correct next."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from inkread.cli.terminal import print_table
from inkread.server.documents.corrections import export as write_corrections
from inkread.server.documents.queue import next_lines
from inkread.server.documents.store import Store
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users

app = typer.Typer(help="Write what people corrected as a dataset; list what to correct next.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Write what people corrected as a dataset; list what to correct next."""


def _store() -> Store:
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    Users(settings.users_url)  # makes the tables
    return Store(settings)


@app.command()
def export(
    output: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder to make.")],
    user: Annotated[str, typer.Option(help="Whose documents.")] = "",
    all_users: Annotated[bool, typer.Option("--all-users", help="The documents of all users.")] = False,
    collection: Annotated[str | None, typer.Option(help="Only the documents of this collection.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the pages, kept with each sample.")] = "",
    names: Annotated[
        bool, typer.Option("--names", help="Name the users in the lineage; else they are numbered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write the lines of pages marked as done, with who stands for each (lineage.jsonl).

    Example: inkread corrections export corrections/ --user ada
    """
    if bool(user) == all_users:
        raise typer.BadParameter("give --user NAME, or --all-users", param_hint="--user")
    report = write_corrections(_store(), output, user or None, collection=collection, licence=licence, names=names)
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
        return
    typer.echo(
        f"{output}: {report.lines} lines of {report.pages} pages and {report.documents} documents, "
        f"{report.changed} of them other than they were read"
    )
    for reason, count in report.skipped.items():
        typer.echo(f"left out {count}: {reason}", err=True)


@app.command()
def queue(
    user: Annotated[str, typer.Option(help="Who corrects; the documents that this user may correct.")],
    limit: Annotated[int, typer.Option(min=1, help="How many lines.")] = 50,
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the lines to correct next, those first that teach the model most.

    Example: inkread corrections queue --user ada --limit 20
    """
    found = next_lines(_store(), Identity(user, "user"), limit, collection)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    table = Table("document", "page", "line", "confidence", "text", "drift")
    for line in found.lines:
        doubt = "disputed" if line.confidence is None else f"{line.confidence:.2f}"
        text = " | ".join(line.disputed) or line.text
        cells = (f"{line.name} ({line.document})", str(line.page), line.line, doubt, text, ", ".join(line.unusual))
        table.add_row(*map(escape, cells))
    print_table(table)
