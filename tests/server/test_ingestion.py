"""What ingestion and training take, and what they refuse, before a job is made of it."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from inkread.server.jobs import workspace
from inkread.server.jobs.app import ingestion_app, training_app
from inkread.server.jobs.workflows import UPLOADS
from inkread.server.settings import Settings
from inkread.server.tokens import Role
from tests.server.small_project import keep_dataset, write_project

Headers = Callable[[Role], dict[str, str]]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def allowed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(workspace, "prepare_project", write_project)
    write_project(settings.pipeline)
    (settings.pipeline / "go").touch()
    (tmp_path / "scans").mkdir()
    return settings.model_copy(update={"ingest_folders": (tmp_path / "scans",), "archive_mib": 1.0})


@pytest.fixture
def ingestion(allowed: Settings) -> Iterator[TestClient]:
    with TestClient(ingestion_app(allowed)) as client:
        yield client


@pytest.fixture
def training(allowed: Settings) -> Iterator[TestClient]:
    with TestClient(training_app(allowed)) as client:
        yield client


def archive() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as packed:
        packed.writestr("a.txt", "a")
    return body.getvalue()


def finished(client: TestClient, job: str, headers: dict[str, str]) -> dict[str, object]:
    deadline = time.monotonic() + 60
    while (answer := client.get(f"/jobs/{job}", headers=headers).json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dict(answer)


def test_an_archive_becomes_a_job_that_can_be_watched(
    ingestion: TestClient, allowed: Settings, called_by: Headers
) -> None:
    headers = called_by("admin")
    form = {"request": json.dumps({"licence": "CC BY 4.0", "name": "letters"})}
    answer = ingestion.post("/ingest", files={"file": ("../../up.zip", archive())}, data=form, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["who"]) == ("ingest", "ada")
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert [path.name for path in (allowed.home / UPLOADS / job["id"]).iterdir()] == ["up.zip"]
    assert finished(ingestion, job["id"], headers)["state"] == "succeeded"
    parameters = (allowed.pipeline / "params.yaml").read_text(encoding="utf-8")
    assert str(allowed.home / UPLOADS / job["id"] / "up.zip") in parameters
    assert "CC BY 4.0" in parameters
    assert ingestion.get("/jobs", headers=headers).json()["jobs"][0]["id"] == job["id"]


def test_versions_of_the_data_set_say_what_is_in_them_and_what_was_left_out(
    ingestion: TestClient, allowed: Settings, called_by: Headers
) -> None:
    headers = called_by("admin")
    assert ingestion.get("/datasets", headers=headers).json() == {"versions": []}
    for source, lines in (("letters", 12), ("ledgers", 30)):
        keep_dataset(workspace.Workspace(allowed.home), source, lines)
    newest, first = ingestion.get("/datasets", headers=headers).json()["versions"]
    assert (newest["version"], newest["samples"], newest["job"]) == (2, {"line": 42}, "ingest-ledgers")
    assert (first["version"], first["samples"], first["source"]) == (1, {"line": 12}, "letters")
    found = ingestion.get("/datasets/2", headers=headers).json()
    sizes = {source["source"]: (source["samples"], source["writers"]) for source in found["sources"]}
    assert sizes == {"ledgers": (30, 3), "older": (12, 3)}
    assert found["skipped"] == {"image missing": 2, "no text": 1}
    assert len(found["skipped_names"]) == 3
    assert ingestion.get("/datasets/3", headers=headers).status_code == 404
    assert ingestion.get("/datasets", headers=called_by("user")).status_code == 403


def test_what_is_no_archive_is_refused_and_not_kept(
    ingestion: TestClient, allowed: Settings, called_by: Headers
) -> None:
    answer = ingestion.post("/ingest", files={"file": ("x.zip", b"no archive")}, headers=called_by("admin"))
    assert answer.status_code == 415
    large = ingestion.post("/ingest", files={"file": ("x.zip", b"x" * 2**21)}, headers=called_by("admin"))
    assert large.status_code == 413
    uploads = allowed.home / UPLOADS
    assert not uploads.exists() or list(uploads.iterdir()) == []


@pytest.mark.parametrize("source", ["/etc", "{scans}/../secret", "{scans}/missing", "relative"])
def test_only_allowed_folders_are_read(ingestion: TestClient, tmp_path: Path, called_by: Headers, source: str) -> None:
    (tmp_path / "secret").mkdir()
    request = json.dumps({"source": source.format(scans=tmp_path / "scans")})
    answer = ingestion.post("/ingest", data={"request": request}, headers=called_by("admin"))
    assert answer.status_code == 422
    assert "server" in answer.json()["detail"]


def test_a_link_does_not_lead_out_of_an_allowed_folder(
    ingestion: TestClient, tmp_path: Path, called_by: Headers
) -> None:
    (tmp_path / "scans" / "link").symlink_to("/etc")
    request = json.dumps({"source": str(tmp_path / "scans" / "link")})
    assert ingestion.post("/ingest", data={"request": request}, headers=called_by("admin")).status_code == 422


@pytest.mark.parametrize(
    "request_text", ["{", '{"formt": "iam"}', '{"writers": 1}', '{"add": true}', '{"corrections": true}']
)
def test_a_wrong_request_is_named(ingestion: TestClient, called_by: Headers, request_text: str) -> None:
    answer = ingestion.post("/ingest", data={"request": request_text}, headers=called_by("admin"))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("request")


def test_a_folder_that_is_allowed_becomes_a_job(ingestion: TestClient, tmp_path: Path, called_by: Headers) -> None:
    request = json.dumps({"source": str(tmp_path / "scans")})
    answer = ingestion.post("/ingest", data={"request": request}, headers=called_by("admin"))
    assert answer.status_code == 202
    assert finished(ingestion, answer.json()["id"], called_by("admin"))["state"] == "succeeded"


def test_training_takes_parameters_and_answers_with_figures(training: TestClient, called_by: Headers) -> None:
    params = {"params": {"build_train_cnn": {"recognizer": {"steps": 3}}}}
    answer = training.post("/train", json=params, headers=called_by("admin"))
    assert answer.status_code == 202
    done = finished(training, answer.json()["id"], called_by("admin"))
    assert done["metrics"] == {"cer": 0.25, "wer": 0.5, "version": 7.0}
    assert 'inkread_jobs{kind="train",state="succeeded"} 1.0' in training.get("/metrics").text


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"extract_raw_data": {"source": "/etc"}}, "extract_raw_data cannot be set here"),
        ({"register_model": {"tracking_uri": "http://evil.example"}}, "register_model cannot be set here"),
        ({"build_train_cnn": {"recognizer": {"start": "/etc"}}}, "start is bundled, or null"),
        ({"build_train_cnn": {"recognizer": {"steps": 0}}}, "build_train_cnn.recognizer.steps"),
        ({"build_train_cnn": {"recognizer": 3}}, "build_train_cnn.recognizer"),
        ({"nonsense": {}}, "nonsense"),
    ],
)
def test_training_refuses_what_is_wrong_or_not_the_clients(
    training: TestClient, called_by: Headers, params: dict[str, object], detail: str
) -> None:
    answer = training.post("/train", json={"params": params}, headers=called_by("admin"))
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_jobs_are_for_admins_and_unknown_ones_are_not_found(training: TestClient, called_by: Headers) -> None:
    assert training.get("/jobs").status_code == 401
    assert training.get("/jobs", headers=called_by("user")).status_code == 403
    assert training.post("/train", headers=called_by("user")).status_code == 403
    assert training.get("/jobs/train-1", headers=called_by("admin")).status_code == 404
    assert training.delete("/jobs/train-1", headers=called_by("admin")).status_code == 404
    assert training.get("/readyz").status_code == 200
