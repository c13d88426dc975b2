"""Pools of worker processes, which are replaced when a file ends one; see `inkread.worker_process`.

Usage: ``pool = Pool("decoder", 2, nothing, Bounds(seconds=20, mib=2048)); pool.start(); await pool.run(count, path)``
"""

from __future__ import annotations

import logging
import queue
import threading
from asyncio import get_running_loop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog

from inkread.errors import InkreadError
from inkread.server.logs import configure_logs
from inkread.server.metrics import WORKERS_REPLACED
from inkread.worker_process import Bounds, Call, Prepare, WorkerLostError, WorkerProcess

RETRY_SECONDS = 5.0
PRELOAD = ("inkread.server.prediction.tasks",)


class PoolClosedError(InkreadError):
    """A call was begun or under way when its pool was closed."""

    def __init__(self) -> None:
        super().__init__("the service is stopping, try again")


def no_state() -> None:
    """For workers that prepare nothing."""


class Pool:
    """Worker processes of one kind; calls are served first come first.

    Args:
        name: of the kind, for logs and metrics.
        workers: how many.
        prepare: makes in each worker what its calls get as their first argument; a module-level function or partial.
        bounds: of each item of a call.
    """

    def __init__(self, name: str, workers: int, prepare: Prepare, bounds: Bounds) -> None:
        self.name = name
        self.workers = workers
        self._prepare = prepare
        self._bounds = bounds
        self._threads = ThreadPoolExecutor(workers, name)
        self._idle: queue.SimpleQueue[WorkerProcess | None] = queue.SimpleQueue()
        self._alive: set[WorkerProcess] = set()
        self._closed = threading.Event()

    def start(self) -> None:
        """Start all workers.

        Raises:
            InkreadError: what ``prepare`` raised; no worker is left then.
        """
        try:
            for worker in list(self._threads.map(self._start, range(self.workers))):
                self._idle.put(worker)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all workers at once."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._idle.put(None)  # ends the wait of calls that have no worker yet
        for worker in list(self._alive):
            self._end(worker)

    @property
    def working(self) -> bool:
        """Whether at least one worker is there."""
        return bool(self._alive)

    async def run(
        self, call: Call, *arguments: Any, weight: int = 1, on_item: Callable[[Any], None] | None = None
    ) -> Any:
        """Run a call and return the last item that it yields.

        Args:
            call: generator function of a module; it gets what ``prepare`` made, then the arguments.
            arguments: of the call; they and the items must be picklable.
            weight: how many times the bound of time an item may take.
            on_item: called in the event loop with each item as it comes.

        Raises:
            WorkerLostError: the call exceeded the bounds or ended its worker.
            PoolClosedError: the pool was closed.
            InkreadError: what the call raised.
        """
        loop = get_running_loop()

        def tell(item: Any) -> None:
            if on_item is not None:
                loop.call_soon_threadsafe(on_item, item)

        return await loop.run_in_executor(self._threads, self._call, call, arguments, weight, tell)

    def call(self, call: Call, *arguments: Any) -> Any:
        """``run`` for callers outside the event loop."""
        return self._call(call, arguments, 1, lambda _item: None)

    def _call(self, call: Call, arguments: tuple[Any, ...], weight: int, tell: Callable[[Any], None]) -> Any:
        worker = self._idle.get()
        if worker is None:
            self._idle.put(None)
            raise PoolClosedError
        last = None
        try:
            for last in worker.call(call, *arguments, weight=weight):
                tell(last)
        except BaseException as error:
            if isinstance(error, InkreadError) and not isinstance(error, WorkerLostError):
                self._idle.put(worker)
            else:  # nobody knows what it would answer next
                WORKERS_REPLACED.labels(self.name).inc()
                structlog.get_logger().warning("worker_replaced", pool=self.name, detail=str(error))
                self._end(worker)
                threading.Thread(target=self._replace, daemon=True).start()
            if self._closed.is_set():
                raise PoolClosedError from error
            raise
        self._idle.put(worker)
        return last

    def _start(self, _number: int = 0) -> WorkerProcess:
        prepare = partial(_prepared, self.name, self._prepare)
        worker = WorkerProcess(self.name, prepare, self._bounds, PRELOAD)
        self._alive.add(worker)
        try:
            worker.wait_until_started()
        except BaseException:
            self._end(worker)
            raise
        if self._closed.is_set():
            self._end(worker)
        return worker

    def _replace(self) -> None:
        while not self._closed.is_set():
            try:
                self._idle.put(self._start())
                return
            except Exception as error:
                structlog.get_logger().error("worker_not_started", pool=self.name, exc_info=error)
                self._closed.wait(RETRY_SECONDS)

    def _end(self, worker: WorkerProcess) -> None:
        self._alive.discard(worker)
        worker.kill()


def _prepared(name: str, prepare: Prepare) -> Any:
    configure_logs(f"prediction.{name}", logging.WARNING)
    return prepare()
