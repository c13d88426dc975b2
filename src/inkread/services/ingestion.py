"""The ingestion service: makes data sets of archives and folders as jobs.

Usage: ``uvicorn.run(ingestion_app(load_settings()), port=8100)``
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from inkread.data.archives import is_archive
from inkread.errors import OutputError
from inkread.files import replacing
from inkread.services.answers import file_name
from inkread.services.job_app import found, job_app, place_of
from inkread.services.job_models import IngestRequest, Job
from inkread.services.jobs import new_id, submit
from inkread.services.problems import PROBLEMS, ProblemError
from inkread.services.settings import Settings
from inkread.services.tokens import AdminCaller
from inkread.services.workspace import Workspace

UPLOADS = "uploads"


def ingestion_app(settings: Settings) -> FastAPI:
    """The application."""
    app = job_app(
        "ingestion", settings, body_mib=settings.archive_mib, summary="Makes data sets of archives and folders."
    )

    @app.post("/ingest", tags=["jobs"], summary="Make a data set", status_code=202, responses=PROBLEMS)
    async def ingest(
        http: Request,
        response: Response,
        who: AdminCaller,
        file: Annotated[UploadFile | None, File(description="A zip or tar archive of pages")] = None,
        request: Annotated[str, Form(description="An IngestRequest as JSON")] = "{}",
    ) -> Job:
        wanted = _parse(request)
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
        },
    }
