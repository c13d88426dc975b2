"""Work on several items side by side, with the results in order.

Usage: ``for page in Workers(2).map(prepare, images): ...``

Threads are enough here: the networks and OpenCV release Python's lock while they compute.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


class Workers:
    """Threads that several maps may share.

    Args:
        threads: calls that run at a time; None takes the processors this process may use. 1 works in the caller's
            thread, when it asks for the next result.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_processors()
        self._pool = ThreadPoolExecutor(self.threads, "inkread") if self.threads > 1 else None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """``map(function, items)`` that goes on while the caller works on a result, a few items ahead of it.

        An item's exception is raised in its place; what was begun after it is finished and dropped.
        """
        if self._pool is None:
            yield from map(function, items)
            return
        begun: deque[Future[Result]] = deque()
        for item in items:
            begun.append(self._pool.submit(function, item))
            if len(begun) > self.threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
