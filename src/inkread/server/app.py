"""What every service is: health, metrics, request ids, bounds of bodies.

Usage: ``create_app("gateway", settings, lifespan)``
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkread.server.metrics import HTTP_REQUESTS, HTTP_SECONDS, REQUESTS_REJECTED, method_label, prepare_handler
from inkread.server.problems import PROBLEMS, ProblemError, add_problem_handlers, problem_response
from inkread.server.settings import Settings
from inkread.server.tracing import end_span, request_span

REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make browsers send our own forms with Origin: null
    "Cache-Control": "no-store",
}
CLIENT_GONE = 499
UNMATCHED = "unmatched"
SLOWEST = 1024
"""Bytes a second that a client has to send on average, so that none holds a connection with a byte now and then."""
QUIET_PATHS = {"/healthz", "/readyz", "/metrics"}


class RequestContext:
    """Gives each request an id, the client's where it is a plain one; logs and counts it; answers bugs with 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if SAFE_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if cookie := scope["state"].get("cookie"):  # the session was renewed
                    headers.append("Set-Cookie", cookie)
            await send(message)

        begun = time.perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            request_span(scope["method"], Headers(scope=scope), request_id) as span,
        ):
            try:
                await self.app(scope, receive, send_marked)
            except ClientDisconnect:
                status = CLIENT_GONE
                scope["state"]["outcome"] = "the client went away"
            except Exception as error:
                structlog.get_logger().error("unexpected", path=scope["path"], exc_info=error)
                if started:
                    raise
                detail = "this is a bug in Inkread, report it with the request id"
                problem = problem_response(Request(scope), ProblemError(500, "Internal Server Error", detail))
                await problem(scope, receive, send_marked)
            finally:
                self._record(scope, status, time.perf_counter() - begun)
                end_span(span, route_of(scope), status, scope["state"].get("user", ""))

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        handler = route_of(scope)
        HTTP_REQUESTS.labels(handler, method_label(scope["method"]), f"{status // 100}xx").inc()
        HTTP_SECONDS.labels(handler).observe(seconds)
        if handler not in QUIET_PATHS:
            state = scope["state"]
            structlog.get_logger().info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                outcome=state.get("outcome", "answered"),
                user=state.get("user", ""),
                size=state.get("size", 0),
                seconds=round(seconds, 4),
            )


def route_of(scope: Scope) -> str:
    """The pattern of the route that a request took, one of a closed set."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))


class KnownHosts:
    """Answers 400 to requests under a host name that is not ours, so that none gets into links or caches.

    Args:
        app: what to protect.
        hosts: names without port; ``*.example.org`` for all below one.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in QUIET_PATHS or self._known(Headers(scope=scope).get("host", "")):
            await self.app(scope, receive, send)
            return
        problem = ProblemError(400, "Bad Request", "this service is not known under this host name")
        await problem_response(Request(scope), problem)(scope, receive, send)

    def _known(self, host: str) -> bool:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return any(fnmatchcase(name.lower(), known.lower()) for known in self.hosts)


class BodyBounds:
    """Refuses bodies that are too large (413) or that stop coming (408), before they are kept anywhere.

    Args:
        app: what to protect.
        most_bytes: of a body.
        idle_seconds: longest time without a byte, and of waiting for a body beyond what it takes at `SLOWEST`.
        others: most bytes where the path begins so; the first that fits counts.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, idle_seconds: float, others: Mapping[str, int]) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.idle_seconds = idle_seconds
        self.others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        most_bytes = next(
            (most for prefix, most in self.others.items() if scope["path"].startswith(prefix)), self.most_bytes
        )
        if announced.isdigit() and int(announced) > most_bytes:
            await problem_response(Request(scope), self._too_large(most_bytes))(scope, receive, send)
            return
        taken, waited, whole = 0, 0.0, False

        async def bounded() -> Message:
            nonlocal taken, waited, whole
            if whole:
                return await receive()
            begun = time.monotonic()
            left = self.idle_seconds + taken / SLOWEST - waited
            try:
                message = await asyncio.wait_for(receive(), min(left, self.idle_seconds))
            except TimeoutError:
                REQUESTS_REJECTED.labels("timed_out").inc()
                raise HTTPException(408, "the upload stopped or comes too slowly, send it again") from None
            taken += len(message.get("body", b""))
            waited += time.monotonic() - begun
            scope["state"]["size"] = taken
            whole = not message.get("more_body", False)
            if taken > most_bytes:
                problem = self._too_large(most_bytes)
                raise HTTPException(problem.status, problem.detail)
            return message

        await self.app(scope, bounded, send)

    def _too_large(self, most_bytes: int) -> ProblemError:
        REQUESTS_REJECTED.labels("too_large").inc()
        detail = f"the upload is larger than the {most_bytes / 2**20:g} MiB that are taken, split it"
        return ProblemError(413, "Content Too Large", detail)


Result = TypeVar("Result")


async def while_connected(
    request: Request, work: Coroutine[Any, Any, Result], received: asyncio.Event | None = None
) -> Result:
    """``await while_connected(request, work)``: the result of work that is dropped where the client goes away.

    Args:
        request: what is answered.
        work: its answer.
        received: set once the body is there; None where it is already.

    Raises:
        ProblemError: 499 where the client went away.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_leaving(request, received))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ProblemError(CLIENT_GONE, "Client Gone", "the client went away before it was answered")
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _leaving(request: Request, received: asyncio.Event | None) -> None:
    if received is not None:
        await received.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
    bodies: Mapping[str, float] | None = None,
    summary: str = "",
    public: bool = False,
) -> FastAPI:
    """An application with ``/healthz`` and ``/readyz``, and ``/metrics`` and ``/openapi.json`` where they may be seen.

    Args:
        service: its name.
        settings: bounds of uploads.
        lifespan: what it opens at start and closes at the end.
        ready: "" where it can work, else the reason why not, in one sentence.
        before_metrics: sets gauges that are read from elsewhere.
        body_mib: largest body; ``settings.upload_mib`` where not given.
        bodies: largest body, in MiB, where the path begins so; the first that fits counts.
        summary: what it is for, in its documentation.
        public: whether everybody reaches it; then the settings say what besides its work it shows.
    """
    inside = settings.development or not public

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
        openapi_url="/openapi.json" if inside or settings.public_docs else None,
    )
    app.state.settings = settings
    most_bytes = int((body_mib or settings.upload_mib) * 2**20)
    bounds = {prefix: int(mib * 2**20) for prefix, mib in (bodies or {}).items()}
    app.add_middleware(BodyBounds, most_bytes=most_bytes, idle_seconds=settings.idle_seconds, others=bounds)
    if public and settings.allowed_hosts:
        app.add_middleware(KnownHosts, hosts=settings.allowed_hosts)
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

    def metrics() -> Response:
        before_metrics()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    if inside or settings.public_metrics:
        shown = app.get("/metrics", tags=["operation"], summary="Metrics for Prometheus", response_class=Response)
        shown(metrics)
    return app


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield
