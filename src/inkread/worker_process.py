"""A process for what strangers' files may break: its calls are bounded in memory and time, and it can be killed.

Usage: ``pages = list(WorkerProcess("reader", Reader, Bounds(60, 4096)).call(read, path))``

A worker runs one call at a time. A call is a generator function; what it yields is sent back at once. The bounds are
for each item that it yields, so that a long document is no reason to end a worker, and a page that does not come is.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from inkread.errors import InkreadError, InputTooLargeError

START_SECONDS = 120.0
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


class WorkerFailedError(InkreadError):
    """A call raised something that is nobody's fault but the program's."""


class WorkerProcess:
    """One process and the pipe to it.

    Args:
        name: of the process.
        prepare: makes there what each call gets as its first argument; a module-level function or partial.
        bounds: of each item of a call.
        preload: modules that further workers find imported already, where the system can fork.
    """

    def __init__(self, name: str, prepare: Prepare, bounds: Bounds, preload: Sequence[str] = ()) -> None:
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload([*preload])
        self._bounds = bounds
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, prepare, bounds), daemon=True, name=name)
        self._process.start()
        theirs.close()

    def wait_until_started(self) -> None:
        """Wait for what ``prepare`` makes, and raise what it raised."""
        kind, value = self._receive(START_SECONDS)
        if kind == FAILED:
            raise value

    def call(self, call: Call, *arguments: Any, weight: int = 1) -> Iterator[Any]:
        """The items of a call, whose arguments and items must be picklable.

        Args:
            call: generator function of a module; it gets what ``prepare`` made, then the arguments.
            arguments: of the call.
            weight: how many times the bound of time an item may take.

        Raises:
            WorkerLostError: an item exceeded the bounds, or the process ended; kill this worker.
            WorkerFailedError: the call raised something unexpected.
            InkreadError: what the call raised.
        """
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
        """End the process at once."""
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


def _work(pipe: Connection[Any, Any], prepare: Prepare, bounds: Bounds) -> None:
    """What a worker does: calls, until its parent goes."""
    if sys.platform != "win32":
        os.setpgid(0, 0)  # signals to the group are for the parent, which ends its work first
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
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
    logging.getLogger("inkread.worker").error("worker_failed", exc_info=error)
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
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + mib * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _bound_computing(seconds: float) -> None:
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, hard))
