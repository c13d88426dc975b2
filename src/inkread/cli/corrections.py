"""``inkread corrections``: what people corrected, as a dataset, and what to correct next."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from inkread.cli.terminal import print_table
from inkread.server.documents.corrections import export as write_corrections
from inkread.server.documents.queue import next_lines
from inkread.server.documents.store import Store
from inkread.server.documents.versions import Versions
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


def _versions() -> Versions:
    return Versions(Settings().jobs_folder)


@app.command()
def export(
    output: Annotated[
        Path | None,
        typer.Argument(metavar="DATASET", help="Folder to make; else the next version in INKREAD_HOME/corrections."),
    ] = None,
    user: Annotated[str, typer.Option(help="Whose documents.")] = "",
    all_users: Annotated[bool, typer.Option("--all-users", help="The documents of all users.")] = False,
    collection: Annotated[str | None, typer.Option(help="Only the documents of this collection.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the pages, kept with each sample.")] = "",
    names: Annotated[
        bool, typer.Option("--names", help="Name the users in the lineage; else they are numbered.")
    ] = False,
    tag: Annotated[str | None, typer.Option(help="Only pages with this tag.")] = None,
    personal: Annotated[bool, typer.Option("--personal", help="Also pages with the tag personal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write the lines of pages marked as done, with who stands for each (lineage.jsonl).

    Example: inkread corrections export --user ada
    """
    if bool(user) == all_users:
        raise typer.BadParameter("give --user NAME, or --all-users", param_hint="--user")
    chosen: dict[str, Any] = {"collection": collection, "licence": licence, "names": names}
    chosen |= {"tag": tag, "personal": personal}
    store, place, number = _store(), str(output), None
    if output is None:
        version, report = _versions().make(store, user or None, **chosen)
        place, number = f"version {version.number}", version.number
    else:
        report = write_corrections(store, output, user or None, **chosen)
    if as_json:
        typer.echo(json.dumps(asdict(report) | {"version": number}, ensure_ascii=False))
        return
    typer.echo(
        f"{place}: {report.lines} lines of {report.pages} pages and {report.documents} documents, "
        f"{report.changed} of them other than they were read"
    )
    for reason, count in report.skipped.items():
        typer.echo(f"left out {count}: {reason}", err=True)


@app.command()
def versions(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False) -> None:
    """List the versions of the corrections in INKREAD_HOME/corrections.

    Example: inkread corrections versions
    """
    found = _versions().all()
    if as_json:
        typer.echo(json.dumps([version.model_dump(mode="json") for version in found]))
        return
    table = Table("version", "made", "lines", "documents", "dataset")
    for version in found:
        made = f"{version.made:%Y-%m-%d %H:%M}"
        cells = (str(version.number), made, str(version.lines), str(len(version.documents)), version.dataset[:10])
        table.add_row(*cells)
    print_table(table)


@app.command()
def checkout(
    number: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Its number.")],
    output: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder to make.")],
) -> None:
    """Copy a version of the corrections out of DVC's cache.

    Example: inkread corrections checkout 3 corrections/
    """
    version = _versions().check_out(number, output)
    typer.echo(f"{output}: {version.lines} lines of {len(version.documents)} documents")


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
