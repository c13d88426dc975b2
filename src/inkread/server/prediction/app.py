"""The prediction service: reads pages with the model that is served.

Usage: ``uvicorn.run(prediction_app(load_settings()), port=8300)``
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import structlog
from fastapi import Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from inkread.document import Document, Page, Provenance
from inkread.errors import InkreadError, InputError
from inkread.evaluation.disagreement import Tally
from inkread.formats import FORMATS
from inkread.formats.json import dump
from inkread.reader import flag_lines
from inkread.server.answers import choose_format, file_name, write_answer
from inkread.server.app import create_app, while_connected
from inkread.server.metrics import LINES_FLAGGED, REQUESTS_REJECTED
from inkread.server.prediction.batching import Batcher
from inkread.server.prediction.drift import DriftState
from inkread.server.prediction.forms import TemplateCache, form_routes
from inkread.server.prediction.models import Models, Served
from inkread.server.prediction.pages import kept, page_routes, upload_folder
from inkread.server.prediction.workers import PoolClosedError
from inkread.server.problems import PROBLEMS, ProblemError, problem_response
from inkread.server.settings import Settings
from inkread.server.tokens import AdminCaller, Caller, Identity, identify_caller

FormatName = Literal["txt", "json", "alto", "page", "hocr", "csv", "pdf"]
BODIES: dict[str, dict[str, str]] = {format.media_type.partition(";")[0]: {} for format in FORMATS.values()}


class ServedModel(BaseModel):
    """The model that is served, and the number of the version that reads beside it."""

    name: str
    version: str
    registered: int | None
    sha256: str
    shadow: int | None


class ShadowState(BaseModel):
    """What reads beside the served model here, and how their readings differ.

    Attributes:
        version: that is loaded; None where none is.
        reading: whether it reads.
        champion: the version that is served.
        share: of the pages, that are chosen.
        problem: why it does not read; "" where it does.
        tallies: what was counted, by the process that counted it, see `Shadow.tallies`.
    """

    version: int | None
    reading: bool
    champion: int | None
    share: float
    problem: str
    tallies: dict[str, Tally]


class ReadPages(BaseModel):
    """What the web page shows: the model, the document as JSON, and pictures of its first pages as data URLs."""

    model: str
    document: str
    pictures: list[str]


FilePart = Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF or PDF")]
MinConfidence = Annotated[float | None, Query(ge=0, le=1, description="Flag lines below it")]
MOST_PICTURES = 20


def prediction_app(settings: Settings) -> FastAPI:
    """The application; it can work once its model is loaded."""
    models = Models(settings)
    batcher = Batcher(settings)
    look_at_shadow = asyncio.Event()

    def served() -> Served:
        if models.current is None:
            raise ProblemError(503, "Not Ready", "the model is not loaded yet, try again", {"Retry-After": "2"})
        return models.current

    async def ready() -> str:
        if models.current is None:
            return "the model is not loaded yet"
        return "" if batcher.working and models.current.pool.working else "no worker process is left, they are replaced"

    async def follow() -> None:
        """Load the model, then look for a newer version now and then; a failure is tried again."""
        while True:
            try:
                await asyncio.to_thread(models.refresh)
            except InkreadError as error:
                structlog.get_logger().error("model_not_loaded", detail=str(error))
            look_at_shadow.set()
            await asyncio.sleep(settings.model_poll_seconds)

    async def follow_shadow() -> None:
        """The same for the shadow, apart from it, so that a shadow that does not start holds up no promotion."""
        while True:
            await look_at_shadow.wait()
            look_at_shadow.clear()
            await asyncio.to_thread(models.refresh_shadow)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            following = [asyncio.create_task(task()) for task in (follow, follow_shadow)]
            yield
            for task in following:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await asyncio.to_thread(models.close)

    async def read(
        request: Request,
        who: Identity,
        file: UploadFile,
        pictures: int,
        least: Callable[[Served], float | None],
        language: str | None = None,
    ) -> tuple[Document, list[str], Served, Path]:
        """The document, its pictures, what read it, and where the upload lies until the request ends."""
        model = served()
        if language is not None and language not in model.languages:
            known = ", ".join(model.languages) or "none"
            raise ProblemError(422, "Unprocessable Content", f"language: {language} cannot be named, only: {known}")
        flag_below = least(model)
        batcher.check_room()
        name = file_name(file.filename)
        path = await kept(request, file)
        try:
            pages, shown = await while_connected(request, batcher.read(path, model, who.name, pictures, language))
        except InputError as error:
            REQUESTS_REJECTED.labels("unreadable").inc()
            raise _named(error, name, path) from error
        made = model.provenance if language is None else _with_language(model.provenance, language)
        return Document(_finished(pages, name, flag_below), made), shown, model, path

    app = create_app(
        "prediction",
        settings,
        lifespan=lifespan,
        ready=ready,
        bodies={"/pages": settings.document_mib, "/forms": settings.document_mib},
        summary="Reads handwriting from images and PDFs.",
    )
    admit = Depends(identify_caller)

    @app.exception_handler(PoolClosedError)
    def stopping(request: Request, error: PoolClosedError) -> JSONResponse:
        return problem_response(request, ProblemError(503, "Not Ready", str(error), {"Retry-After": "2"}))

    @app.post(
        "/predict",
        tags=["reading"],
        summary="Read a page or a PDF",
        response_class=Response,
        responses={**PROBLEMS, 200: {"description": "What was read", "content": BODIES}},
        dependencies=[Depends(upload_folder)],
    )
    async def predict(
        request: Request,
        who: Caller,
        file: FilePart,
        format: Annotated[FormatName | None, Query(description="Else Accept decides, else JSON")] = None,
        min_confidence: MinConfidence = None,
        max_cer: Annotated[float | None, Query(gt=0, le=1, description="Flag lines that do not keep this CER")] = None,
        language: Annotated[str | None, Form(description="ISO 639-1; leave it out if several or not known")] = None,
    ) -> Response:
        chosen = choose_format(format, request.headers.get("accept", ""))
        document, _, model, path = await read(
            request, who, file, 0, lambda model: _least_confidence(model, min_confidence, max_cer), language or None
        )
        if chosen.name == "pdf":
            written = await while_connected(request, batcher.write([path], document, chosen.name))
        else:
            written = await asyncio.to_thread(write_answer, document, (), chosen)
        return written.response(model.headers | {"X-Inkread-Pages": str(len(document.pages))})

    @app.post(
        "/read",
        tags=["reading"],
        summary="Read a page or a PDF for the web page",
        responses=PROBLEMS,
        dependencies=[Depends(upload_folder)],
    )
    async def read_pages(
        request: Request, who: Caller, file: FilePart, min_confidence: MinConfidence = None
    ) -> ReadPages:
        document, pictures, model, _ = await read(request, who, file, MOST_PICTURES, lambda _: min_confidence)
        return ReadPages(model=f"{model.name} {model.label}", document=dump(document).decode(), pictures=pictures)

    @app.post(
        "/convert",
        tags=["reading"],
        summary="Write a document that was read, or corrected, in another format",
        response_class=Response,
        responses={**PROBLEMS, 200: {"description": "The document", "content": BODIES}},
        dependencies=[admit, Depends(upload_folder)],
    )
    async def convert(
        request: Request,
        file: Annotated[UploadFile, File(description="The file that was read")],
        document: Annotated[str, Form(description="The document as JSON")],
        format: Annotated[FormatName, Query()] = "txt",
    ) -> Response:
        path = await kept(request, file)
        try:
            written = await while_connected(request, batcher.write([path], document, format))
        except InputError as error:
            raise _named(error, file_name(file.filename), path) from error
        return written.response({})

    @app.get("/model", tags=["models"], summary="The model that is served", responses=PROBLEMS, dependencies=[admit])
    def model() -> ServedModel:
        now = served()
        return ServedModel(
            name=now.name,
            version=now.version,
            registered=now.registered,
            sha256=now.bundle.identity,
            shadow=now.shadow.reader.registered if now.shadow else None,
        )

    @app.post("/model/refresh", tags=["models"], summary="Serve what is promoted now", responses=PROBLEMS)
    async def refresh(_who: AdminCaller) -> ServedModel:
        await asyncio.to_thread(models.refresh)
        look_at_shadow.set()
        return model()

    @app.get("/model/shadow", tags=["models"], summary="What reads beside the served model", responses=PROBLEMS)
    def shadow(_who: AdminCaller) -> ShadowState:
        loaded = served().shadow
        return ShadowState(
            version=loaded.reader.registered if loaded else None,
            reading=loaded is not None and not loaded.problem,
            champion=served().registered,
            share=settings.shadow_share,
            problem=models.shadow_problem,
            tallies=loaded.tallies() if loaded else {},
        )

    @app.get("/model/drift", tags=["models"], summary="How the last pages differ from usual ones", responses=PROBLEMS)
    def drift(_who: AdminCaller) -> DriftState:
        return served().drift.state()

    app.include_router(page_routes(batcher, served))
    app.include_router(form_routes(batcher, served, TemplateCache()))
    app.state.models = models
    return app


def _least_confidence(model: Served, min_confidence: float | None, max_cer: float | None) -> float | None:
    if max_cer is None:
        return min_confidence
    try:
        kept = model.bundle.model.confidence_for(max_cer, language_model=model.uses_language_model)
    except InkreadError as error:
        raise ProblemError(422, "Unprocessable Content", f"max_cer: {error}") from None
    return max(kept, min_confidence or 0.0)


def _with_language(provenance: Provenance, language: str) -> Provenance:
    steps = (
        replace(step, settings={**step.settings, "language": language}) if step.name == "recognition" else step
        for step in provenance.steps
    )
    return replace(provenance, steps=tuple(steps))


def _finished(pages: tuple[Page, ...], name: str, least: float | None) -> tuple[Page, ...]:
    named = tuple(replace(page, source=name) for page in pages)
    if least is None:
        return named
    flagged = tuple(flag_lines(page, least) for page in named)
    LINES_FLAGGED.inc(sum(line.flagged for page in flagged for line in page.lines))
    return flagged


def _named(error: InputError, name: str, path: Path) -> InputError:
    """The error with the name that the client gave the file."""
    text = str(error)
    if text.startswith("document: "):
        return error
    return type(error)(f"{name or 'the upload'}: {text.removeprefix(f'{path}: ')}")
