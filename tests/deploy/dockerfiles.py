"""What a Dockerfile says, read plainly, and what comes with a set of extras.

Usage: ``read_dockerfile(DEPLOY / "docker" / "gateway.Dockerfile").start``
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Dockerfile:
    """Instructions with continued lines joined, in order."""

    instructions: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """What stands behind each instruction of this name."""
        return [rest for instruction, rest in self.instructions if instruction == name]

    @property
    def start(self) -> list[str]:
        """The command that a container runs."""
        return [*json.loads(self.all("ENTRYPOINT")[-1]), *json.loads(self.all("CMD")[-1])]

    @property
    def calls(self) -> list[tuple[list[str], list[str]]]:
        """Of each call of requirements.py: the extras of pyproject.toml, and which of their packages; [] for all."""
        found = []
        for run in self.all("RUN"):
            for call in run.split("requirements.py pyproject.toml ")[1:]:
                named = shlex.split(re.split(r" >+ ", call)[0])
                extras, _, only = " ".join(named).partition(" --only ")
                found.append((extras.split(), only.split()))
        return found

    @property
    def extras(self) -> list[str]:
        """The extras that it installs, at least in part."""
        return [extra for extras, _ in self.calls for extra in extras]


def read_dockerfile(path: Path) -> Dockerfile:
    """Read one."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = (line.partition(" ") for line in text.splitlines() if line.strip())
    return Dockerfile(tuple((name.upper(), rest.strip()) for name, _, rest in pairs))


def installed_with(requirements: Iterable[str]) -> set[str]:
    """The distributions that these requirements bring, with all that those need in turn."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            try:
                needs = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue  # for another system or version of Python
            parsed = (Requirement(line) for line in needs)
            waiting += [need for need in parsed if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def packages_that_are_imported(source: Path, modules: Iterable[str]) -> set[str]:
    """What these modules of ours, and all of ours that those import, need besides the standard library.

    Imports within functions count in services, which have no optional parts.
    """
    waiting, seen, found = list(modules), set[str](), set[str]()
    while waiting:
        module = waiting.pop()
        path = source / module.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module in seen or not file.is_file():
            continue  # a name in a module, such as inkread.errors.InkreadError
        seen.add(module)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree) if "server" in file.relative_to(source).parts else tree.body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name.startswith("inkread.")]
            found |= {name.partition(".")[0] for name in names}
    return found - sys.stdlib_module_names - {"inkread"}
