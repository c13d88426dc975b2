"""What ingestion and training have in common: they take jobs from one queue and tell how jobs stand.

Usage: ``app = job_app("training", settings)``
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from dbos import DBOS
from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.concurrency import run_in_threadpool

from inkread.services.app import create_app
from inkread.services.job_models import Job, JobList, Kind
from inkread.services.job_views import SHOWN, view_job, view_jobs
from inkread.services.jobs import cancel, count_jobs, running_jobs
from inkread.services.problems import PROBLEMS, ProblemError
from inkread.services.settings import Settings
from inkread.services.tokens import require_admin

JobId = Annotated[str, Path(pattern=r"^[\w-]{1,100}$", examples=["train-20260131-120000-3f2a"])]
ADMIN = Depends(require_admin)
NO_JOB = "there is no such job; GET /jobs lists them"


def job_app(service: str, settings: Settings, *, body_mib: float, summary: str) -> FastAPI:
    """The application, with ``/jobs``."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        jobs = running_jobs(settings, service)
        await run_in_threadpool(jobs.__enter__)
        try:
            yield
        finally:
            await run_in_threadpool(jobs.__exit__, None, None, None)

    async def ready() -> str:
        try:
            await run_in_threadpool(DBOS.list_schedules)
        except Exception as error:  # whichever error the database driver raises
            return f"the database of jobs cannot be reached ({type(error).__name__})"
        return ""

    app = create_app(
        service,
        settings,
        lifespan=lifespan,
        ready=ready,
        before_metrics=count_jobs,
        body_mib=body_mib,
        summary=summary,
    )

    @app.get(
        "/jobs", tags=["jobs"], summary="The newest jobs and the schedules", responses=PROBLEMS, dependencies=[ADMIN]
    )
    def jobs(kind: Annotated[list[Kind] | None, Query(description="Else all but health checks")] = None) -> JobList:
        return view_jobs(settings, tuple(kind) if kind else SHOWN)

    @app.get("/jobs/{job_id}", tags=["jobs"], summary="How far a job is", responses=PROBLEMS, dependencies=[ADMIN])
    def job(job_id: JobId) -> Job:
        return found(job_id, settings)

    @app.delete("/jobs/{job_id}", tags=["jobs"], summary="Cancel a job", responses=PROBLEMS, dependencies=[ADMIN])
    def cancel_job(job_id: JobId) -> Job:
        if found(job_id, settings).state in ("queued", "running"):
            cancel(job_id)
        return found(job_id, settings)

    return app


def found(job_id: str, settings: Settings) -> Job:
    """The job, else 404."""
    job = view_job(job_id, settings)
    if job is None:
        raise ProblemError(404, "Not Found", NO_JOB)
    return job


def place_of(request: Request, job_id: str) -> dict[str, str]:
    """The header that says where a new job can be watched."""
    return {"Location": f"{request.scope.get('root_path', '')}/jobs/{job_id}"}
