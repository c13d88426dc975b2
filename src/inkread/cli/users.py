"""``inkread users``: who may use the gateway."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from inkread.cli.terminal import print_table
from inkread.errors import SettingsError
from inkread.server.settings import Settings
from inkread.server.tokens import Role
from inkread.server.users import Users

app = typer.Typer(help="Add, list, disable and enable users of the gateway, set passwords.", no_args_is_help=True)
keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")


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


@keys.command("add")
def add_key(
    user: Annotated[str, typer.Argument(help="Whose key it is.")],
    name: Annotated[str, typer.Argument(help="What the user calls it.")],
    scope: Annotated[list[str], typer.Option(help="predict, documents, jobs or admin; may be repeated.")],
    requests: Annotated[int | None, typer.Option(min=1, help="Most requests a day (UTC).")] = None,
    pages: Annotated[int | None, typer.Option(min=1, help="Most pages a day (UTC).")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="After which it ends; else never.")] = None,
) -> None:
    """Make an API key and print its text, which is stored nowhere.

    Example: inkread users keys add ada scanner --scope predict --pages 500
    """
    users = _users()
    found = users.find(user)
    if found is None:
        raise SettingsError(f"{user}: there is no such user; inkread users list shows who there is")
    text, _ = users.keys.add(
        user, name, scope, admin=found.identity.admin, requests_a_day=requests, pages_a_day=pages, days=days
    )
    typer.echo(text)


@keys.command("list")
def list_keys(
    user: Annotated[str | None, typer.Argument(help="Whose keys; else those of all users.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List API keys and what was used of them today.

    Example: inkread users keys list ada
    """
    found = _users().keys.all(user)
    if as_json:
        typer.echo(json.dumps([asdict(key) for key in found], default=str))
        return
    table = Table("id", "user", "name", "scopes", "requests today", "pages today", "expires", "active")
    for key in found:
        table.add_row(
            *(key.id, key.user, key.name, ", ".join(key.scopes)),
            f"{key.requests_today} of {key.requests_a_day or 'any'}",
            f"{key.pages_today} of {key.pages_a_day or 'any'}",
            "never" if key.expires is None else f"{key.expires:%Y-%m-%d}",
            "yes" if key.active else "no",
        )
    print_table(table)


@keys.command("revoke")
def revoke_key(key: Annotated[str, typer.Argument(help="Its id, as inkread users keys list shows it.")]) -> None:
    """Revoke an API key: it is refused at once.

    Example: inkread users keys revoke 0f3a2b1c4d5e6f70
    """
    if not _users().keys.revoke(key):
        raise SettingsError(f"{key}: there is no such key, or it is revoked already")
    typer.echo(f"{key} is revoked")
