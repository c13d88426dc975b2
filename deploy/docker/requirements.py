"""What an image installs before the package itself, so that a change of the code does not install it all again.

Usage: ``python requirements.py pyproject.toml serve train`` prints the package's dependencies and those of two extras;
``python requirements.py pyproject.toml serve train --only mlflow psycopg`` prints only these two of them.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def requirements(pyproject: Path, extras: list[str], only: list[str]) -> list[str]:
    """The lines for pip; KeyError or ValueError where an extra or a package is not in ``pyproject``."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    found = list(project["dependencies"])
    for extra in extras:
        found += project["optional-dependencies"][extra]
    by_name: dict[str, list[str]] = {}
    for line in found:
        match = NAME.match(line)
        if match is not None:
            by_name.setdefault(match[0].lower(), []).append(line)
    if missing := [name for name in only if name not in by_name]:
        raise ValueError(f"not among the dependencies: {', '.join(missing)}")
    return [line for name in only or by_name for line in by_name[name]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("pyproject", type=Path)
    parser.add_argument("extras", nargs="+")
    parser.add_argument("--only", nargs="+", default=[])
    chosen = parser.parse_args()
    sys.stdout.write("\n".join(requirements(chosen.pyproject, chosen.extras, chosen.only)) + "\n")
