"""The command line: ``inkread COMMAND``, one module a command.

Usage: ``inkread --help``

A command is a function, or a Typer ``app``, in the module of its name; the module is imported only when it is run.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from importlib import import_module
from typing import Annotated, cast

import typer
from typer.core import TyperCommand, TyperGroup

from inkread.cli.terminal import complain, run_command
from inkread.errors import InkreadError

COMMANDS = {
    "read": "Read handwriting from images, PDFs, folders and globs.",
    "forms": "Read filled forms into a table, by templates of the empty forms.",
    "evaluate": "Measure how well transcribed pages are read: CER, WER, page CER, line detection.",
    "bench": "Measure speed, memory and page CER on your own pages.",
    "train": "Train a recogniser on datasets; inkread export makes a bundle of the run.",
    "finetune": "Fine-tune a bundle on a dataset; keeps the starting weights if validation CER does not improve.",
    "export": "Write a model bundle: int8 network, float weights, description and card.",
    "models": "List, inspect, compare, promote and roll back model bundles.",
    "ingest": "Make a dataset: manifest.parquet, images, and ingest.json, which says what was left out and why.",
    "corrections": "Write what people corrected as a dataset; list what to correct next.",
    "synthesize": "Make handwriting-like lines or pages with their ground truth.",
    "serve": "Start one service: gateway, ingestion, training or prediction.",
    "up": "Start all services on this machine, supervised, on loopback; Ctrl-C stops them.",
    "users": "Add, list, disable and enable users of the gateway, set passwords.",
    "admin": "Back up, restore and upgrade what the services store.",
}
EXTRAS = {
    "forms": "forms",
    "evaluate": "bench",
    "bench": "bench",
    "synthesize": "train",
    "train": "train",
    "finetune": "train",
    "export": "train",
    "ingest": "train",
    "models": "train",
    "corrections": "all",
    "serve": "serve",
    "up": "serve",
    "users": "serve",
    "admin": "serve",
}
DEBUG_VARIABLE = "INKREAD_DEBUG"


def load_command(name: str) -> TyperCommand | TyperGroup:
    """``load_command("read")``: the command, its module imported now.

    A command whose extra is not installed still has help; when it is run, it raises an InkreadError that names the
    extra.
    """
    try:
        module = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        if name not in EXTRAS or (error.name or "").startswith("inkread"):
            raise
        return _stand_in(name, _missing(name, error))
    host = typer.Typer()
    if hasattr(module, "app"):
        host.add_typer(module.app, name=name)
    else:
        host.command(name)(getattr(module, name))
    return _named(host, name)


def _stand_in(name: str, need: InkreadError) -> TyperCommand | TyperGroup:
    def refuse() -> None:
        raise need

    host = typer.Typer(rich_markup_mode=None)
    options = {"ignore_unknown_options": True, "allow_extra_args": True}
    host.command(name, help=f"{COMMANDS[name]}\n\n{need}.", context_settings=options)(refuse)
    return _named(host, name)


def _named(host: typer.Typer, name: str) -> TyperCommand | TyperGroup:
    return cast(TyperCommand | TyperGroup, typer.main.get_group(host).commands[name])


def _missing(command: str, error: ModuleNotFoundError) -> InkreadError:
    extra = EXTRAS.get(command, "all")
    return InkreadError(f"inkread {command} needs {error.name}, install it with pip install 'inkread[{extra}]'")


class Commands(TyperGroup):
    """Lists the commands by their summaries and imports the one that is run."""

    def resolve_command(
        self, ctx: object, args: list[str]
    ) -> tuple[str | None, TyperCommand | TyperGroup | None, list[str]]:
        """The command that the arguments name, and what is left of them."""
        name, _, rest = super().resolve_command(cast(typer.Context, ctx), args)
        return name, load_command(name) if name else None, rest


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"inkread {version('inkread')}")
        raise typer.Exit


def _inkread(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Read handwriting: page images to text, offline, on a CPU.

    Example: inkread read letter.jpg
    """


app = typer.Typer(cls=Commands, callback=_inkread, no_args_is_help=True, pretty_exceptions_enable=False)
for _name, _summary in COMMANDS.items():
    app.command(_name, help=_summary)(lambda: None)


def main() -> None:
    """Run the command that ``sys.argv`` names, and exit with 0, with 1 after an error, with 2 for wrong usage."""
    logging.getLogger().addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    try:
        run_command(app, prog_name="inkread")
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("inkread"):
            complain(_missing(sys.argv[1], error))
            sys.exit(1)
        complain(
            f"this is a bug in Inkread ({type(error).__name__}: {error}), please report it with what "
            f"{DEBUG_VARIABLE}=1 in the environment shows"
        )
        sys.exit(1)
