"""Every command of ``inkread``, and what its help may say in an environment that lacks an extra.

Usage: ``check_help(("models", "list"), {"serve"}, exit_code, stdout, stderr)``
"""

from __future__ import annotations

import re

from inkread.cli import COMMANDS, EXTRAS

# Written down, because in an environment without extras they cannot be asked for; test_bare.py compares.
GROUPS = {
    "corrections": ("export", "queue", "versions", "checkout"),
    "forms": ("new", "show", "read"),
    "models": ("list", "show", "register", "promote", "rollback", "audit", "compare", "shadow"),
    "synthesize": ("lines", "pages", "iam", "strokes"),
    "users": ("add", "passwd", "disable", "enable", "list", "keys"),
    "admin": ("backup", "restore", "upgrade", "alert-token"),
}
ALL = [(), *((name,) for name in COMMANDS), *((name, each) for name, group in GROUPS.items() for each in group)]
NEEDS = re.compile(r"inkread: inkread (\w+) needs [\w.]+, install it with pip install 'inkread\[(\w+)\]'\n")


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
