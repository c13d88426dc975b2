"""Which code of Inkread runs, for the cards of models and the records of runs.

Usage: ``code_commit()``
"""

from __future__ import annotations

import subprocess
import tomllib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def code_commit(package: Path = PACKAGE) -> str:
    """The commit of Inkread's code, with "-dirty" behind it where files differ from it; "" where it is not known.

    What was built has the commit in ``commit.txt``. A checkout of Inkread asks git. The commit of another repository,
    into which Inkread was copied, says nothing about Inkread's code and is not given.

    Args:
        package: the folder of the package ``inkread``.
    """
    stamp = package / "commit.txt"
    if stamp.is_file():
        return stamp.read_text(encoding="ascii").strip()
    root = package.parents[1]
    if package.parent.name != "src" or not (root / ".git").exists() or _project_name(root) != "inkread":
        return ""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _project_name(root: Path) -> str:
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["name"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""
