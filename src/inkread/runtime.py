"""How much of the machine is used: processors, threads, sessions of ONNX Runtime.

Usage: ``Workers(4).map(read, pages)``; ``open_session("detector.onnx", threads=4)``

A forked child has none of its parent's threads, and locks that they held stay locked in it. So what has threads or
locks is kept in a `PerProcess`, which makes it again in the child.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from inkread.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime as ort

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_processors() -> int:
    """Processors that this process may use; where the system cannot say so (macOS, Windows), all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PerProcess(Generic[Item]):
    """``PerProcess(make).get()``: what ``make`` gives, made at once, and again when a forked child first asks."""

    def __init__(self, make: Callable[[], Item]) -> None:
        self._make = make
        self._made: Item | None = make()
        _ALL.add(self)

    def get(self) -> Item:
        """The thing of this process."""
        made = self._made
        if made is None:
            made = self._made = self._make()
        return made

    def abandon(self) -> None:
        """Forget the parent's thing, without its destructor, which would wait for threads that are not there."""
        if self._made is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._made))
            self._made = None


_ALL: WeakSet[PerProcess[Any]] = WeakSet()


def _abandon_all() -> None:
    for each in list(_ALL):
        each.abandon()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_abandon_all)


class Workers:
    """Threads that several maps may share.

    Args:
        threads: calls that run at a time; None takes the processors this process may use. 1 works in the caller's
            thread, when it asks for the next result.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = count = threads or usable_processors()
        self._pool = PerProcess(lambda: ThreadPoolExecutor(count, "inkread")) if count > 1 else None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """``map(function, items)`` that goes on while the caller works on a result, a few items ahead of it.

        An item's exception is raised in its place; what was begun after it is finished and dropped.
        """
        if self._pool is None:
            yield from map(function, items)
            return
        pool = self._pool.get()
        begun: deque[Future[Result]] = deque()
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > self.threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def open_session(path: Path, threads: int | None = None, *, arena: bool = False) -> PerProcess[ort.InferenceSession]:
    """Open a network; ``open_session(path).get().run(None, {name: array})``.

    Args:
        path: an .onnx file.
        threads: threads within an operator; None takes the processors this process may use.
        arena: keep the layers' memory apart from that of the process, for `run_and_release`. Without it, what a large
            run took stays with the process in pieces, which the next one cannot use.

    Raises:
        BundleError: the file is missing or no network that onnxruntime can run.
    """
    return PerProcess(lambda: _session(path, threads or usable_processors(), arena))


def run_and_release(session: ort.InferenceSession, inputs: dict[str, Any]) -> Any:
    """The first output of a session with an arena, whose memory is given back to the system after the run."""
    import onnxruntime as ort

    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return session.run(None, inputs, options)[0]


def _session(path: Path, threads: int, arena: bool) -> ort.InferenceSession:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # there may be other work to do
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = arena
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError:
        raise BundleError(f"{path}: the network cannot be read; copy the whole bundle folder") from None
    except Exception as error:  # onnxruntime raises classes of its own binding, without a common base
        raise BundleError(f"{path}: onnxruntime cannot run this network ({error})") from None
