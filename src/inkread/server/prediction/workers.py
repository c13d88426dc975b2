"""Worker processes for what strangers' files may break: bounded in memory and time, killed and replaced.

Usage: ``pool = Pool("decoder", 2, nothing, Bounds(seconds=20, mib=2048)); pool.start(); await pool.run(count, path)``

A worker runs one call at a time. A call is a generator function; what it yields is sent back at once. The bounds are
for each item that it yields, so that a long document is no reason to end a worker, and a page that does not come is.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
from asyncio import get_running_loop
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil
import structlog

from inkread.errors import InkreadError, InputTooLargeError
from inkread.server.logs import configure_logs
from inkread.server.metrics import WORKERS_REPLACED

START_SECONDS = 120.0
RETRY_SECONDS = 5.0
WALL_FACTOR = 3.0
"""Wall time that an item may take, in terms of its computing time: other processes want the processors too."""
STARTED, ITEM, DONE, FAILED = range(4)

Prepare = Callable[[], Any]
Call = Callable[..., Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one item of a call may use.

    Attributes:
        seconds: of computing, over all threads; three times as much may pass on the clock.
        mib: memory that a worker may take besides what it has after its start (where the system has RLIMIT_AS).
    """

    seconds: float
    mib: int


class WorkerLostError(InputTooLargeError):
    """A worker was ended in the middle of a call: by a bound, or because it crashed."""


class PoolClosedError(InkreadError):
    """A call was begun or under way when its pool was closed."""

    def __init__(self) -> None:
        super().__init__("the service is stopping, try again")


class WorkerFailedError(InkreadError):
    """A call raised something that is nobody's fault but the program's."""


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
        self._idle: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        self._alive: set[_Worker] = set()
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
            for last in worker.call(call, arguments, weight):
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

    def _start(self, _number: int = 0) -> _Worker:
        worker = _Worker(self.name, self._prepare, self._bounds)
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

    def _end(self, worker: _Worker) -> None:
        self._alive.discard(worker)
        worker.kill()


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, name: str, prepare: Prepare, bounds: Bounds) -> None:
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["inkread.server.prediction.tasks"])
        self._bounds = bounds
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, name, prepare, bounds), daemon=True, name=name)
        self._process.start()
        theirs.close()

    def wait_until_started(self) -> None:
        kind, value = self._receive(START_SECONDS)
        if kind == FAILED:
            raise value

    def call(self, call: Call, arguments: tuple[Any, ...], weight: int) -> Iterator[Any]:
        try:
            self._pipe.send((call, arguments, weight))
        except OSError:
            raise self._lost() from None
        while True:
            kind, value = self._receive(WALL_FACTOR * self._bounds.seconds * weight)
            if kind == DONE:
                return
            if kind == FAILED:
                raise value
            yield value

    def kill(self) -> None:
        with suppress(ValueError):
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def _receive(self, seconds: float) -> tuple[int, Any]:
        try:
            if self._pipe.poll(seconds):
                kind, value = self._pipe.recv()
                return kind, value
        except (EOFError, OSError):
            raise self._lost() from None
        raise self._too_slow()

    def _lost(self) -> WorkerLostError:
        self._process.join(START_SECONDS)
        if self._process.exitcode == -getattr(signal, "SIGXCPU", 0):
            return self._too_slow()
        return WorkerLostError(f"it needs more than {self._bounds.mib} MiB of memory, make it smaller or simpler")

    def _too_slow(self) -> WorkerLostError:
        return WorkerLostError(f"it needs more than {self._bounds.seconds:g} seconds, make it smaller or simpler")


def _work(pipe: Connection[Any, Any], name: str, prepare: Prepare, bounds: Bounds) -> None:
    """What a worker does: calls, until its parent goes."""
    if sys.platform != "win32":
        os.setpgid(0, 0)  # signals to the service's group are for the service, which ends its work first
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logs(f"prediction.{name}", logging.WARNING)
    try:
        state = prepare()
    except Exception as error:
        pipe.send((FAILED, _sendable(error)))
        return
    _bound_memory(bounds.mib)
    pipe.send((STARTED, None))
    while True:
        try:
            call, arguments, weight = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            _bound_computing(bounds.seconds * weight)
            for item in call(state, *arguments):
                pipe.send((ITEM, item))
                _bound_computing(bounds.seconds * weight)
            pipe.send((DONE, None))
        except MemoryError:
            os._exit(1)  # there may not be enough memory to say so
        except Exception as error:
            pipe.send((FAILED, _sendable(error)))


def _sendable(error: Exception) -> InkreadError:
    """An error of ours as it is; another is logged here, where its traceback is, and told as a sentence."""
    if isinstance(error, InkreadError):
        return error
    structlog.get_logger().error("worker_failed", exc_info=error)
    return WorkerFailedError(f"{type(error).__name__}: {error}")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _bound_memory(mib: int) -> None:
    if sys.platform == "linux":  # elsewhere there is no such limit, or none that is kept
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = psutil.Process().memory_info().vms + mib * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _bound_computing(seconds: float) -> None:
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))
