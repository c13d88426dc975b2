"""Each module of the recipe that says it is a command is one."""

import runpy
import sys
from pathlib import Path

import pytest

import recipe

MODULES = sorted(
    f"recipe.{path.stem}"
    for path in Path(recipe.__path__[0]).glob("*.py")
    if f"python -m recipe.{path.stem}" in path.read_text(encoding="utf-8")
)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
@pytest.mark.parametrize("module", MODULES)
def test_it_answers_help(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [module, "--help"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    assert ended.value.code in (0, None)
    said = capsys.readouterr().out
    assert "usage" in said.lower()
    assert "Raises:" not in said, "that is for people who call the function"
