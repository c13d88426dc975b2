"""Jobs as the API shows them: requests, states, views.

Usage: ``view_job("0b9c")``
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast, get_args

from dbos import DBOS, WorkflowStatus
from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from inkread.server.jobs.workflows import SCHEDULED, STATES
from inkread.server.jobs.workspace import Workspace
from inkread.server.settings import Settings

JobId = Annotated[str, Path(pattern=r"^[\w:.+-]{1,150}$", examples=["train-20260131-120000-3f2a"])]
"""Ids of jobs; those of a schedule have the time in them, with colons."""
Kind = Literal["ingest", "train", "retrain", "health"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class IngestRequest(BaseModel):
    """What to make the data set of: an uploaded archive, a folder or archive on the server, or rendered pages."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field("", description="Path on the server, below one of its INKREAD_INGEST_FOLDERS")
    format: Literal["iam", "pages", "table"] | None = Field(None, description="Else it is detected")
    name: str = Field("", max_length=100, description="Name of the source in the data set")
    licence: str = Field("", max_length=200)
    language: str = Field("", max_length=35)
    writers: int = Field(12, ge=3, le=200, description="Of rendered pages")
    forms: int = Field(3, ge=1, le=50, description="Rendered pages a writer")


class TrainRequest(BaseModel):
    """Settings that differ from ``params.yaml``, by section; the sections of ingestion cannot be set here."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"params": {"build_train_cnn": {"recognizer": {"steps": 200}}}}]},
    )

    params: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Job(BaseModel):
    """One job.

    Attributes:
        id: names it in ``/jobs/{id}``.
        kind: what it does.
        state: how it stands.
        stage: the pipeline stage that runs, or ran last.
        progress: share of the stages that are done, 0 to 1.
        who: asked for it; "schedule" for those that nobody asked for.
        submitted, started, ended: UTC, ISO 8601; "" where that has not come yet.
        message: why it failed, in one sentence.
        log: the last lines of its log.
        metrics: of what it made: samples and lines of an ingest; rates of a training, and the version it registered.
    """

    id: str
    kind: Kind
    state: State
    stage: str = ""
    progress: float = Field(0.0, ge=0, le=1)
    who: str = ""
    submitted: str = ""
    started: str = ""
    ended: str = ""
    message: str = ""
    log: list[str] = []
    metrics: dict[str, float] = {}


class Schedule(BaseModel):
    """What starts by itself, and when (crontab, UTC)."""

    name: str
    crontab: str
    last: str = ""


class JobList(BaseModel):
    """The newest jobs first, without their logs."""

    jobs: list[Job]
    schedules: list[Schedule]


MOST = 100
SHOWN: tuple[Kind, ...] = ("ingest", "train", "retrain")


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
