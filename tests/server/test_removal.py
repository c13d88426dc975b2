"""A deleted document leaves the pipeline's data, its results and DVC's cache, unless a model has learnt from them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Set
from pathlib import Path

import pytest
import yaml

from inkread.data.dataset import Dataset, Sample, write_manifest
from inkread.errors import DatasetError
from inkread.pipeline.project import run_dvc
from inkread.server.jobs.removal import datasets_with, remove_from_pipeline
from inkread.server.jobs.workspace import JobStopped, Workspace
from tests.server.servers import when

pytestmark = pytest.mark.system  # runs DVC
SECRET, OTHER = b"page of the secret letter", b"page of another letter"
STAGES = {
    "stages": {
        "extract_raw_data": {"cmd": "true", "outs": ["artifacts/raw"]},
        "load_dataset": {"cmd": "true", "deps": ["artifacts/raw"], "outs": ["artifacts/dataset"]},
        "filter_data": {"cmd": "true", "deps": ["artifacts/dataset"], "outs": ["artifacts/filtered.parquet"]},
    }
}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A project whose stages made results of two letters, and a version of the data set with them."""
    workspace = Workspace(tmp_path)
    workspace.project.mkdir()
    run_dvc(workspace.project, "init", "--no-scm", "--quiet")
    artifacts = workspace.project / "artifacts"
    (artifacts / "raw").mkdir(parents=True)
    (artifacts / "raw" / "form.png").write_bytes(b"a form that was ingested")
    samples = []
    for name, content in (("secret", SECRET), ("other", OTHER)):
        image = artifacts / "dataset" / "images" / f"{name}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(content)
        samples.append(Sample(name, f"images/{name}.jpg", name, "line", "corrections", name, sha256=name))
    write_manifest(artifacts / "dataset", samples)
    digest = Dataset.open(artifacts / "dataset").content_hash
    report = {"sha256": digest, "samples": {"line": 2}, "splits": {"": 2}}
    (artifacts / "dataset" / "ingest.json").write_text(json.dumps(report))
    (artifacts / "filtered.parquet").write_bytes(b"lines of the " + SECRET)
    (workspace.project / "dvc.yaml").write_text(yaml.safe_dump(STAGES))
    run_dvc(workspace.project, "commit", "--quiet", "--force")
    workspace.keep_dataset("ingest-1")
    return workspace


def found(home: Path, content: bytes) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and content in path.read_bytes()]


def test_no_byte_of_it_is_left_and_the_next_job_makes_the_results_anew(place: Workspace) -> None:
    home = place.project.parent
    asked: list[Set[str]] = []

    def unused(hashes: Set[str]) -> Set[str]:
        asked.append(hashes)
        return set()

    before = Dataset.open(home / "datasets" / "1").content_hash
    assert {dataset: lines for dataset, (lines, _) in datasets_with(home, "secret").items()} == {before: 1}
    remove_from_pipeline(place, {"secret"}, unused)
    assert asked == [{before}]
    assert datasets_with(home, "secret") == {}
    assert found(home, SECRET) == []
    assert found(home, OTHER) == [home / "datasets" / "1" / "images" / "other.jpg"]
    assert found(place.project / ".dvc" / "cache", b"a form that was ingested"), "what the next job begins with"
    assert list(yaml.safe_load((place.project / "dvc.lock").read_text())["stages"]) == ["extract_raw_data"]
    left = Dataset.open(home / "datasets" / "1")
    assert [sample.document_id for sample in left.samples] == ["other"]
    report = json.loads((home / "datasets" / "1" / "ingest.json").read_text())
    assert (report["sha256"], report["samples"]) == (left.content_hash, {"line": 1})
    remove_from_pipeline(place, {"secret"}, lambda _: pytest.fail("nothing is left to ask after"))


def idle(place: Workspace) -> bool:
    try:
        with place.idle():
            return True
    except DatasetError:
        return False


def test_data_that_a_model_has_used_stays_and_a_running_job_is_waited_for(place: Workspace) -> None:
    home = place.project.parent
    before = found(home, SECRET)
    remove_from_pipeline(place, {"secret"}, set)
    assert found(home, SECRET) == before
    asked: list[str] = []

    def stopped() -> bool:
        """As another container sees it, which cannot see the process of the stages."""
        (place.folder("train-1") / "pid").unlink(missing_ok=True)
        with pytest.raises(DatasetError, match="a job runs"):
            remove_from_pipeline(Workspace(home), {"secret"}, lambda _: set())
        asked.append("while stages run")
        return True

    place.folder("train-1").mkdir(parents=True)
    with pytest.raises(JobStopped):
        place.reproduce("train-1", "load_dataset", stopped)
    assert asked and found(home, SECRET) == before
    when(lambda: idle(place))  # what DVC began for itself may last a little longer
    shutil.rmtree(home / "datasets")
    remove_from_pipeline(place, {"secret"}, lambda _: set())
    assert found(home, SECRET) == []
