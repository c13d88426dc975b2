"""Jobs outlive the service that runs them, one runs at a time, and a cancelled one leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dbos import DBOS, DBOSClient
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY

from inkread.server.jobs import workflows, workspace
from inkread.server.jobs.app import training_app
from inkread.server.jobs.models import Job
from inkread.server.jobs.workflows import (
    QUEUE,
    cancel,
    count_jobs,
    new_id,
    running_jobs,
    submit,
    view_job,
    view_jobs,
)
from inkread.server.metrics import SERVICE_UP
from inkread.server.settings import Settings
from inkread.server.tokens import Role
from tests.server.small_project import write_project

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    if request.param == "sqlite":
        return settings
    url = request.getfixturevalue("postgres_url")
    return settings.model_copy(update={"jobs_database_url": url})


@pytest.fixture
def ready(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(workspace, "prepare_project", write_project)
    write_project(database.pipeline)
    return database


def when(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def state(job: str, settings: Settings) -> Job:
    found = view_job(job, settings)
    assert found is not None
    return found


def test_jobs_run_one_after_another_and_tell_how_they_stand(ready: Settings) -> None:
    with running_jobs(ready, "training"):
        data = submit("ingest", {"extract_raw_data": {"seed": 2}}, "ada")
        first = submit("train", {}, "ada")
        second = submit("train", {"build_train_cnn": {"recognizer": {"steps": 9}}}, "bob")
        when(lambda: state(first, ready).stage == "build_train_cnn")
        assert state(data, ready).state == "succeeded"
        assert state(data, ready).metrics == {"lines_kept": 12.0, "lines_left_out": 3.0}
        assert (state(first, ready).state, state(second, ready).state) == ("running", "queued")
        (ready.pipeline / "go").touch()
        when(lambda: state(second, ready).state == "succeeded")
        done = state(first, ready)
        assert done.metrics == {"cer": 0.25, "wer": 0.5, "version": 7.0}
        assert (done.who, done.progress, done.message) == ("ada", 1.0, "")
        assert done.submitted <= done.started <= done.ended
        assert [job.id for job in view_jobs(ready).jobs] == [second, first, data]
        count_jobs()


def test_a_failed_job_says_why_and_the_next_one_runs(ready: Settings) -> None:
    with running_jobs(ready, "training"):
        (ready.pipeline / "fail").touch()
        bad = submit("train", {"extract_raw_data": {"seed": 77}}, "ada")
        when(lambda: state(bad, ready).state == "failed")
        assert "the loss is not a number" in state(bad, ready).message
        assert "77" not in (ready.pipeline / "params.yaml").read_text()
        (ready.pipeline / "fail").unlink()
        (ready.pipeline / "go").touch()
        good = submit("train", {}, "ada")
        when(lambda: state(good, ready).state == "succeeded")


def test_a_cancelled_job_ends_and_leaves_the_project_as_it_was(ready: Settings) -> None:
    before = (ready.pipeline / "params.yaml").read_bytes()
    with running_jobs(ready, "training"):
        job = submit("train", {"extract_raw_data": {"seed": 77}}, "ada")
        waiting = submit("train", {}, "ada")
        when(lambda: state(job, ready).stage == "build_train_cnn")
        cancel(waiting)
        cancel(job)
        when(lambda: not (ready.pipeline / "artifacts").exists())
        assert state(job, ready).state == state(waiting, ready).state == "cancelled"
        assert (ready.pipeline / "params.yaml").read_bytes() == before
        (ready.pipeline / "go").touch()
        after = submit("train", {}, "ada")
        when(lambda: state(after, ready).state == "succeeded")


@contextmanager
def worker(settings: Settings, executor: str, version: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.server.job_worker", str(settings.home), executor, settings.jobs_url]
    command += [version] if version else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    try:
        assert "ready\n" in iter(process.stdout.readline, ""), "it does not start"
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def enqueue(settings: Settings, kind: str) -> str:
    client = DBOSClient(system_database_url=settings.jobs_url)
    job = new_id(kind)
    client.enqueue({"queue_name": QUEUE, "workflow_name": kind, "workflow_id": job}, {}, "ada")
    client.destroy()
    return job


def status(settings: Settings, job: str) -> tuple[str, str]:
    client = DBOSClient(system_database_url=settings.jobs_url)
    try:
        found = client.retrieve_workflow(job).get_status()
        return found.status, found.executor_id or ""
    finally:
        client.destroy()


def test_a_job_goes_on_after_its_service_was_killed(ready: Settings) -> None:
    place = workspace.Workspace(ready.home)
    with worker(ready, "training"):
        job = enqueue(ready, "train")
        when(lambda: place.progress(job).stage == "build_train_cnn")
    (ready.pipeline / "go").touch()
    with worker(ready, "training"):
        when(lambda: status(ready, job)[0] == "SUCCESS")
    assert place.results()["version"] == 7.0


def test_two_workers_take_jobs_from_one_queue(ready: Settings) -> None:
    (ready.pipeline / "go").touch()
    with worker(ready, "training"), worker(ready, "training-2"):
        done = [enqueue(ready, "train") for _ in range(6)]
        when(lambda: all(status(ready, job)[0] == "SUCCESS" for job in done), 120)
    assert {status(ready, job)[1] for job in done} <= {"training", "training-2"}


def test_schedules_are_set_and_taken_away(ready: Settings) -> None:
    chosen = ready.model_copy(update={"retrain_schedule": "0 3 1 * *", "health_schedule": "*/5 * * * *"})
    with running_jobs(chosen, "training"):
        listed = {item.name: item.crontab for item in view_jobs(chosen).schedules}
    assert listed == {"retrain": "0 3 1 * *", "health": "*/5 * * * *"}
    with running_jobs(ready, "training"):
        assert view_jobs(ready).schedules == []


def test_a_scheduled_job_can_be_seen_and_cancelled_through_the_api(
    ready: Settings, called_by: Callable[[Role], dict[str, str]]
) -> None:
    chosen = ready.model_copy(update={"retrain_schedule": "0 3 1 1 *"})
    with TestClient(training_app(chosen)) as client:
        DBOS.trigger_schedule("retrain")
        headers = called_by("admin")
        when(lambda: bool(client.get("/jobs?kind=retrain", headers=headers).json()["jobs"]))
        (job,) = client.get("/jobs?kind=retrain", headers=headers).json()["jobs"]
        assert ":" in job["id"]
        found = client.get(f"/jobs/{job['id']}", headers=headers)
        assert (found.status_code, found.json()["kind"]) == (200, "retrain")
        assert client.delete(f"/jobs/{job['id']}", headers=headers).json()["state"] == "cancelled"
        assert client.get("/jobs/..", headers=headers).status_code in (404, 405, 422)


def test_a_health_check_that_finds_a_service_away_fails_and_is_listed(ready: Settings) -> None:
    away = ready.model_copy(
        update={f"{name}_url": "http://127.0.0.1:9" for name in ("gateway", "ingestion", "training", "prediction")}
        | {"health_schedule": "0 0 1 1 *"}
    )
    with running_jobs(away, "training"):
        DBOS.trigger_schedule("health")
        when(lambda: any(job.state == "failed" for job in view_jobs(away, ("health",)).jobs))
        (job,) = view_jobs(away, ("health",)).jobs
        assert "not ready: gateway, ingestion, training, prediction" in job.message
        assert job.who == "schedule"
        SERVICE_UP.labels("gateway").set(1)  # as an earlier check of another worker had found
        count_jobs()
        assert REGISTRY.get_sample_value("inkread_service_up", {"service": "gateway"}) == 0


@pytest.mark.system
def test_jobs_of_a_former_release_go_on_after_an_update(ready: Settings) -> None:
    """One was running when its service ended, one was waiting; both had the version of the package."""
    place = workspace.Workspace(ready.home)
    with worker(ready, "training", "0.1.0"):
        cut_off = enqueue(ready, "train")
        when(lambda: place.progress(cut_off).stage == "build_train_cnn")
        waiting = enqueue(ready, "train")
    assert [status(ready, job)[0] for job in (cut_off, waiting)] == ["PENDING", "ENQUEUED"]
    (ready.pipeline / "go").touch()
    with worker(ready, "training"):
        when(lambda: all(status(ready, job)[0] == "SUCCESS" for job in (cut_off, waiting)))


def test_a_registration_that_fails_is_tried_again_without_training_again(
    ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "REGISTER_PAUSES", (0.1,))
    (ready.pipeline / "go").touch()
    (ready.pipeline / "away").touch()
    with running_jobs(ready, "training"):
        job = submit("train", {}, "ada")
        when(lambda: state(job, ready).state in ("succeeded", "failed"))
        assert state(job, ready).state == "succeeded"
    log = (ready.home / "jobs" / job / "log.txt").read_text()
    assert log.count("Running stage 'build_train_cnn'") == 1
    assert log.count("Running stage 'register_model'") == 2


@pytest.mark.parametrize(("keep", "left"), [("all", True), ("failed", False), ("none", False)])
def test_uploads_stay_as_long_as_the_settings_say(settings: Settings, keep: str, left: bool) -> None:
    workflows._settings = settings.model_copy(update={"keep_uploads": keep})
    for job, state in (("ingest-1", "succeeded"), ("ingest-2", "failed")):
        archive = settings.home / workflows.UPLOADS / job / "pages.zip"
        archive.parent.mkdir(parents=True)
        archive.touch()
        workflows._tidy_upload(job, state)
    kept = sorted(path.parent.name for path in (settings.home / workflows.UPLOADS).glob("*/*"))
    assert kept == (["ingest-1"] if left else []) + (["ingest-2"] if keep != "none" else [])
