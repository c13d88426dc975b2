"""Jobs as clients see them.

Usage: ``view_job("train-20260131-120000-3f2a", settings)``
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast, get_args

from dbos import DBOS, WorkflowStatus

from inkread.services.job_models import Job, JobList, Kind, Schedule, State
from inkread.services.jobs import SCHEDULED, STATES
from inkread.services.settings import Settings
from inkread.services.workspace import Workspace

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
