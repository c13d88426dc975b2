"""What all services have in common: health, metrics, problems, request ids, documentation.

Usage: ``app = create_app("prediction", settings, ready=ready, lifespan=lifespan)``
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from inkread.monitoring.metrics import prepare_handler
from inkread.services.middleware import UNMATCHED, BodyBounds, RequestContext
from inkread.services.problems import PROBLEMS, ProblemError, add_problem_handlers
from inkread.services.settings import Settings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Ready = Callable[[], Awaitable[str]]


class Health(BaseModel):
    """The service is alive, or can work."""

    status: str = "ok"


async def always_ready() -> str:
    """For a service that waits for nothing."""
    return ""


def create_app(
    service: str,
    settings: Settings,
    *,
    lifespan: Lifespan | None = None,
    ready: Ready = always_ready,
    before_metrics: Callable[[], None] = lambda: None,
    body_mib: float | None = None,
    summary: str = "",
) -> FastAPI:
    """An application with ``/healthz``, ``/readyz``, ``/metrics`` and ``/openapi.json``.

    Args:
        service: its name.
        settings: bounds of uploads.
        lifespan: what it opens at start and closes at the end.
        ready: "" where it can work, else the reason why not, in one sentence.
        before_metrics: sets gauges that are read from elsewhere.
        body_mib: largest body; ``settings.upload_mib`` where not given.
        summary: what it is for, in its documentation.
    """

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        for route in app.routes:
            if isinstance(route, APIRoute):
                prepare_handler(route.path, frozenset(route.methods or ()))
        prepare_handler(UNMATCHED, frozenset({"GET", "POST"}))
        async with (lifespan or _nothing)(app):
            yield

    app = FastAPI(
        title=f"Inkread {service}",
        version=version("inkread"),
        summary=summary,
        lifespan=run,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    most_bytes = int((body_mib or settings.upload_mib) * 2**20)
    app.add_middleware(BodyBounds, most_bytes=most_bytes, idle_seconds=settings.idle_seconds)
    app.add_middleware(RequestContext)
    add_problem_handlers(app)

    @app.get("/healthz", tags=["operation"], summary="Is the process alive?")
    async def healthz() -> Health:
        return Health()

    @app.get("/readyz", tags=["operation"], summary="Can it work?", responses={503: PROBLEMS[503]})
    async def readyz() -> Health:
        if reason := await ready():
            raise ProblemError(503, "Not Ready", reason, {"Retry-After": "2"})
        return Health(status="ready")

    @app.get("/metrics", tags=["operation"], summary="Metrics for Prometheus", response_class=Response)
    def metrics() -> Response:
        before_metrics()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield
