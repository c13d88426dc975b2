"""How much of the machine is used: processors, threads, sessions of ONNX Runtime.

Usage: ``Workers(4).map(read, pages)``; ``open_session("detector.onnx", threads=4)``
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import onnxruntime as ort

from inkread.errors import BundleError

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_processors() -> int:
    """Processors that this process may use; where the system cannot say so (macOS, Windows), all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def open_session(path: Path, threads: int | None = None) -> ort.InferenceSession:
    """Open a network.

    Args:
        path: an .onnx file.
        threads: threads within an operator; None takes the processors this process may use.

    Raises:
        BundleError: the file is missing or no network that onnxruntime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_processors()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # there may be other work to do
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError:
        raise BundleError(f"{path}: the network cannot be read; copy the whole bundle folder") from None
    except Exception as error:  # onnxruntime raises classes of its own binding, without a common base
        raise BundleError(f"{path}: onnxruntime cannot run this network ({error})") from None
