"""The wheel is installed as a stranger installs it, alone and with each extra, and every command is started.

The environments have their own programs on PATH only, so neither git nor a compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.package.commands import ALL, check_help
from tests.package.conftest import ROOT

pytestmark = pytest.mark.system
EXTRAS = ("", "bench", "docs", "scale", "serve", "train")
PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


def run(environment: Path, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of an environment with few variables and an empty home folder."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    home = environment / "home"
    home.mkdir(exist_ok=True)
    variables = kept | {"PATH": str(environment / PROGRAMS), "HOME": str(home), "USERPROFILE": str(home)}
    found = shutil.which(program, path=variables["PATH"])
    assert found, f"no {program} in {environment}"
    command = [found, *map(str, arguments)]
    return subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra or "base")
def test_every_command_works_or_names_its_extra(extra: str, wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path, with_pip=True)
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    command = [str(tmp_path / PROGRAMS / "python"), "-m", "pip", "install", what]
    pip = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert pip.returncode == 0, pip.stdout + pip.stderr
    conflicts = run(tmp_path, "python", "-m", "pip", "check")
    assert conflicts.returncode == 0, conflicts.stdout

    assert shutil.which("git", path=str(tmp_path / PROGRAMS)) is None
    for words in ALL:
        answer = run(tmp_path, "inkread", *words, "--help")
        check_help(words, {extra}, answer.returncode, answer.stdout, answer.stderr)

    answer = run(tmp_path, "inkread", "read", ROOT / "examples" / "letter.png")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "My dear Margaret," in answer.stdout
    shutil.rmtree(tmp_path)
