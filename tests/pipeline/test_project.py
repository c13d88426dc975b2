"""DVC itself: nothing runs twice, a changed parameter reruns what depends on it, results travel to a remote."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inkread.data.split import SplitSettings
from inkread.errors import DatasetError
from inkread.pipeline import project
from inkread.pipeline.params import Params, load_params
from inkread.pipeline.project import prepare_project

ROOT = Path(__file__).parents[2]


def dvc(folder: Path, *arguments: str) -> str:
    place = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, env=os.environ | place
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout + answer.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    prepare_project(folder)
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("writers: 12", "writers: 4").replace("forms: 3", "forms: 1"))
    dvc(folder, "repro", "split_data")
    return folder


def test_a_second_run_does_nothing(made: Path) -> None:
    output = dvc(made, "repro", "split_data")
    assert "Running stage" not in output
    assert "up to date" in output


def test_a_changed_parameter_reruns_only_what_depends_on_it(made: Path) -> None:
    params = (made / "params.yaml").read_text()
    (made / "params.yaml").write_text(params.replace("test: 0.2", "test: 0.3"))
    output = dvc(made, "repro", "split_data")
    assert "Running stage 'split_data'" in output
    assert output.count("Running stage") == 1


def test_results_travel_to_a_remote_and_back(made: Path, tmp_path: Path) -> None:
    dvc(made, "remote", "add", "--force", "--default", "store", str(tmp_path / "remote"))
    dvc(made, "push", "split_data")
    other = tmp_path / "other"
    prepare_project(other)
    for name in ("dvc.lock", "params.yaml", ".dvc/config"):
        (other / name).write_bytes((made / name).read_bytes())
    dvc(other, "pull", "split_data")
    assert (other / "artifacts" / "splits.json").read_bytes() == (made / "artifacts" / "splits.json").read_bytes()


def test_a_project_keeps_its_parameters(made: Path) -> None:
    before = (made / "params.yaml").read_text()
    prepare_project(made)
    assert (made / "params.yaml").read_text() == before


def test_parameters_of_an_earlier_version_are_brought_up_to_this_one(tmp_path: Path) -> None:
    prepare_project(tmp_path)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    del params["prepare_features"]
    params["register_model"]["experiment"] = "old"
    params["export_model"]["version"] = "0.0.0+pipeline"
    params["split_data"]["test"] = 0.3
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    prepare_project(tmp_path)
    renewed = load_params(tmp_path / "params.yaml")
    assert renewed == Params(split_data=SplitSettings(test=0.3))
    assert set(yaml.safe_load((tmp_path / "params.yaml").read_text())) == set(Params.model_fields)
    (tmp_path / "params.yaml").write_text("a: [")
    prepare_project(tmp_path)
    assert (tmp_path / "params.yaml").read_text() == "a: [", "what is wrong is said when a stage reads it"


def test_an_installation_without_the_files_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(project, "FILES", ("none.yaml",))
    with pytest.raises(DatasetError, match="install inkread again"):
        prepare_project(tmp_path)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout")
def test_dvc_may_write_its_lock_file_in_a_checkout() -> None:
    answer = subprocess.run(["git", "check-ignore", "dvc.lock"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 1, "dvc repro refuses to run where git ignores dvc.lock"
