"""``inkread ingest`` as a user runs it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.cli import app, main

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "letters").mkdir()
    for path in EXAMPLES.glob("letter.*"):
        shutil.copyfile(path, tmp_path / "letters" / path.name)
    return tmp_path / "letters"


def test_pages_become_a_data_set(pages: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", str(pages), "-o", str(tmp_path / "set"), "--licence", "CC0-1.0"])
    assert result.exit_code == 0, result.output
    assert "1 page of letters (no split 1)" in result.output
    assert (tmp_path / "set" / "manifest.parquet").is_file()


def test_json_says_the_same(pages: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["ingest", str(pages), "-o", str(tmp_path / "set"), "--json"])
    assert json.loads(result.stdout)["samples"] == {"page": 1}


def test_wrong_usage_and_unknown_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert CliRunner().invoke(app, ["ingest", str(tmp_path), "--format", "word"]).exit_code == 2
    monkeypatch.setattr("sys.argv", ["inkread", "ingest", str(tmp_path), "-o", str(tmp_path / "x")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert capfd.readouterr().err.count("\n") == 1
