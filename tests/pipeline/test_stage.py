"""What stages share."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from inkread.errors import DatasetError
from inkread.pipeline.stage import FILES, MODEL_STAGES, STAGES, Artifacts, read_json, run_stage, write_json

ROOT = Path(__file__).parents[2]


def test_dvc_runs_every_stage_and_knows_its_files() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(stages) == list(STAGES)
    for name, stage in stages.items():
        assert stage["cmd"] == f"python -m inkread.pipeline {name}"
        module = import_module(f"inkread.pipeline.{'model' if name in MODEL_STAGES else 'data'}_stages")
        assert callable(getattr(module, name))
        for place in (*stage.get("deps", ()), *stage.get("outs", ())):
            assert place.removeprefix("artifacts/") in FILES.values()


def test_artifacts_have_their_places(tmp_path: Path) -> None:
    assert Artifacts(tmp_path).metrics == tmp_path / "artifacts" / "metrics.json"
    with pytest.raises(AttributeError):
        _ = Artifacts(tmp_path).nonsense


def test_json_goes_there_and_back_and_a_missing_stage_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"é": 1})
    assert read_json(tmp_path / "a.json") == {"é": 1}
    with pytest.raises(DatasetError, match="has not been run"):
        read_json(tmp_path / "b.json")


def test_a_stage_that_fails_says_so_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"params\.yaml"):
        run_stage(lambda *_: None)
