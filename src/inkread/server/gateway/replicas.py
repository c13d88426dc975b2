"""Several prediction services behind one gateway: which are well, which has least to do, and what was sent to whom.

Usage: ``async with Replicas(urls, client) as replicas: replica = replicas.choose(set())``

Each is asked every two seconds whether it can work. One that a connection failed to is left alone until it answers
again. One that gives no sign for 20 seconds is lost: what was sent to it is sent to another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx2
import structlog

PROBE_SECONDS = 2.0
LOST_SECONDS = 20.0


@dataclass(slots=True, eq=False)
class Replica:
    """One prediction service.

    Attributes:
        url: where it is.
        well: whether the last thing heard of it was good.
        requests: what it is working on.
        lost: set while it gives no sign.
        heard: when it last answered anything, on the clock of `time.monotonic`.
    """

    url: str
    well: bool = True
    requests: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = field(default_factory=time.monotonic)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count a request."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    def answered(self, well: bool) -> None:
        """Note a sign of life, and whether it can work."""
        if well != self.well:
            structlog.get_logger().info("replica", url=self.url, well=well)
        self.well, self.heard = well, time.monotonic()
        self.lost.clear()

    def failed(self) -> None:
        """Note that a connection to it failed."""
        if self.well:
            structlog.get_logger().warning("replica", url=self.url, well=False)
        self.well = False


class Replicas:
    """The prediction services of a gateway, watched until the end of the block.

    Args:
        urls: where they are.
        client: what asks them.
    """

    def __init__(self, urls: Collection[str], client: httpx2.AsyncClient) -> None:
        self._replicas = [Replica(url) for url in urls]
        self._client = client
        self._ended = False

    async def __aenter__(self) -> Replicas:
        """Begin to watch."""
        self._watching = asyncio.gather(*(self._watch(replica) for replica in self._replicas))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Watch no longer."""
        self._ended = True  # where a request that is cancelled ends otherwise, the loop does nevertheless
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching

    def choose(self, tried: Collection[Replica]) -> Replica | None:
        """Of those not tried the one with least to do, preferably one that is well; None where none is left."""
        left = [replica for replica in self._replicas if replica not in tried]
        return min(left, key=lambda replica: (not replica.well, replica.requests), default=None)

    async def ready(self) -> str:
        """ "" where one of them can read now, else why not."""
        answers = await asyncio.gather(*(self._probe(replica) for replica in self._replicas))
        if any(answers):
            return ""
        return "the prediction service cannot read yet" if False in answers else "the prediction service is not there"

    async def _watch(self, replica: Replica) -> None:
        while not self._ended:
            if await self._probe(replica) is None and time.monotonic() - replica.heard > LOST_SECONDS:
                replica.lost.set()
            await asyncio.sleep(PROBE_SECONDS)

    async def _probe(self, replica: Replica) -> bool | None:
        """Whether it can work; None where it does not answer."""
        try:
            answer = await self._client.get(f"{replica.url}/readyz", timeout=PROBE_SECONDS)
        except httpx2.TransportError:
            replica.failed()
            return None
        replica.answered(answer.is_success)
        return answer.is_success
