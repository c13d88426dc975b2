"""Durable jobs: they outlive the service that runs them, run one after another, and can be cancelled (DBOS).

Usage: ``with running_jobs(settings): job = submit("train", {}, who="ada", settings=settings)``

A job is a workflow of three steps: set the parameters, run the stages, collect what came of it. After ``kill -9`` the
step that was cut off is run again, and DVC and the trainer go on from what they had finished.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import httpx2
import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatus

from inkread.data.protected import gold_folder
from inkread.registry import GateError, Registry, promote
from inkread.server.jobs.models import SHOWN, Job, JobList, Kind, Schedule, State
from inkread.server.jobs.workspace import JobError, JobStopped, Workspace
from inkread.server.metrics import JOB_KINDS, JOB_SECONDS, JOB_STATES, JOBS, JOBS_FINISHED, SERVICE_UP
from inkread.server.settings import SERVICES, Settings

QUEUE = "pipeline"
CONTRACT = "inkread-jobs-"
WORKFLOWS_VERSION = f"{CONTRACT}1"
"""Version of the steps of the workflows, not of the package: jobs that wait or run go on after an update.

Raise the number only where a job that was begun by the former code must not be finished by the new.
"""
UNFINISHED = ("PENDING", "ENQUEUED", "DELAYED")
REGISTER = "register_model"
REGISTER_PAUSES = (5.0, 20.0, 60.0, 180.0)
"""Seconds before the registration of a trained model is tried again, mostly because MLflow was away."""
TARGETS = {"ingest": "one_hot_encode_labels", "train": "register_model", "retrain": "register_model"}
STATES = {
    "PENDING": "running",
    "ENQUEUED": "queued",
    "DELAYED": "queued",
    "SUCCESS": "succeeded",
    "CANCELLED": "cancelled",
}
COUNTED = timedelta(days=7)
HEALTH_KEPT = timedelta(days=1)
SCHEDULED = "schedule"
UPLOADS = "uploads"

_settings = Settings()
_stopping = threading.Event()


@contextmanager
def running_jobs(settings: Settings, executor: str) -> Iterator[None]:
    """Take jobs from the queue until the end of the block; those of this executor that were cut off go on first.

    Args:
        settings: where jobs are kept.
        executor: name of this worker.
    """
    global _settings
    _settings = settings
    _stopping.clear()
    config: DBOSConfig = {
        "name": "inkread",
        "system_database_url": settings.jobs_url,
        "executor_id": settings.executor or executor,
        "application_version": WORKFLOWS_VERSION,
        "log_level": "WARNING",
    }
    adopted = adopt_jobs(settings.jobs_url)
    if adopted:
        structlog.get_logger().info("jobs_adopted", jobs=adopted)
    DBOS(config=config)
    DBOS.launch()
    DBOS.register_queue(QUEUE, global_concurrency=1, worker_concurrency=1)
    _apply_schedules(settings)
    try:
        yield
    finally:
        _stopping.set()
        DBOS.destroy()


def adopt_jobs(url: str) -> int:
    """Take over the jobs that are left from releases whose jobs had the version of the package; how many there are.

    DBOS runs a workflow only under the application version that it was begun with.
    """
    engine = sa.create_engine(url)
    schema = None if engine.dialect.name == "sqlite" else "dbos"
    table = sa.table("workflow_status", sa.column("status"), sa.column("application_version"), schema=schema)
    version = table.c.application_version
    other = sa.or_(version.is_(None), version.not_like(f"{CONTRACT}%"))
    left = sa.update(table).where(table.c.status.in_(UNFINISHED), other)
    try:
        if not sa.inspect(engine).has_table("workflow_status", schema=schema):
            return 0
        with engine.begin() as connection:
            return int(connection.execute(left.values(application_version=WORKFLOWS_VERSION)).rowcount)
    finally:
        engine.dispose()


def submit(kind: str, changes: Mapping[str, Any], who: str, job: str | None = None) -> str:
    """Queue a job and return its id.

    Args:
        kind: ingest or train.
        changes: of the project's parameters.
        who: asks for it.
        job: its id, where files were kept under it already.
    """
    identifier = job or new_id(kind)
    with SetWorkflowID(identifier):
        DBOS.enqueue_workflow(QUEUE, WORKFLOWS[kind], dict(changes), who)
    return identifier


def new_id(kind: str) -> str:
    """``new_id("train") == "train-20260131-120000-3f2a"``."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def cancel(job: str) -> None:
    """Cancel a job; its processes are ended and the project is put back by the worker that runs it."""
    DBOS.cancel_workflow(job)


@DBOS.workflow(name="ingest")
def ingest(changes: dict[str, Any], who: str) -> dict[str, float]:
    """Make the dataset and everything that training needs of it."""
    del who  # kept by DBOS with the job
    return _run("ingest", changes)


@DBOS.workflow(name="train")
def train(changes: dict[str, Any], who: str) -> dict[str, float]:
    """Train, evaluate, export and register."""
    del who
    return _run("train", changes)


@DBOS.workflow(name="retrain")
def retrain(_when: datetime, _context: Any) -> dict[str, float]:
    """Train with the parameters as they are, and let the gate decide; nothing is done where nothing changed."""
    made = _run("retrain", {})
    return made | let_gate_decide(int(made.get("version", 0)))


@DBOS.workflow(name="health")
def health(_when: datetime, _context: Any) -> dict[str, float]:
    """Ask every service whether it can work, and forget the checks of former days."""
    begun = datetime.now(UTC)
    try:
        found = check_services()
        if away := [service for service, ready in found.items() if not ready]:
            JOBS_FINISHED.labels("health", "failed").inc()
            raise JobError(f"not ready: {', '.join(away)}")
        return found
    finally:
        JOB_SECONDS.labels("health").observe((datetime.now(UTC) - begun).total_seconds())
        forget_health_checks()


WORKFLOWS = {"ingest": ingest, "train": train}


def _run(kind: str, changes: dict[str, Any]) -> dict[str, float]:
    job = str(DBOS.workflow_id)
    begun = datetime.now(UTC)
    log = structlog.get_logger().bind(job=job, kind=kind)
    log.info("job_started")
    state = "succeeded"
    try:
        prepare(job, changes)
        reproduce(job, TARGETS[kind])
        return collect(kind)
    except BaseException as error:  # DBOS tells of a cancelled job by one that is no Exception
        state = "failed" if isinstance(error, Exception) and not isinstance(error, JobStopped) else "cancelled"
        log.error("job_ended", state=state, detail=str(error))
        Workspace(_settings.home).restore(job)
        raise
    finally:
        _tidy_upload(job, state)
        JOBS_FINISHED.labels(kind, state).inc()
        JOB_SECONDS.labels(kind).observe((datetime.now(UTC) - begun).total_seconds())


def _tidy_upload(job: str, state: str) -> None:
    """Remove what was uploaded for a job, where the settings say so."""
    keep = _settings.keep_uploads
    if keep == "none" or (keep == "failed" and state == "succeeded"):
        shutil.rmtree(_settings.home / UPLOADS / job, ignore_errors=True)


@DBOS.step()
def prepare(job: str, changes: dict[str, Any]) -> None:
    """Set the parameters."""
    Workspace(_settings.home).prepare(job, changes)


@DBOS.step()
def reproduce(job: str, target: str) -> None:
    """Run the stages."""

    def stopped() -> bool:
        return _stopping.is_set() or is_cancelled(job)

    try:
        for pause in (*REGISTER_PAUSES, None):
            try:
                return Workspace(_settings.home).reproduce(job, target, stopped)
            except JobStopped:
                raise
            except JobError as error:
                if pause is None or error.stage != REGISTER:
                    raise
                structlog.get_logger().warning("register_again", job=job, seconds=pause, detail=str(error))
                _wait(pause, stopped)
    except JobStopped:
        if _stopping.is_set():
            threading.Event().wait()  # the service ends here and its successor goes on: the job has not failed
        raise


def _wait(seconds: float, stopped: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if stopped():
            raise JobStopped("it was stopped")
        _stopping.wait(0.5)


@DBOS.step()
def collect(kind: str) -> dict[str, float]:
    """What the stages left."""
    workspace = Workspace(_settings.home)
    if kind != "ingest":
        return workspace.results()
    version = workspace.keep_dataset(str(DBOS.workflow_id))
    return workspace.counts() | ({} if version is None else {"dataset_version": float(version)})


@DBOS.step()
def let_gate_decide(version: int) -> dict[str, float]:
    """``promoted`` 1 where scheduled retraining made the champion, 0 where the gate refused it.

    Nothing is decided without gold pages: only on these is it known that neither model has learnt them.
    """
    if gold_folder() is None or not version:
        return {}
    try:
        promote(Registry(), version, SCHEDULED, "scheduled retraining")
    except GateError as error:
        structlog.get_logger().warning("challenger_refused", version=version, detail=str(error))
        return {"promoted": 0.0}
    return {"promoted": 1.0}


@DBOS.step()
def check_services() -> dict[str, float]:
    """1 for each service that is ready, 0 for one that is not."""
    found = {}
    for service in SERVICES:
        found[service] = float(all(_is_ready(f"{url}/readyz") for url in _settings.service_urls(service)))
    return found


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=10, trust_env=False).is_success
    except httpx2.TransportError:
        return False


@DBOS.step()
def forget_health_checks() -> None:
    """Keep the checks of a day."""
    old = (datetime.now(UTC) - HEALTH_KEPT).isoformat()
    DBOS.delete_workflows([item.workflow_id for item in DBOS.list_workflows(name="health", end_time=old)])


def is_cancelled(job: str) -> bool:
    """Whether somebody cancelled it."""
    status = DBOS.get_workflow_status(job)
    return status is not None and status.status == "CANCELLED"


def count_jobs() -> None:
    """Set the gauges of jobs by kind and state, over a week, and of the services at the last health check.

    All from the database, so that every worker tells the same, whichever of them ran the jobs.
    """
    since = (datetime.now(UTC) - COUNTED).isoformat()
    found = DBOS.list_workflows(name=list(JOB_KINDS), start_time=since, load_input=False, load_output=False)
    counts = {(kind, state): 0 for kind in JOB_KINDS for state in JOB_STATES}
    for item in found:
        counts[item.name, STATES.get(item.status, "failed")] += 1
    for (kind, state), count in counts.items():
        JOBS.labels(kind, state).set(count)
    checks = [item for item in found if item.name == "health" and item.status in ("SUCCESS", "ERROR")]
    if checks:
        latest = max(checks, key=lambda item: item.created_at or 0)
        for step in DBOS.list_workflow_steps(latest.workflow_id):
            for service, ready in (step["output"] or {}).items():
                SERVICE_UP.labels(service).set(ready)


def _apply_schedules(settings: Settings) -> None:
    chosen: tuple[tuple[str, Any, str, str | None], ...] = (
        ("retrain", retrain, settings.retrain_schedule, QUEUE),
        ("health", health, settings.health_schedule, None),
    )
    for name, workflow, crontab, queue in chosen:
        if crontab:
            DBOS.apply_schedules(
                [{"schedule_name": name, "workflow_fn": workflow, "schedule": crontab, "queue_name": queue}]
            )
        elif DBOS.get_schedule(name) is not None:
            DBOS.delete_schedule(name)


MOST = 100


def view_job(job: str, settings: Settings) -> Job | None:
    """A job with its log; None where there is no such job."""
    status = DBOS.get_workflow_status(job)
    if status is None or status.name not in get_args(Kind):
        return None
    return _view(status, settings, with_log=True)


def view_jobs(settings: Settings, kinds: tuple[Kind, ...] = SHOWN) -> JobList:
    """The newest jobs, and the schedules."""
    found = DBOS.list_workflows(name=list(kinds), limit=MOST, sort_desc=True)
    schedules = [
        Schedule(name=item["schedule_name"], crontab=item["schedule"], last=str(item["last_fired_at"] or ""))
        for item in DBOS.list_schedules()
    ]
    return JobList(jobs=[_view(item, settings, with_log=False) for item in found], schedules=schedules)


def _view(status: WorkflowStatus, settings: Settings, *, with_log: bool) -> Job:
    state = cast(State, STATES.get(status.status, "failed"))
    progress = Workspace(settings.home).progress(status.workflow_id)
    arguments = status.input["args"] if status.input else ()
    asked = status.name in ("ingest", "train") and len(arguments) == 2
    return Job(
        id=status.workflow_id,
        kind=cast(Kind, status.name),
        state=state,
        stage=progress.stage,
        progress=1.0 if state == "succeeded" else progress.share,
        who=str(arguments[1]) if asked else SCHEDULED,
        submitted=_time(status.created_at),
        started=_time(status.dequeued_at or (status.created_at if state != "queued" else None)),
        ended=_time(status.completed_at),
        message=str(status.error) if status.error is not None and state == "failed" else "",
        log=progress.lines if with_log else [],
        metrics=status.output if state == "succeeded" and isinstance(status.output, dict) else {},
    )


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
