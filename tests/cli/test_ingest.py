"""``inkread ingest`` as a user runs it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli import app, main
from inkread.data.dataset import Dataset
from inkread.evaluation.gold import place_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "letters").mkdir()
    for path in EXAMPLES.glob("letter.*"):
        shutil.copyfile(path, tmp_path / "letters" / path.name)
    return tmp_path / "letters"


def test_pages_become_a_data_set(pages: Path, tmp_path: Path) -> None:
    """With what the source does not say itself; the gate then looks at each style and century on its own."""
    said = ["--licence", "CC0-1.0", "--style", "handwriting", "--name", "letters-1905"]
    result = CliRunner().invoke(app, ["ingest", str(pages), "-o", str(tmp_path / "set"), *said])
    assert result.exit_code == 0, result.output
    assert "1 page of letters-1905 (no split 1)" in result.output
    line = Dataset.open(tmp_path / "set").lines()[0]
    assert (line.licence, line.style) == ("CC0-1.0", "handwriting")
    assert {("style", "handwriting"), ("century", "20th century")} <= set(place_of(line).slices)


def test_json_says_the_same(pages: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", str(pages), "-o", str(tmp_path / "set"), "--json"])
    assert json.loads(result.stdout)["samples"] == {"page": 1}


def test_wrong_usage_and_unknown_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert CliRunner().invoke(app, ["ingest", str(tmp_path), "--format", "word"]).exit_code == 2
    assert CliRunner().invoke(app, ["ingest", str(tmp_path), "--style", "ink"]).exit_code == 2
    monkeypatch.setattr("sys.argv", ["inkread", "ingest", str(tmp_path), "-o", str(tmp_path / "x")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert capfd.readouterr().err.count("\n") == 1
