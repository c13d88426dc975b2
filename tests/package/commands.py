"""Every command of ``inkread``, and what its help may say in an environment that lacks an extra.

Usage: ``check_help(("models", "list"), {"serve"}, exit_code, stdout, stderr)``
"""

from __future__ import annotations

import re

from typer.core import TyperGroup

from inkread.cli import COMMANDS, EXTRAS, load_command

NEEDS = re.compile(r"inkread: inkread (\w+) needs [\w.]+, install it with pip install 'inkread\[(\w+)\]'\n")


def all_commands() -> list[tuple[str, ...]]:
    """The words of each, such as ("read",) or ("models", "list"); the list of an environment that has all extras."""
    found: list[tuple[str, ...]] = [()]
    for name in COMMANDS:
        command = load_command(name)
        found.append((name,))
        if isinstance(command, TyperGroup):
            found += [(name, each) for each in command.commands]
    return found


def check_help(words: tuple[str, ...], extras: set[str], exit_code: int, stdout: str, stderr: str) -> None:
    """Help is shown, or the extra that the command needs is named in one line, and only if it is not there."""
    said = f"inkread {' '.join(words)} --help: {exit_code}\n{stdout}{stderr}"
    if exit_code == 0:
        assert stdout.lstrip().startswith("Usage:"), said
        assert stderr == "", said
        return
    match = NEEDS.fullmatch(stderr)
    assert match, said
    assert (match[1], match[2]) == (words[0], EXTRAS[words[0]]), said
    assert match[2] not in extras, said
