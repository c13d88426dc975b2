"""``inkread models`` as a user runs it, on a real MLflow database."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inkread.bundle import Bundle
from inkread.cli import app
from inkread.data.ingest import IngestOptions, ingest
from inkread.errors import RegistryError

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["models", *arguments])
    if isinstance(result.exception, RegistryError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_register_promote_and_roll_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("INKREAD_CACHE", str(tmp_path / "cache"))
    folder = str(Bundle.open().folder)
    assert json.loads(run("list", "--json")) == []
    assert run("register", folder, "--cer", "0.1", "--data-hash", "d").strip() == "1"
    run("promote", "challenger", "--why", "first", "--who", "ann")
    assert run("register", folder, "--cer", "0.2", "--data-hash", "d").strip() == "2"
    with pytest.raises(RegistryError, match="compared with nothing"):
        run("promote", "2", "--why", "newer", "--who", "bob")
    assert "version 2 is the champion" in run("promote", "2", "--why", "newer", "--who", "bob", "--force")
    assert "version 1 is the champion" in run("rollback", "2", "--why", "complaints", "--who", "ann")
    assert "champion" in run("list")
    audit = [(row["action"], row["version"]) for row in json.loads(run("audit", "--json"))]
    actions = [("register", 1), ("promote", 1), ("register", 2), ("refuse", 2), ("promote", 2), ("rollback", 1)]
    assert audit == actions
    assert [row["who"] for row in json.loads(run("audit", "--json")) if row["action"] != "register"] == [
        "ann",
        "bob",
        "bob",
        "ann",
    ]
    assert "newer (overruled: version 2 was compared with nothing" in run("audit")
    assert "ann: complaints" in run("audit")
    with pytest.raises(RegistryError, match="no version 7"):
        run("promote", "7", "--why", "x")
    assert run("show", "models:/inkread@champion").startswith("inkread ")


def test_a_version_is_compared_with_the_champion_on_new_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("INKREAD_CACHE", str(tmp_path / "cache"))
    folder = str(Bundle.open().folder)
    for _ in range(2):
        run("register", folder)
    run("promote", "1", "--why", "first")
    with pytest.raises(RegistryError, match="inkread models compare 2 DATASET"):
        run("promote", "2", "--why", "newer")
    ingest(ROOT / "examples", tmp_path / "letters", IngestOptions("letters", "CC0"))
    assert "champion_cer" in run("compare", "2", str(tmp_path / "letters"))
    with pytest.raises(RegistryError, match="it reads equally well"):
        run("promote", "2", "--why", "as good")
    with pytest.raises(RegistryError, match="say why"):
        run("promote", "2", "--why", " ", "--force")
    assert "version 2 is the champion" in run("promote", "2", "--why", "a new card", "--force")


def test_the_bundled_model_is_shown() -> None:
    assert json.loads(run("show", "--json"))["name"] == "inkread"
    assert "million parameters" in run("show")
