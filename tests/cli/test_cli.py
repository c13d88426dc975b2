"""``inkread`` starts fast, helps, and ends with the right status."""

import os
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import inkread.cli
from inkread.cli import COMMANDS, EXTRAS, app, load_command, main
from inkread.errors import BundleError, InkreadError

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "inkread", *arguments], capture_output=True, text=True, check=False)


def test_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"inkread {version('inkread')}\n"


HELP_THEN_MODULES = """
import sys
from inkread.cli import main
sys.argv = ["inkread", "--help"]
try:
    main()
except SystemExit:
    print({"numpy", "cv2", "onnxruntime", "PIL", "lxml", "torch"} & set(sys.modules), file=sys.stderr)
"""


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", HELP_THEN_MODULES], capture_output=True, text=True, check=False)
    assert done.stderr == "set()\n"
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_with_the_summary_it_is_listed_by(name: str) -> None:
    assert (load_command(name).help or "").startswith(COMMANDS[name])


def test_an_unknown_command_or_option_is_wrong_usage() -> None:
    for arguments in (["raed"], ["--nope"], []):
        assert CliRunner().invoke(app, arguments).exit_code == 2
    assert "read" in run("raed").stderr


def status_of(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> object:
    def fail(prog_name: str) -> None:
        assert prog_name == "inkread"
        raise error

    monkeypatch.setattr(inkread.cli, "app", fail)
    with pytest.raises(SystemExit) as exit:
        main()
    return exit.value.code


def test_errors_are_one_line_and_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(monkeypatch, BundleError("model: no such bundle")) == 1
    assert capsys.readouterr().err == "inkread: model: no such bundle\n"


def test_a_bug_is_one_line_too_unless_the_developer_asks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(monkeypatch, ZeroDivisionError("oh")) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "ZeroDivisionError: oh" in line
    monkeypatch.setenv("INKREAD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        status_of(monkeypatch, ZeroDivisionError("oh"))


def test_a_module_of_an_extra_that_a_command_meets_late_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["inkread", "serve", "prediction"])
    assert status_of(monkeypatch, ModuleNotFoundError("No module named 'mlflow'", name="mlflow")) == 1
    needs = "inkread: inkread serve needs mlflow, install it with pip install 'inkread[serve]'\n"
    assert capsys.readouterr().err == needs


def test_ctrl_c_is_status_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status_of(monkeypatch, KeyboardInterrupt()) == 128 + signal.SIGINT


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "inkread", "--help"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.stderr == ""


def test_commands_name_extras_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(EXTRAS.values()) <= set(project["project"]["optional-dependencies"])
    assert set(EXTRAS) <= set(COMMANDS)


def test_a_command_whose_extra_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "inkread.cli.train", raising=False)
    for name in [name for name in sys.modules if name.startswith("inkread.training")]:
        monkeypatch.delitem(sys.modules, name)
    needs = "inkread train needs torch, install it with pip install 'inkread[train]'"
    for arguments in (["train"], ["train", "plan.json", "-o", "run"]):
        result = CliRunner().invoke(app, arguments)
        assert isinstance(result.exception, InkreadError)
        assert str(result.exception) == needs
    for arguments in (["train", "--help"], ["train", "plan.json", "--help"]):
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        assert needs in " ".join(result.stdout.split())
