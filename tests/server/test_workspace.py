"""Runs of the pipeline: they go on after a crash, end when told, and leave the project as it was where they fail."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import yaml

from inkread.errors import DatasetError
from inkread.server.documents.versions import Version
from inkread.server.jobs import workspace
from inkread.server.jobs.workspace import JobError, JobStopped, Workspace
from tests.server.small_project import write_project

TARGET = "register_model"


pytestmark = pytest.mark.system  # each runs DVC


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(workspace, "prepare_project", write_project)
    return Workspace(tmp_path)


def never() -> bool:
    return False


def test_a_run_sets_parameters_tells_its_progress_and_its_results(place: Workspace) -> None:
    place.prepare("a", {"extract_raw_data": {"seed": 5}})
    (place.project / "go").touch()
    place.reproduce("a", TARGET, never)
    assert yaml.safe_load((place.project / "params.yaml").read_text())["extract_raw_data"]["seed"] == 5
    progress = place.progress("a")
    assert progress.stage == TARGET
    assert 0.5 < progress.share < 1
    assert any("Running stage 'build_train_cnn'" in line for line in progress.lines)
    assert place.results() == {"cer": 0.25, "wer": 0.5, "version": 7.0}


def test_wrong_parameters_are_named_and_nothing_is_changed(place: Workspace) -> None:
    write_project(place.project)
    before = (place.project / "params.yaml").read_bytes()
    with pytest.raises(DatasetError, match=r"split_data\.seed"):
        place.parameters({"split_data": {"seed": "x"}})
    with pytest.raises(DatasetError, match="surprise"):
        place.parameters({"surprise": {}})
    assert (place.project / "params.yaml").read_bytes() == before


def test_a_failed_run_says_which_stage_and_why_and_can_be_taken_back(place: Workspace) -> None:
    place.prepare("good", {})
    (place.project / "go").touch()
    place.reproduce("good", TARGET, never)
    kept = {path.name: path.read_bytes() for path in (place.project / "artifacts").glob("*.txt")}
    (place.project / "fail").touch()
    place.prepare("bad", {"build_train_cnn": {"recognizer": {"steps": 3}}, "extract_raw_data": {"seed": 9}})
    with pytest.raises(JobError, match="the stage build_train_cnn failed: build_train_cnn: the loss is not a number"):
        place.reproduce("bad", TARGET, never)
    place.restore("bad")
    assert {path.name: path.read_bytes() for path in (place.project / "artifacts").glob("*.txt")} == kept
    assert "9" not in (place.project / "params.yaml").read_text()


def test_a_failed_run_says_what_came_out_of_the_stages_before(place: Workspace) -> None:
    write_project(place.project)
    (place.project / "bug").touch()
    place.prepare("bad", {})
    with pytest.raises(JobError) as caught:
        place.reproduce("bad", TARGET, never)
    assert str(caught.value) == (
        "the stage build_train_cnn failed: ValueError: three rows and two columns "
        "(so far: lines kept 12, lines left out 3)"
    )
    place.prepare("again", {})
    with pytest.raises(JobError, match="columns$"):
        place.reproduce("again", TARGET, never)


def test_a_first_run_that_is_taken_back_leaves_nothing(place: Workspace) -> None:
    (place.project).parent.mkdir(exist_ok=True)
    write_project(place.project)
    (place.project / "fail").touch()
    place.prepare("bad", {})
    with pytest.raises(JobError):
        place.reproduce("bad", TARGET, never)
    place.restore("bad")
    assert not (place.project / "artifacts").exists()
    assert not (place.project / "dvc.lock").exists()


def test_a_run_ends_when_it_is_told_with_all_its_processes(place: Workspace) -> None:
    place.prepare("a", {})

    def training() -> bool:
        return "build_train_cnn" in place.progress("a").stage

    with pytest.raises(JobStopped):
        place.reproduce("a", TARGET, training)
    assert _working_in(place.project) == []


def test_what_a_killed_service_left_running_is_ended_before_its_successor_starts(place: Workspace) -> None:
    place.prepare("a", {})
    abandoned = threading.Event()
    other = Workspace(place.project.parent)

    def run() -> None:
        with suppress(JobError):
            other.reproduce("a", TARGET, never)
        abandoned.set()

    thread = threading.Thread(target=run)
    thread.start()
    while place.progress("a").stage != "build_train_cnn" or not (place.folder("a") / "pid").exists():
        assert not abandoned.is_set()
    place.prepare("a", {})
    thread.join()
    (place.project / "go").touch()
    place.reproduce("a", TARGET, never)
    assert place.results()["version"] == 7.0
    assert _working_in(place.project) == []


def test_a_process_that_only_has_the_same_number_is_left_alone(place: Workspace) -> None:
    place.prepare("a", {})
    (place.folder("a") / "pid").write_text(f"{os.getpid()} 12.5", encoding="utf-8")
    place.prepare("a", {})
    assert not (place.folder("a") / "pid").exists()


def _working_in(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] == str(folder) and process.pid != os.getpid():
            found.append(" ".join(process.info["cmdline"] or ()))
    return found


def test_each_data_set_is_a_version_that_the_next_can_be_added_to(place: Workspace) -> None:
    for number, job in enumerate(("first", "second"), 1):
        dataset = place.project / "artifacts" / "dataset"
        (dataset / "images").mkdir(parents=True, exist_ok=True)
        (dataset / "manifest.parquet").write_text(job)
        assert place.keep_dataset(job) == number
        assert place.keep_dataset(job) == number, "a step that is run again keeps nothing twice"
        (dataset / "manifest.parquet").unlink()
    kept = [(folder / "manifest.parquet").read_text() for folder in place.datasets()]
    assert kept == ["first", "second"]
    added = place.parameters({"load_dataset": {"add": [workspace.NEWEST]}})["load_dataset"]["add"]
    assert added == [str(place.datasets()[-1])]


def test_a_data_set_takes_the_newest_corrections_that_were_not_all_deleted(place: Workspace) -> None:
    folder = place.project.parent / "corrections"
    folder.mkdir()
    for number, documents in ((1, {"a": 3}), (2, {"a": 4}), (3, {})):
        version = Version(number=number, made=datetime.now(UTC), dataset=f"{number}", documents=documents)
        (folder / f"{number}.json").write_text(version.model_dump_json())
    asked = ["elsewhere", workspace.CORRECTIONS, workspace.NEWEST]
    added = place.parameters({"load_dataset": {"add": asked}})["load_dataset"]["add"]
    assert added == ["elsewhere", str(folder / "2")]
