"""The prediction service: reads pages with the model that is served.

Usage: ``uvicorn.run(prediction_app(load_settings()), port=8300)``
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Annotated, Literal

import structlog
from fastapi import Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel

from inkread.document import Document, Page
from inkread.errors import InkreadError, InputError
from inkread.formats import FORMATS
from inkread.formats.json import load as load_document
from inkread.reader import flag_lines
from inkread.server.answers import answer, choose_format, file_name
from inkread.server.app import create_app
from inkread.server.metrics import LINES_FLAGGED, REQUESTS_REJECTED
from inkread.server.prediction.batching import Batcher
from inkread.server.prediction.models import Models, Served, upload_limits
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import AdminCaller, identify_caller

FormatName = Literal["txt", "json", "alto", "page", "hocr", "pdf"]
BODIES: dict[str, dict[str, str]] = {format.media_type.partition(";")[0]: {} for format in FORMATS.values()}


class ServedModel(BaseModel):
    """The model that is served."""

    name: str
    version: str
    registered: int | None


def prediction_app(settings: Settings) -> FastAPI:
    """The application; it can work once its model is loaded."""
    models = Models(settings)
    batcher = Batcher(settings.queue_pages, settings.batch_pages)
    limits = upload_limits(settings)

    def served() -> Served:
        if models.current is None:
            raise ProblemError(503, "Not Ready", "the model is not loaded yet, try again", {"Retry-After": "2"})
        return models.current

    async def ready() -> str:
        return "" if models.current is not None else "the model is not loaded yet"

    async def follow() -> None:
        """Load the model, then look for a newer version now and then; a failure is tried again."""
        while True:
            try:
                await asyncio.to_thread(models.refresh)
            except InkreadError as error:
                structlog.get_logger().error("model_not_loaded", detail=str(error))
            await asyncio.sleep(settings.model_poll_seconds)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(follow())
        async with batcher:
            yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    app = create_app(
        "prediction", settings, lifespan=lifespan, ready=ready, summary="Reads handwriting from images and PDFs."
    )
    admit = Depends(identify_caller)

    @app.post(
        "/predict",
        tags=["reading"],
        summary="Read a page or a PDF",
        response_class=Response,
        responses={**PROBLEMS, 200: {"description": "What was read", "content": BODIES}},
        dependencies=[admit],
    )
    async def predict(
        request: Request,
        file: Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF or PDF")],
        format: Annotated[FormatName | None, Query(description="Else Accept decides, else JSON")] = None,
        min_confidence: Annotated[float | None, Query(ge=0, le=1, description="Flag lines below it")] = None,
        max_cer: Annotated[float | None, Query(gt=0, le=1, description="Flag lines that do not keep this CER")] = None,
    ) -> Response:
        model = served()
        chosen = choose_format(format, request.headers.get("accept", ""))
        least = _least_confidence(model, min_confidence, max_cer)
        batcher.check_room()
        data = await file.read()
        try:
            async with asyncio.timeout(settings.request_seconds):
                pages = await batcher.read(data, model, limits)
        except TimeoutError:
            REQUESTS_REJECTED.labels("timed_out").inc()
            detail = f"reading took longer than {settings.request_seconds:g} seconds, send fewer pages"
            raise ProblemError(504, "Timed Out", detail) from None
        except InputError as error:
            REQUESTS_REJECTED.labels("unreadable").inc()
            raise _named(error, file_name(file.filename)) from error
        document = Document(_finished(pages, file_name(file.filename), least), model.reader.provenance)
        return await asyncio.to_thread(answer, document, data, chosen, limits, model.headers)

    @app.post(
        "/convert",
        tags=["reading"],
        summary="Write a document that was read, or corrected, in another format",
        response_class=Response,
        responses={**PROBLEMS, 200: {"description": "The document", "content": BODIES}},
        dependencies=[admit],
    )
    async def convert(
        file: Annotated[UploadFile, File(description="The file that was read")],
        document: Annotated[str, Form(description="The document as JSON")],
        format: Annotated[FormatName, Query()] = "txt",
    ) -> Response:
        try:
            parsed = load_document(document.encode())
        except ValueError as error:
            raise ProblemError(422, "Unprocessable Content", f"document: {error}") from None
        data = await file.read()
        return await asyncio.to_thread(answer, parsed, data, FORMATS[format], limits, {})

    @app.get("/model", tags=["models"], summary="The model that is served", responses=PROBLEMS, dependencies=[admit])
    def model() -> ServedModel:
        now = served()
        return ServedModel(name=now.name, version=now.version, registered=now.registered)

    @app.post("/model/refresh", tags=["models"], summary="Serve what is promoted now", responses=PROBLEMS)
    def refresh(_who: AdminCaller) -> ServedModel:
        models.refresh()
        return model()

    app.state.models = models
    return app


def _least_confidence(model: Served, min_confidence: float | None, max_cer: float | None) -> float | None:
    if max_cer is None:
        return min_confidence
    reader = model.reader
    try:
        kept = reader.bundle.model.confidence_for(max_cer, language_model=reader.uses_language_model)
    except InkreadError as error:
        raise ProblemError(422, "Unprocessable Content", f"max_cer: {error}") from None
    return max(kept, min_confidence or 0.0)


def _finished(pages: tuple[Page, ...], name: str, least: float | None) -> tuple[Page, ...]:
    named = tuple(replace(page, source=name) for page in pages)
    if least is None:
        return named
    flagged = tuple(flag_lines(page, least) for page in named)
    LINES_FLAGGED.inc(sum(line.flagged for page in flagged for line in page.lines))
    return flagged


def _named(error: InputError, name: str) -> InputError:
    text = str(error).removeprefix("the input: ")
    return type(error)(f"{name or 'the upload'}: {text}")
