"""The gateway: the one public service, which checks who asks and forwards.

Usage: ``uvicorn.run(gateway_app(settings))``
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Annotated, Any

import fastapi_offline
import httpx2
import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.security import OAuth2PasswordRequestForm
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from sqlalchemy.exc import DataError, SQLAlchemyError

from inkread.formats import FORMATS
from inkread.server.app import create_app
from inkread.server.auth import Admin, Gatekeeper, User, client_address
from inkread.server.documents import api as documents
from inkread.server.documents.api import serving_documents
from inkread.server.forms import api as forms
from inkread.server.forms.api import add_forms, form_readers
from inkread.server.gateway import alerts, keys, models, storage
from inkread.server.gateway import users as user_routes
from inkread.server.gateway.forwarding import Forwarder
from inkread.server.gateway.pages import add_pages
from inkread.server.gateway.replicas import Replicas
from inkread.server.jobs.models import (
    DatasetDetails,
    DatasetList,
    DatasetNumber,
    IngestRequest,
    Job,
    JobId,
    JobList,
    TrainRequest,
)
from inkread.server.problems import PROBLEMS, ProblemError, problem_response
from inkread.server.settings import Settings
from inkread.server.users import Users

_FILE = {"type": "string", "format": "binary"}


def _body(media_type: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {media_type: {"schema": schema}}}}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}

PREDICT: dict[str, Any] = {
    "responses": {
        **PROBLEMS,
        200: {
            "description": "What was read",
            "content": {format.media_type.partition(";")[0]: {} for format in FORMATS.values()},
        },
    },
    "openapi_extra": {
        "parameters": [
            _query("format", {"type": "string", "enum": list(FORMATS)}, "Else Accept decides, else JSON"),
            _query("min_confidence", _SHARE, "Flag lines below this confidence"),
            _query("max_cer", _SHARE, "Flag lines that do not keep this character error rate"),
        ],
        **_body(
            "multipart/form-data",
            {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {**_FILE, "description": "PNG, JPEG, WebP, TIFF or PDF"}},
            },
        ),
    },
}
INGEST: dict[str, Any] = {
    "responses": {**PROBLEMS, 202: {"description": "The job", "model": Job}},
    "openapi_extra": _body(
        "multipart/form-data",
        {
            "type": "object",
            "properties": {
                "file": {**_FILE, "description": "Archive of pages; else request.source, else rendered pages"},
                "request": {"type": "string", "description": IngestRequest.__doc__, "examples": ['{"source": ""}']},
            },
        },
        required=False,
    ),
}
TRAIN: dict[str, Any] = {
    "responses": {**PROBLEMS, 202: {"description": "The job", "model": Job}},
    "openapi_extra": _body("application/json", TrainRequest.model_json_schema(), required=False),
}
JOBS: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "Jobs", "model": JobList}}}
DATASETS: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "Versions", "model": DatasetList}}}
DATASET: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "The version", "model": DatasetDetails}}}
JOB: dict[str, Any] = {"responses": {**PROBLEMS, 200: {"description": "The job", "model": Job}}}


DOCS_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'"
)
DOCS_FILES = "/docs/files"


NO_DATABASE = "the database of users cannot be reached, try again"
PAGES_READ = "x-inkread-pages"
SMALL_MIB = 4.0
"""Largest body of what is no upload, which is read into memory before it is known who asks."""
CORRECTION_MIB = 8.0
"""Largest body for a page with its lines; 100 lines take about 0.2."""
PAGES = ("/predict", "/read", "/convert")


class Token(BaseModel):
    """A token and how many seconds it lives."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int


def gateway_app(settings: Settings) -> FastAPI:
    """The application.

    Raises:
        SettingsError: the users' database cannot be opened, or holds a demo user in production.
    """
    users = Users(settings.users_url)
    if settings.development:
        users.add_demo_users()
        structlog.get_logger().warning("demo_users", detail="user1 and admin1 can log in; never do this in production")
    else:
        users.refuse_demo_users()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(limits=limits, trust_env=False) as client,
            Replicas(settings.service_urls("prediction"), client) as replicas,
        ):
            app.state.client = client
            app.state.replicas = replicas
            app.state.forward = Forwarder(settings, client, replicas)
            async with serving_documents(app, settings, client, replicas, form_readers) as kept:
                add_forms(app, kept)
                yield

    async def ready() -> str:
        try:
            await run_in_threadpool(users.check)
        except SQLAlchemyError:
            return NO_DATABASE
        if settings.documents_bucket and (away := await run_in_threadpool(app.state.documents.store.check)):
            return str(away)
        replicas: Replicas = app.state.replicas
        return await replicas.ready()

    app = create_app(
        "gateway",
        settings,
        lifespan=lifespan,
        ready=ready,
        body_mib=SMALL_MIB,
        bodies={
            "/ingest": settings.archive_mib,
            "/documents/": CORRECTION_MIB,
            "/documents": settings.document_mib,
            "/forms": settings.document_mib,
            **dict.fromkeys(PAGES, settings.upload_mib),
        },
        summary="Reads handwriting; keeps data, models and jobs in order.",
        public=True,
    )

    @app.exception_handler(SQLAlchemyError)
    def database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        if isinstance(error, DataError):  # PostgreSQL takes no character with the number 0
            return problem_response(request, ProblemError(422, "Unprocessable Content", "a text has a character 0"))
        structlog.get_logger().error("database", detail=str(error).splitlines()[0])
        return problem_response(request, ProblemError(503, "Service Unavailable", NO_DATABASE, {"Retry-After": "5"}))

    app.state.gatekeeper = Gatekeeper(settings, users)
    app.state.users = users

    @app.post("/token", tags=["users"], summary="Log in", responses=PROBLEMS)
    def token(request: Request, form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
        gatekeeper: Gatekeeper = request.app.state.gatekeeper
        who = gatekeeper.log_in(form.username, form.password, client_address(request))
        return Token(access_token=gatekeeper.token(who), expires_in=int(settings.token_minutes * 60))

    @app.delete("/token", tags=["users"], summary="Log out: the token ends", status_code=204, responses=PROBLEMS)
    def log_out(request: Request, _who: User) -> None:
        gatekeeper: Gatekeeper = request.app.state.gatekeeper
        gatekeeper.log_out(request.headers.get("authorization", "").partition(" ")[2])

    @app.post("/predict", tags=["reading"], summary="Read a page or a PDF", **PREDICT)
    async def predict(request: Request, who: User) -> StreamingResponse:
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > settings.upload_mib * 2**20:
            raise ProblemError(
                413, "Content Too Large", f"at most {settings.upload_mib:g} MiB are read, split the file"
            )
        answer = await _forward(request, who, "prediction", "/predict")
        if who.key is not None:
            await run_in_threadpool(users.keys.count_pages, who.key, int(answer.headers.get(PAGES_READ, "0")))
        return answer

    @app.post("/convert", tags=["reading"], summary="Write a document in another format", responses=PROBLEMS)
    async def convert(request: Request, who: User) -> StreamingResponse:
        return await _forward(request, who, "prediction", "/convert")

    @app.post("/ingest", tags=["jobs"], summary="Make a dataset of an archive", status_code=202, **INGEST)
    async def ingest(request: Request, who: Admin) -> StreamingResponse:
        return await _forward(request, who, "ingestion", "/ingest")

    @app.post("/train", tags=["jobs"], summary="Train, evaluate and register a model", status_code=202, **TRAIN)
    async def train(request: Request, who: Admin) -> StreamingResponse:
        return await _forward(request, who, "training", "/train")

    @app.get("/jobs", tags=["jobs"], summary="The newest jobs and the schedules", **JOBS)
    async def jobs(request: Request, who: Admin) -> StreamingResponse:
        return await _jobs(request, who, "/jobs")

    @app.get("/jobs/{job_id}", tags=["jobs"], summary="How far a job is", **JOB)
    async def job(request: Request, who: Admin, job_id: JobId) -> StreamingResponse:
        return await _jobs(request, who, f"/jobs/{job_id}")

    @app.delete("/jobs/{job_id}", tags=["jobs"], summary="Cancel a job", **JOB)
    async def cancel(request: Request, who: Admin, job_id: JobId) -> StreamingResponse:
        return await _jobs(request, who, f"/jobs/{job_id}")

    @app.get("/datasets", tags=["jobs"], summary="Versions of the data set", **DATASETS)
    async def datasets(request: Request, who: Admin) -> StreamingResponse:
        return await _jobs(request, who, "/datasets")

    @app.get("/datasets/{version}", tags=["jobs"], summary="What is in a version of the data set", **DATASET)
    async def dataset(request: Request, who: Admin, version: DatasetNumber) -> StreamingResponse:
        return await _jobs(request, who, f"/datasets/{version}")

    app.include_router(models.router)
    app.include_router(user_routes.router)
    app.include_router(keys.router)
    app.include_router(storage.router)
    app.include_router(alerts.router)
    app.include_router(documents.router)
    app.include_router(forms.router)
    add_pages(app)
    if app.openapi_url is not None:
        _add_docs(app)
    return app


def _add_docs(app: FastAPI) -> None:
    app.mount(DOCS_FILES, StaticFiles(directory=str(resources.files(fastapi_offline) / "static")))

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url=f"{DOCS_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{DOCS_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{DOCS_FILES}/favicon.png",
        )
        page.headers["Content-Security-Policy"] = DOCS_POLICY
        return page


async def _forward(request: Request, who: User, service: str, path: str) -> StreamingResponse:
    forward: Forwarder = request.app.state.forward
    return await forward(request, who, service, path)


async def _jobs(request: Request, who: User, path: str) -> StreamingResponse:
    """Either job service knows all jobs; the second is asked where the first is not there."""
    try:
        return await _forward(request, who, "training", path)
    except ProblemError as error:
        if error.status != 503:
            raise
        return await _forward(request, who, "ingestion", path)
