"""``inkread admin``: backup, restore and upgrade of a stack."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from inkread.server.backup import backup as write_backup
from inkread.server.backup import restore as read_backup
from inkread.server.settings import ALERTS, Settings, load_settings
from inkread.server.upgrade import upgrade as run_upgrade

app = typer.Typer(help="Back up, restore and upgrade what the services store.", no_args_is_help=True)


@app.command()
def backup(
    target: Annotated[Path | None, typer.Argument(metavar="FILE", help="Else inkread-TIME.tar in this folder.")] = None,
) -> None:
    """Write databases, models, documents and settings into one file; services may run.

    Example: inkread admin backup /backups/inkread.tar
    """
    path = target or Path(f"inkread-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar")
    manifest = write_backup(Settings(), path)
    names = ", ".join(manifest["databases"]) or "none"
    typer.echo(f"{path}: {len(manifest['files'])} files, {path.stat().st_size / 2**20:.1f} MiB; databases: {names}")
    typer.echo("INKREAD_SECRET and passwords are not in it: keep them elsewhere.")


@app.command()
def restore(source: Annotated[Path, typer.Argument(metavar="FILE", help="Of inkread admin backup.")]) -> None:
    """Restore a backup into an empty INKREAD_HOME and empty databases; nothing is ever overwritten.

    Example: INKREAD_HOME=/new inkread admin restore /backups/inkread.tar
    """
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    manifest = read_backup(settings, source)
    typer.echo(f"{settings.home}: restored what was backed up at {manifest['created']} by {manifest['inkread']}")


@app.command()
def upgrade() -> None:
    """Back up, then bring the databases to what this version needs; stop the services first.

    Example: inkread admin upgrade
    """
    kept, changes = run_upgrade(Settings())
    typer.echo(f"backup: {kept}")
    for name, (before, after) in changes.items():
        typer.echo(f"{name}: {before or 'empty'}" + (f" -> {after}" if after != before else ", up to date"))


@app.command("alert-token")
def alert_token() -> None:
    """Print the token with which Alertmanager sends alerts to the gateway; it follows from INKREAD_SECRET.

    Example: inkread admin alert-token > deploy/alertmanager/secrets/alert_token
    """
    typer.echo(load_settings().key(ALERTS), nl=False)
