"""The wheel is installed as a stranger installs it, alone and with each extra, and every command is started.

The environments have their own programs on PATH only, so neither git nor a compiler.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.commands import ALL, check_help
from tests.package.conftest import ROOT

pytestmark = pytest.mark.system
EXTRAS = ("", "bench", "docs", "scale", "serve", "train")
PROGRAMS = "Scripts" if sys.platform == "win32" else "bin"


class Installation:
    """An environment with the wheel and one extra."""

    def __init__(self, folder: Path, extra: str) -> None:
        self.folder, self.extra = folder, extra

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in an environment with few variables, the home folder empty."""
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        variables = kept | {"PATH": str(self.folder / PROGRAMS), "HOME": str(home), "USERPROFILE": str(home)}
        found = shutil.which(program, path=variables["PATH"])
        assert found, f"no {program} in {variables['PATH']}"
        return subprocess.run(
            [found, *map(str, arguments)], env=variables, cwd=home, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module", params=EXTRAS, ids=lambda extra: extra or "base")
def installation(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installation")
    venv.create(folder, with_pip=True)
    what = f"{wheel}[{request.param}]" if request.param else str(wheel)
    python = str(folder / PROGRAMS / "python")
    pip = subprocess.run(
        [python, "-m", "pip", "install", what], cwd=folder, capture_output=True, text=True, check=False
    )
    assert pip.returncode == 0, pip.stdout + pip.stderr
    yield Installation(folder, request.param)
    shutil.rmtree(folder)


def test_every_command_shows_its_help_or_names_its_extra(installation: Installation) -> None:
    assert shutil.which("git", path=str(installation.folder / PROGRAMS)) is None
    for words in ALL:
        answer = installation.run("inkread", *words, "--help")
        check_help(words, {installation.extra}, answer.returncode, answer.stdout, answer.stderr)


def test_a_page_is_read(installation: Installation) -> None:
    answer = installation.run("inkread", "read", ROOT / "examples" / "letter.png")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "My dear Margaret," in answer.stdout


def test_what_is_installed_fits_together(installation: Installation) -> None:
    answer = installation.run("python", "-m", "pip", "check")
    assert answer.returncode == 0, answer.stdout
