"""The gateway's way to the other services: uploads and answers stream through, nothing is kept.

Usage: ``return await Forwarder(settings, client)(request, who, "prediction", "/predict")``
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from inkread.server.app import REQUEST_ID, while_connected
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header

PASSED_ON = ("accept", "content-type", "content-length")
PASSED_BACK = (
    "content-type",
    "content-disposition",
    "retry-after",
    "x-inkread-model",
    "x-inkread-model-hash",
    "x-inkread-model-version",
    "x-inkread-pages",
)
CONNECT_SECONDS = 5.0
PATIENCE = 15.0
"""Seconds that the gateway waits longer than a service may take, so that the service's own answer gets through."""


class Forwarder:
    """Sends requests on in the name of a user.

    Args:
        settings: where the services are and how long they may take.
        client: what sends.
    """

    def __init__(self, settings: Settings, client: httpx2.AsyncClient) -> None:
        self._settings = settings
        self._client = client
        self._timeout = httpx2.Timeout(settings.request_seconds + PATIENCE, connect=CONNECT_SECONDS)

    async def __call__(self, request: Request, who: Identity, service: str, path: str) -> StreamingResponse:
        """Send the request on and its answer back.

        Raises:
            ProblemError: 503 where the service is not there, 499 where the client went away.
        """
        answer = await self.send(request, who, service, path)
        return StreamingResponse(
            _body(answer, service),
            answer.status_code,
            {name: value for name in PASSED_BACK if (value := answer.headers.get(name)) is not None},
            background=BackgroundTask(answer.aclose),
        )

    async def send(self, request: Request, who: Identity, service: str, path: str) -> httpx2.Response:
        """Send the request on; the answer's body has not been read yet and the caller closes it."""
        url = self._settings.service_url(service) + path
        headers = {name: value for name in PASSED_ON if (value := request.headers.get(name)) is not None}
        headers |= service_header(who, self._settings) | {REQUEST_ID: request.state.request_id}
        received = asyncio.Event()
        if request.method != "POST":
            received.set()

        async def body() -> AsyncIterator[bytes]:
            async for chunk in request.stream():
                yield chunk
            received.set()

        sent = self._client.build_request(
            request.method,
            url,
            params=httpx2.QueryParams(str(request.query_params)),
            headers=headers,
            content=body() if request.method == "POST" else None,
            timeout=self._timeout,
        )
        try:
            return await while_connected(request, self._client.send(sent, stream=True), received)
        except httpx2.TransportError as error:
            raise unavailable(service, error) from None


async def _body(answer: httpx2.Response, service: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_bytes():
            yield chunk
    except httpx2.TransportError as error:
        structlog.get_logger().warning("answer_cut_off", service=service, detail=str(error))
        raise


def unavailable(service: str, error: Exception) -> ProblemError:
    """503, to be tried again."""
    structlog.get_logger().warning("service_unavailable", service=service, detail=f"{type(error).__name__}: {error}")
    detail = f"the {service} service is not there at the moment, try again"
    return ProblemError(503, "Service Unavailable", detail, {"Retry-After": "2"})
