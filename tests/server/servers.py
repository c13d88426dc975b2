"""Real servers on free ports of this machine.

Usage: ``with served(app) as url: httpx2.get(url + "/healthz")``
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx2
import uvicorn
from fastapi import FastAPI

from inkread.server.connections import bounded_connections

T = TypeVar("T")


@contextmanager
def served(app: FastAPI, idle_seconds: float = 20.0) -> Iterator[str]:
    """Serve an application, as `inkread serve` does, until the end of the block; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        connections = bounded_connections(idle_seconds)
        server = uvicorn.Server(uvicorn.Config(app, http=connections, log_config=None, lifespan="on"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_until_ready(url: str, seconds: float = 120, path: str = "/readyz") -> None:
    """Return once ``path`` answers 200; a gateway without the other services is only alive (``/healthz``)."""
    deadline = time.monotonic() + seconds
    while httpx2.get(f"{url}{path}", trust_env=False, timeout=seconds).status_code != 200:
        assert time.monotonic() < deadline, f"{url} does not get ready"
        time.sleep(0.05)


def when(condition: Callable[[], T | None], seconds: float = 120) -> T:
    """What a condition gives, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
