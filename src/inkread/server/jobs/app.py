"""The jobs service, run twice: ingestion takes data, training takes trainings.

Usage: ``uvicorn.run(ingestion_app(settings))``
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from dbos import DBOS
from fastapi import Body, Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from inkread.errors import OutputError
from inkread.io.archives import is_archive
from inkread.io.files import replacing
from inkread.server.answers import file_name
from inkread.server.app import create_app
from inkread.server.jobs.datasets import dataset_details, dataset_versions
from inkread.server.jobs.models import (
    SHOWN,
    DatasetDetails,
    DatasetList,
    DatasetNumber,
    IngestRequest,
    Job,
    JobId,
    JobList,
    Kind,
    TrainRequest,
)
from inkread.server.jobs.workflows import (
    UPLOADS,
    cancel,
    count_jobs,
    new_id,
    running_jobs,
    submit,
    view_job,
    view_jobs,
)
from inkread.server.jobs.workspace import CORRECTIONS, NEWEST, Workspace
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import AdminCaller, require_admin

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

    @app.get("/datasets", tags=["jobs"], summary="Versions of the data set", responses=PROBLEMS, dependencies=[ADMIN])
    def datasets() -> DatasetList:
        return dataset_versions(Workspace(settings.home))

    @app.get(
        "/datasets/{version}", tags=["jobs"], summary="What is in a version", responses=PROBLEMS, dependencies=[ADMIN]
    )
    def dataset(version: DatasetNumber) -> DatasetDetails:
        details = dataset_details(Workspace(settings.home), version)
        if details is None:
            raise ProblemError(404, "Not Found", f"there is no version {version} of the data set")
        return details

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


def ingestion_app(settings: Settings) -> FastAPI:
    """The application."""
    app = job_app(
        "ingestion", settings, body_mib=settings.archive_mib, summary="Makes datasets of archives and folders."
    )

    @app.post("/ingest", tags=["jobs"], summary="Make a dataset", status_code=202, responses=PROBLEMS)
    async def ingest(
        http: Request,
        response: Response,
        who: AdminCaller,
        file: Annotated[UploadFile | None, File(description="A zip or tar archive of pages")] = None,
        request: Annotated[str, Form(description="An IngestRequest as JSON")] = "{}",
    ) -> Job:
        wanted = _parse(request)
        if (wanted.add or wanted.corrections) and file is None and not wanted.source:
            # else rendered pages would stand beside real ones
            detail = "request: add and corrections need pages that they are added to, send a file or name a source"
            raise ProblemError(422, "Unprocessable Content", detail)
        job = new_id("ingest")
        if file is not None:
            source = await run_in_threadpool(_keep, file, settings.home / UPLOADS / job)
        else:
            source = _allowed(wanted.source, settings) if wanted.source else ""
        try:
            changes = _changes(wanted, source)
            await run_in_threadpool(Workspace(settings.home).parameters, changes)
            await run_in_threadpool(submit, "ingest", changes, who.name, job)
        except BaseException:
            shutil.rmtree(settings.home / UPLOADS / job, ignore_errors=True)
            raise
        response.headers.update(place_of(http, job))
        return await run_in_threadpool(found, job, settings)

    return app


def _parse(text: str) -> IngestRequest:
    try:
        return IngestRequest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("request", *(str(part) for part in first["loc"])))
        raise ProblemError(422, "Unprocessable Content", f"{place}: {first['msg']}") from None


def _keep(file: UploadFile, folder: Path) -> str:
    """Store an upload under its last name; what is no archive is refused and removed."""
    path = folder / (file_name(file.filename) or "upload")
    try:
        with replacing(path) as stream:
            shutil.copyfileobj(file.file, stream)
        if not (is_archive(path) and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))):
            raise ProblemError(
                415, "Unsupported Media Type", f"{path.name}: this is no .zip, .tar, .tgz, .tar.xz or .tar.bz2 archive"
            )
    except (OutputError, ProblemError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return str(path)


def _allowed(source: str, settings: Settings) -> str:
    path = Path(source).resolve()
    if not any(path.is_relative_to(folder.resolve()) for folder in settings.ingest_folders):
        detail = "this path is not below one of the server's INKREAD_INGEST_FOLDERS"
        raise ProblemError(422, "Unprocessable Content", detail)
    if not path.exists():
        raise ProblemError(422, "Unprocessable Content", "there is no such file or folder on the server")
    return str(path)


def _changes(wanted: IngestRequest, source: str) -> dict[str, Any]:
    return {
        "extract_raw_data": {"source": source, "writers": wanted.writers, "forms": wanted.forms},
        "load_dataset": {
            "format": wanted.format,
            "source": wanted.name,
            "licence": wanted.licence,
            "language": wanted.language,
            # the corrections first: of two samples of one name the first is taken
            "add": [CORRECTIONS] * wanted.corrections + [NEWEST] * wanted.add,
        },
    }


BODY_MIB = 1.0
CLOSED = {"extract_raw_data", "load_dataset", "register_model"}
STARTS = ("bundled", None)


def training_app(settings: Settings) -> FastAPI:
    """The application."""
    app = job_app("training", settings, body_mib=BODY_MIB, summary="Trains, evaluates and registers models.")

    @app.post("/train", tags=["jobs"], summary="Train a model", status_code=202, responses=PROBLEMS)
    def train(
        request: Request, response: Response, who: AdminCaller, wanted: Annotated[TrainRequest | None, Body()] = None
    ) -> Job:
        changes = (wanted or TrainRequest()).params
        _refuse_closed(changes)
        Workspace(settings.home).parameters(changes)
        job = submit("train", changes, who.name)
        response.headers.update(place_of(request, job))
        return found(job, settings)

    return app


def _refuse_closed(changes: dict[str, dict[str, object]]) -> None:
    """What names files or servers is the operator's to set, not a client's."""
    if closed := sorted(CLOSED & set(changes)):
        raise ProblemError(422, "Unprocessable Content", f"{closed[0]} cannot be set here; POST /ingest chooses data")
    recognizer = changes.get("build_train_cnn", {}).get("recognizer", {})
    start = recognizer.get("start", "bundled") if isinstance(recognizer, dict) else "bundled"
    if start not in STARTS:
        raise ProblemError(422, "Unprocessable Content", "start is bundled, or null for random weights")
