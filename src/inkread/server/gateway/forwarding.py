"""The gateway's way to the other services.

Usage: ``return await Forwarder(settings, client, replicas)(request, who, "prediction", "/predict")``

Archives and answers stream through. A page is kept until it is answered, so that it can be sent to another prediction
service where the one that took it dies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO

import httpx2
import structlog
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from inkread.server.app import REQUEST_ID, while_connected
from inkread.server.gateway.replicas import Replica, Replicas
from inkread.server.metrics import PAGES_SENT_AGAIN
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header
from inkread.server.tracing import pass_on

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
PREDICTION = "prediction"
CONNECT_SECONDS = 5.0
PATIENCE = 15.0
"""Seconds that the gateway waits longer than a service may take, so that the service's own answer gets through."""
IN_MEMORY = 2**20
"""Bytes of an upload that are kept in memory; larger ones are kept on the disk."""
HELD_ANSWER = 16 * 2**20
"""Answers up to this size are passed back once they are whole, so that one that is cut off can be asked for again."""
AGAIN_SECONDS = 0.5
CHUNK = 2**16


class _LostError(Exception):
    """A service took a request and died, or gives no sign any more."""


class Forwarder:
    """Sends requests on in the name of a user.

    Args:
        settings: where the services are and how long they may take.
        client: what sends.
        replicas: the prediction services.
    """

    def __init__(self, settings: Settings, client: httpx2.AsyncClient, replicas: Replicas) -> None:
        self._settings = settings
        self._client = client
        self._replicas = replicas
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
        """Send the request on; the caller reads and closes the answer."""
        if service == PREDICTION:
            with SpooledTemporaryFile(IN_MEMORY) as page:
                await self._keep(request, page)
                return await while_connected(request, self._read(request, who, path, page))
        received = asyncio.Event()
        if request.method != "POST":
            received.set()

        async def body() -> AsyncIterator[bytes]:
            async for chunk in request.stream():
                yield chunk
            received.set()

        url = self._settings.service_url(service) + path
        sent = self._build(request, who, url, body() if request.method == "POST" else None)
        try:
            return await while_connected(request, self._client.send(sent, stream=True), received)
        except httpx2.TransportError as error:
            raise unavailable(service, error) from None

    async def _keep(self, request: Request, page: IO[bytes]) -> None:
        most = self._settings.upload_mib * 2**20
        async for chunk in request.stream():
            page.write(chunk)
            if page.tell() > most:
                detail = f"at most {self._settings.upload_mib:g} MiB are read, split the file"
                raise ProblemError(413, "Content Too Large", detail)

    async def _read(self, request: Request, who: Identity, path: str, page: IO[bytes]) -> httpx2.Response:
        """The answer of a prediction service.

        What none accepts is refused at once. What one has accepted is sent to others until it is answered, for as long
        as a request may take.
        """
        deadline = time.monotonic() + self._settings.request_seconds
        accepted = False
        tried: set[Replica] = set()
        refusal: httpx2.Response | ProblemError | None = None
        while True:
            replica = self._replicas.choose(tried)
            if replica is None:
                if not accepted or time.monotonic() > deadline:
                    break
                await asyncio.sleep(AGAIN_SECONDS)
                tried.clear()
                continue
            tried.add(replica)
            try:
                answer = await self._send_to(replica, request, who, path, page)
            except httpx2.ConnectError as error:
                replica.failed()
                refusal = refusal or unavailable(PREDICTION, error)
            except (httpx2.TransportError, _LostError) as error:
                replica.failed()
                accepted = True
                PAGES_SENT_AGAIN.inc()
                refusal = unavailable(PREDICTION, error)
            else:
                if answer.status_code not in (429, 503):
                    return answer
                refusal = answer
        if isinstance(refusal, httpx2.Response):
            return refusal
        assert refusal is not None
        raise refusal

    async def _send_to(
        self, replica: Replica, request: Request, who: Identity, path: str, page: IO[bytes]
    ) -> httpx2.Response:
        """Its answer, whole where it is not large; _LostError where it gives no sign."""

        async def body() -> AsyncIterator[bytes]:
            page.seek(0)
            while chunk := page.read(CHUNK):
                yield chunk

        size = page.seek(0, 2)
        sent = self._build(request, who, replica.url + path, body(), {"content-length": str(size)})

        async def answered() -> httpx2.Response:
            answer = await self._client.send(sent, stream=True)
            if int(answer.headers.get("content-length", HELD_ANSWER + 1)) <= HELD_ANSWER:
                await answer.aread()
            return answer

        with replica.working():
            answering, losing = asyncio.ensure_future(answered()), asyncio.ensure_future(replica.lost.wait())
            try:
                await asyncio.wait({answering, losing}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done():
                    raise _LostError(f"{replica.url} gives no sign")
                return answering.result()
            finally:
                for task in (answering, losing):
                    task.cancel()
                await asyncio.gather(answering, losing, return_exceptions=True)

    def _build(
        self,
        request: Request,
        who: Identity,
        url: str,
        content: AsyncIterator[bytes] | None,
        more: dict[str, str] | None = None,
    ) -> httpx2.Request:
        headers = {name: value for name in PASSED_ON if (value := request.headers.get(name)) is not None}
        headers |= service_header(who, self._settings) | {REQUEST_ID: request.state.request_id} | (more or {})
        pass_on(headers)
        return self._client.build_request(
            request.method,
            url,
            params=httpx2.QueryParams(str(request.query_params)),
            headers=headers,
            content=content,
            timeout=self._timeout,
        )


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
