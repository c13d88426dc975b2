"""In an environment without extras every command shows its help or names the extra that it needs.

Here the modules of the extras are hidden, which takes seconds; test_installation.py installs the package instead.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.core import TyperGroup

from inkread.cli import COMMANDS, load_command
from tests.deploy.dockerfiles import installed_with
from tests.package.commands import ALL, GROUPS, check_help
from tests.package.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROGRAM = """
import contextlib, io, json, sys
import inkread.cli
from inkread.cli import main

hidden, commands = json.load(sys.stdin)

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hide())
answers = []
for words in commands:
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["inkread", *words, "--help"]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            answers.append([end.code or 0, out.getvalue(), err.getvalue()])
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, ...], tuple[int, str, str]]:
    base = installed_with(PROJECT["dependencies"])
    hidden = [
        module
        for module, distributions in packages_distributions().items()
        if not base.intersection(map(canonicalize_name, distributions)) and module != "inkread"
    ]
    assert "torch" in hidden and "numpy" not in hidden
    given = json.dumps([hidden, ALL])
    run = subprocess.run([sys.executable, "-c", PROGRAM], input=given, capture_output=True, text=True, check=True)
    return dict(zip(ALL, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_without_extras(words: tuple[str, ...], answers: dict[tuple[str, ...], tuple[int, str, str]]) -> None:
    check_help(words, set(), *answers[words])


def test_no_command_is_left_out() -> None:
    groups = {name: command for name in COMMANDS if isinstance(command := load_command(name), TyperGroup)}
    assert {name: set(group.commands) for name, group in groups.items()} == {k: set(v) for k, v in GROUPS.items()}


def test_all_extras_are_those_for_users() -> None:
    (line,) = PROJECT["optional-dependencies"]["all"]
    assert Requirement(line).extras == {"bench", "forms", "s3", "scale", "serve", "traces", "train"}
