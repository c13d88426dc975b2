"""``inkread read --engine ray`` reads as one process does; Ray runs beside pytest, as it does for users."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli import app

EXAMPLES = Path(__file__).parents[2] / "examples"
CRASH = """
import os
from pathlib import Path
from inkread.cli.scaling import read_on_ray
def crash(*_, **__): os._exit(3)
list(read_on_ray(crash, lambda threads: None, [Path("a.png")], on_error=print, on_page=print))
"""


def python(*arguments: object, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a home of its own, because Ray keeps the token of its local clusters there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, *map(str, arguments)]
    environment = kept | {"HOME": str(home)} | variables
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=300, check=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Two examples below a relative path, with a damaged page between them."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("letter.png", "letter.xml", "notes.png", "notes.xml"):
        (folder / name).symlink_to(EXAMPLES / name)
    (folder / "lost.png").write_bytes((EXAMPLES / "letter.png").read_bytes()[:3000])
    return tmp_path


@pytest.mark.system
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-o", "{engine}", "-f", "txt", "-f", "json", "--debug-image", "{engine}"], id="files"),
        pytest.param(["--lines", "given", "--show-confidence", "--min-confidence", "0.9"], id="stdout"),
    ],
)
def test_both_engines_give_the_same(options: list[str], pages: Path) -> None:
    local, ray = (
        python(
            "-m",
            "inkread",
            "read",
            "pages",
            "--engine",
            engine,
            *(o.format(engine=engine) for o in options),
            home=pages,
        )
        for engine in ("local", "ray")
    )
    assert (ray.returncode, ray.stdout) == (local.returncode, local.stdout)
    assert sorted(ray.stderr.splitlines()) == sorted(local.stderr.splitlines())
    assert ray.returncode == 1
    assert "lost.png" in ray.stderr
    assert ray.stdout or contents(pages / "ray")
    assert contents(pages / "ray") == contents(pages / "local")


@pytest.mark.system
def test_a_file_that_kills_its_reader_again_and_again_ends_the_run(tmp_path: Path) -> None:
    result = python("-W", "ignore", "-c", CRASH, home=tmp_path)
    assert "inkread.errors.InkreadError: Ray (local) does not work: The actor is dead" in result.stderr
    assert result.stdout == ""


@pytest.mark.system
def test_a_cluster_that_is_not_there_is_one_sentence(pages: Path) -> None:
    result = python("-m", "inkread", "read", "pages/letter.png", "--engine", "ray", home=pages, RAY_ADDRESS="nowhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "inkread: Ray (nowhere) does not work: Invalid address format: nowhere\n"


def test_without_the_extra_the_user_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "inkread.cli.scaling", raising=False)
    result = CliRunner().invoke(app, ["read", "letter.png", "--engine", "ray"])
    assert result.exit_code == 2
    assert "inkread[scale]" in result.stderr
