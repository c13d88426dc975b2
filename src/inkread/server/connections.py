"""Connections on which nothing comes, or not the end of a request's head, are closed.

Usage: ``uvicorn.run(app, http=bounded_connections(seconds=20))``

uvicorn bounds only the pause between two requests. Its parser h11 bounds the size of a head (64 KiB); the other one,
httptools, does not, so it is not used even where it is installed. Bodies are bounded in `inkread.server.app`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def bounded_connections(seconds: float) -> type[asyncio.Protocol]:
    """A class of connections whose heads may take so many seconds, from the first byte or the connection on."""

    class Bounded(H11Protocol):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._head_timer = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:  # the head is there, or the connection is closed
                self._end_head_timer()
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_head_timer()
            super().connection_lost(exc)

        def _end_head_timer(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

    return Bounded
