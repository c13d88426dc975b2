"""Commands of the recipe and benchmarks say in a sentence what is wrong with their input."""

import runpy
import sys
from pathlib import Path

import pytest

import figures
import recipe
from inkread.bundle import Bundle

FOLDERS = {"recipe": Path(recipe.__path__[0]), "benchmarks": Path(figures.__file__).parent}
COMMANDS = {
    f"{kind} {path.stem}"
    for kind, folder in FOLDERS.items()
    for path in folder.glob("*.py")
    if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")
}
WITHOUT_INPUT = {
    f"benchmarks {name}"
    for name in ("draws", "forms_killed", "load", "releases", "serving", "startup", "workbench", "worker")
}
"""``worker`` is started by ``engines``."""
MISSING = "not-here"
WRONG = (
    "recipe ablation not-here -o out",
    "recipe card not-here",
    "recipe card BUNDLE not-here",
    "recipe card BUNDLE --ablation not-here",
    "recipe detector not-here out.onnx --start BUNDLE/detector.onnx --printed here",
    "recipe detector here out.onnx --start not-here --printed here",
    "recipe detector here out.onnx --start BUNDLE/detector.onnx --printed not-here",
    "recipe digits --data not-here -o out.onnx",
    "recipe digits --data here --bundle not-here -o out.onnx",
    "recipe mean not-here:1 --store here --version 1 -o out",
    "recipe mean bundled:1 --store not-here --version 1 -o out",
    "recipe neural_lm train not-here here -o out",
    "recipe neural_lm train here not-here -o out",
    "recipe neural_lm train here here -o out --start not-here",
    "recipe neural_lm export not-here -o out.onnx",
    "recipe ngram --out out.bin --texts not-here",
    "recipe ngram --out out.bin --data not-here --texts here",
    "recipe pieces not-here -o out.txt",
    "recipe reference not-here --sources letters --bundle BUNDLE --cache out",
    "recipe reference here --sources not-here --bundle BUNDLE --cache out",
    "recipe reference here --sources letters --bundle not-here --cache out",
    "recipe rescoring --lm not-here --data here",
    "recipe rescoring --lm here --data not-here",
    "recipe rescoring --bundle not-here --lm here --data here",
    "recipe start not-here out",
    "recipe tuning --lm not-here --data here",
    "recipe tuning --lm here --data not-here",
    "recipe tuning --bundle not-here --lm here --data here",
    "benchmarks drift not-here --sources letters",
    "benchmarks drift here --sources not-here",
    "benchmarks drift here --sources letters --model not-here",
    "benchmarks engines not-here",
    "benchmarks finetuning bundled not-here here -o out",
    "benchmarks finetuning bundled here not-here -o out",
    "benchmarks form_matches --data not-here --text here -o out",
    "benchmarks form_matches --data here --text not-here -o out",
    "benchmarks form_names --data not-here --text here",
    "benchmarks form_names --data here --text not-here",
    "benchmarks forms --data not-here --text here",
    "benchmarks forms --data here --text not-here",
    "benchmarks gold not-here --sources letters",
    "benchmarks gold here --sources not-here",
    "benchmarks insertions not-here --sources letters",
    "benchmarks insertions here --sources not-here",
    "benchmarks lines not-here",
    "benchmarks lines here --detector not-here",
    "benchmarks lines here --found other=not-here",
    "benchmarks loop not-here --source letters -o out",
    "benchmarks loop here --source not-here -o out",
    "benchmarks memory --only unusual --file not-here",
    "benchmarks reading not-here bundled",
    "benchmarks reading here not-here",
    "benchmarks reading here bundled --fonts not-here",
    "benchmarks reading_order not-here",
    "benchmarks recognition not-here",
    "benchmarks shadow not-here",
    "benchmarks spreads not-here -o out",
    "benchmarks strokes not-here",
    "benchmarks strokes here --known not-here",
    "benchmarks synthesis not-here",
)


def run(wrong: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """Run a command in a folder that holds the empty folder ``here``; its exit status."""
    monkeypatch.chdir(folder)
    (folder / "here").mkdir()
    kind, name, *arguments = wrong.replace("BUNDLE", str(Bundle.open().folder)).split()
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDERS[kind] / f"{name}.py"), run_name="__main__")
    return ended.value.code


def test_each_command_with_input_is_tried() -> None:
    assert {" ".join(wrong.split()[:2]) for wrong in WRONG} == COMMANDS - WITHOUT_INPUT


@pytest.mark.parametrize("wrong", WRONG)
def test_a_missing_path_gives_one_sentence_that_names_it(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(wrong, tmp_path, monkeypatch)
    said = capsys.readouterr().err
    assert status in (1, 2)
    assert MISSING in said
    assert status == 2 or len(said.splitlines()) == 1, "only wrong usage also shows how to call it"
    assert [path.name for path in tmp_path.iterdir()] == ["here"], "nothing was begun"


@pytest.mark.parametrize("wrong", sorted({wrong.replace(MISSING, "here") for wrong in WRONG}))
def test_an_empty_folder_gives_no_traceback(wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(wrong, tmp_path, monkeypatch) in (1, 2)
