"""``inkread users``: who may use the gateway."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from inkread.cli.terminal import print_table
from inkread.server.settings import Settings
from inkread.server.tokens import Role
from inkread.server.users import Users

app = typer.Typer(help="Add, list, disable and enable users of the gateway, set passwords.", no_args_is_help=True)


class RoleName(StrEnum):
    """What a user may do: read pages, or everything."""

    user = "user"
    admin = "admin"


Name = Annotated[str, typer.Argument(help="User name.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Take the password from standard input.")]


def _users() -> Users:
    settings = Settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    return Users(settings.users_url)


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@app.command()
def add(
    name: Name, role: Annotated[RoleName, typer.Option()] = RoleName.user, password_stdin: FromInput = False
) -> None:
    """Add a user.

    Example: inkread users add ada --role admin
    """
    chosen: Role = "admin" if role is RoleName.admin else "user"
    _users().add(name, _password(password_stdin), chosen)
    typer.echo(f"{name} is a user with the role {chosen}")


@app.command()
def passwd(name: Name, password_stdin: FromInput = False) -> None:
    """Set a user's password.

    Example: inkread users passwd ada
    """
    _users().set_password(name, _password(password_stdin))
    typer.echo(f"{name} has a new password")


@app.command()
def disable(name: Name) -> None:
    """Disable a user: password and tokens stop working at once.

    Example: inkread users disable ada
    """
    _users().set_disabled(name, True)
    typer.echo(f"{name} cannot log in any more")


@app.command()
def enable(name: Name) -> None:
    """Enable a disabled user.

    Example: inkread users enable ada
    """
    _users().set_disabled(name, False)
    typer.echo(f"{name} can log in again")


@app.command("list")
def list_users(as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False) -> None:
    """List the users.

    Example: inkread users list --json
    """
    rows = [
        {"name": user.name, "role": user.role, "disabled": user.disabled, "created": user.created.isoformat()}
        for user in _users().all()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("name", "role", "disabled", "created")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("name", "role", "disabled", "created")))
    print_table(table)
