"""``inkread models``: bundles and their versions in the registry."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from inkread import registry as gate
from inkread.bundle import Bundle
from inkread.cli.terminal import print_table
from inkread.errors import RegistryError
from inkread.evaluation.gate import gate_table, objections
from inkread.io.files import write_bytes
from inkread.registry import GateError, Registry

app = typer.Typer(help="List, inspect, compare, promote and roll back model bundles.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Why = Annotated[str, typer.Option(help="Reason, kept in the audit trail.")]
Who = Annotated[str, typer.Option(help="Who decides; the user who is logged in where not given.")]
Uri = Annotated[str | None, typer.Option(help="MLflow server or database; else MLFLOW_TRACKING_URI or a local file.")]


@app.command("list")
def list_versions(as_json: Json = False, uri: Uri = None) -> None:
    """List the registered versions, newest first.

    Example: inkread models list
    """
    versions = Registry(uri).versions()
    if as_json:
        typer.echo(json.dumps([asdict(version) for version in versions]))
        return
    table = Table()
    for heading in ("version", "aliases", "model", "content", "CER", "data", "commit", "created"):
        table.add_column(heading)
    for version in versions:
        cer = version.metrics.get("cer")
        cells = (
            str(version.version),
            ", ".join(version.aliases),
            version.model,
            version.sha256[:8],
            "" if cer is None else f"{cer:.4f}",
            version.data_hash[:10],
            version.code_commit[:10],
            version.created,
        )
        table.add_row(*map(escape, cells))
    print_table(table)


@app.command()
def show(
    bundle: Annotated[
        str | None, typer.Argument(metavar="BUNDLE", help="Folder, or models:/inkread@champion; else the bundled one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a bundle: its sources, its error rates, and whether its files are complete.

    Example: inkread models show models:/inkread/3
    """
    opened = Bundle.open(bundle)
    opened.verify()
    model = opened.model
    if as_json:
        typer.echo(model.model_dump_json(exclude={"alphabet"}))
        return
    typer.echo(f"{model.name} {model.version}, {model.parameters / 1e6:.2f} million parameters, {model.licence}")
    typer.echo(f"{model.summary}\nmade by: {model.training_command}\ncode: {model.code_commit}")
    for source in model.sources:
        typer.echo(f"trained on: {source.name} ({source.kind}, {source.licence})")
    for metric in model.metrics:
        interval = (
            f" [{metric.low:.3f} {metric.high:.3f}]" if metric.low is not None and metric.high is not None else ""
        )
        typer.echo(f"{metric.dataset}/{metric.split}: {metric.name} {metric.value:.3f}{interval}")


@app.command()
def register(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Bundle folder.")],
    cer: Annotated[
        float | None, typer.Option(min=0, help="Its CER on the data that all versions are measured on.")
    ] = None,
    data_hash: Annotated[str, typer.Option(help="Hash of that data.")] = "",
    report: Annotated[Path | None, typer.Option(help="HTML report to keep beside it.")] = None,
    uri: Uri = None,
) -> None:
    """Register a bundle as the challenger.

    Example: inkread models register runs/bundle --cer 0.114
    """
    metrics = {} if cer is None else {"cer": cer}
    who = getpass.getuser()
    typer.echo(Registry(uri).register(bundle, report=report, data_hash=data_hash, metrics=metrics, who=who))


@app.command()
def compare(
    version: Annotated[str, typer.Argument(help="Number or alias.")],
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder with transcribed lines or pages.")],
    split: Annotated[str, typer.Option(help="Part of the dataset, where it has splits.")] = "test",
    report: Annotated[
        Path | None, typer.Option(help="HTML page with the lines that changed most, their pictures and readings.")
    ] = None,
    uri: Uri = None,
) -> None:
    """Read the same lines with a version and with the champion, for the gate of promote.

    Example: inkread models compare challenger data/registers --report gate.html
    """
    from inkread.evaluation.changes import gate_report
    from inkread.evaluation.gold import gold_lines

    registry = Registry(uri)
    number = registry.resolve(version)
    found = gate.compare_with_champion(registry, number, gold_lines(dataset, split))
    if found is None:
        raise RegistryError(f"version {version} has no other champion to be compared with")
    if report is not None:
        write_bytes(report, gate_report(number, found, registry.changes(number)).encode())
    _print_rows(gate_table(found))
    for reason in objections(found):
        typer.echo(f"the gate objects: {reason}", err=True)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Number or alias.")],
    why: Why,
    who: Who = "",
    force: Annotated[bool, typer.Option(help="Promote although the gate objects; the reason is kept.")] = False,
    uri: Uri = None,
) -> None:
    """Make a version the champion; refused if it does not read better than the champion on the same lines.

    Example: inkread models promote challenger --why "better on registers"
    """
    try:
        number = gate.promote(Registry(uri), version, who or getpass.getuser(), why, force=force)
    except GateError as error:
        _print_rows(error.table)
        raise
    typer.echo(f"version {number} is the champion")


def _print_rows(rows: list[dict[str, float | str]]) -> None:
    if not rows:
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{value:g}" if isinstance(value, float) else str(value) for value in row.values()))
    print_table(table)


@app.command()
def shadow(
    version: Annotated[str | None, typer.Argument(help="Number or alias; leave it out with --end.")] = None,
    end: Annotated[bool, typer.Option("--end", help="No version reads beside the champion any more.")] = False,
    why: Annotated[str, typer.Option(help="Reason, kept in the audit trail.")] = "",
    who: Who = "",
    uri: Uri = None,
) -> None:
    """Let a version read some of the pages that the champion reads, to compare them before it is promoted.

    Example: inkread models shadow challenger --why "does it read our registers better?"
    """
    if (version is None) != end:
        raise typer.BadParameter("name a version, or --end", param_hint="VERSION")
    registry, user = Registry(uri), who or getpass.getuser()
    if version is not None:
        typer.echo(f"version {registry.shadow(version, user, why)} reads beside champion {registry.champion()}")
        return
    ended = registry.end_shadow(user, why)
    typer.echo("no version read beside the champion" if ended is None else f"version {ended} reads no more")


@app.command()
def rollback(
    why: Why,
    version: Annotated[
        int | None, typer.Argument(min=1, help="The champion to take back; else the present one.")
    ] = None,
    who: Who = "",
    uri: Uri = None,
) -> None:
    """Make the previous champion the champion again.

    Example: inkread models rollback 3 --why "complaints from the reading room"
    """
    typer.echo(f"version {Registry(uri).rollback(who or getpass.getuser(), why, version)} is the champion")


@app.command()
def audit(as_json: Json = False, uri: Uri = None) -> None:
    """Show who made which version the champion, when and why.

    Example: inkread models audit --json
    """
    rows = Registry(uri).audit()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row.when}  {row.action} {row.version}  {row.who}: {row.why}")
