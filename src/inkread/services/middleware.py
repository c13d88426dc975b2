"""What happens around every request: an id, a log line, metrics, safe headers, bounds on the body.

Usage: ``app.add_middleware(BodyBounds, most_bytes=2**20, idle_seconds=20); app.add_middleware(RequestContext)``
"""

from __future__ import annotations

import asyncio
import re
import time
from uuid import uuid4

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inkread.monitoring.metrics import HTTP_REQUESTS, HTTP_SECONDS, REQUESTS_REJECTED
from inkread.services.problems import ProblemError, problem_response

REQUEST_ID = "X-Request-ID"
SAFE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make browsers send our own forms with Origin: null
    "Cache-Control": "no-store",
}
UNMATCHED = "unmatched"
QUIET = {"/healthz", "/readyz", "/metrics"}


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
            await send(message)

        begun = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_marked)
            except Exception as error:
                structlog.get_logger().error("unexpected", path=scope["path"], exc_info=error)
                if started:
                    raise
                detail = "this is a bug in Inkread, report it with the request id"
                problem = problem_response(Request(scope), ProblemError(500, "Internal Server Error", detail))
                await problem(scope, receive, send_marked)
            finally:
                self._record(scope, status, time.perf_counter() - begun)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        handler = str(getattr(scope.get("route"), "path", UNMATCHED))
        HTTP_REQUESTS.labels(handler, scope["method"], f"{status // 100}xx").inc()
        HTTP_SECONDS.labels(handler).observe(seconds)
        if handler not in QUIET:
            structlog.get_logger().info(
                "request", method=scope["method"], path=scope["path"], status=status, seconds=round(seconds, 4)
            )


class BodyBounds:
    """Refuses bodies that are too large (413) or that stop coming (408), before they are kept anywhere.

    Args:
        app: what to protect.
        most_bytes: of a body.
        idle_seconds: longest time without a byte.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, idle_seconds: float) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.idle_seconds = idle_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self.most_bytes:
            await problem_response(Request(scope), self._too_large())(scope, receive, send)
            return
        taken, whole = 0, False

        async def bounded() -> Message:
            nonlocal taken, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.idle_seconds)
            except TimeoutError:
                REQUESTS_REJECTED.labels("timed_out").inc()
                raise HTTPException(408, "the upload stopped, send it again") from None
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > self.most_bytes:
                problem = self._too_large()
                raise HTTPException(problem.status, problem.detail)
            return message

        await self.app(scope, bounded, send)

    def _too_large(self) -> ProblemError:
        REQUESTS_REJECTED.labels("too_large").inc()
        detail = f"the upload is larger than the {self.most_bytes / 2**20:g} MiB that are taken, split it"
        return ProblemError(413, "Content Too Large", detail)
