"""How the gateway has prediction work on what a document keeps.

Usage: ``answer = await prediction.post(owner, "/pages/read", files={"file": ("page", picture)})``
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from inkread.server.gateway.forwarding import CONNECT_SECONDS, unavailable
from inkread.server.gateway.replicas import Replicas
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity, service_header


class Prediction:
    """Calls prediction in the name of a user.

    Args:
        settings: how long it may take.
        client: what sends.
        replicas: where it is.
    """

    def __init__(self, settings: Settings, client: httpx2.AsyncClient, replicas: Replicas) -> None:
        self._settings = settings
        self._client = client
        self._replicas = replicas
        # a batch reads page by page where one of its pages ends the worker, and each may take three times its time
        seconds = settings.request_seconds + 4 * settings.page_seconds
        self._timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)

    async def send(self, who: Identity, path: str, *, stream: bool = False, **body: Any) -> httpx2.Response:
        """Its answer, whatever it says; TransportError where it does not answer."""
        replica = self._replicas.choose(())
        assert replica is not None
        request = self._client.build_request(
            "POST",
            replica.url + path,
            headers=service_header(who, self._settings),
            timeout=self._timeout,
            **body,
        )
        with replica.working():
            try:
                return await self._client.send(request, stream=stream)
            except httpx2.TransportError:
                replica.failed()
                raise

    async def ask(self, who: Identity, path: str, **body: Any) -> httpx2.Response:
        """Its answer to somebody who waits for it.

        Raises:
            ProblemError: what prediction says, or 503 where it does not answer.
        """
        try:
            answer = await self.send(who, path, **body)
        except httpx2.TransportError as error:
            raise unavailable("prediction", error) from None
        if not answer.is_success:
            said = problem_of(answer)
            retry = {name: value for name, value in answer.headers.items() if name == "retry-after"}
            raise ProblemError(answer.status_code, said.title, said.detail, retry)
        return answer

    async def write_pdf(self, document: str, pictures: Sequence[Path], who: Identity, target: Path) -> None:
        """Write a document, as JSON, with pictures of its pages; ProblemError as `ask`."""
        with ExitStack() as stack:
            files = [
                ("file", (str(number), stack.enter_context(path.open("rb")))) for number, path in enumerate(pictures)
            ]
            answer = await self.ask(who, "/pages/write", files=files, data={"document": document})
        target.write_bytes(answer.content)


def problem_of(answer: httpx2.Response) -> ProblemError:
    """What an answer that is no success says."""
    try:
        content = answer.json()
        return ProblemError(answer.status_code, str(content["title"]), str(content["detail"]))
    except (ValueError, KeyError, TypeError):
        return ProblemError(answer.status_code, "Error", f"prediction answered {answer.status_code}")
