"""Read many files with Ray: on all processors of this machine, or on the cluster that ``RAY_ADDRESS`` names.

Usage: ``for path, document in read_on_ray(read_files, load, paths, on_error=complain, on_page=count): ...``

Each reader is an actor that holds a model. All machines of a cluster need Inkread and the files under the same paths.
Importing this needs the extra ``scale``.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import cv2
import ray
import ray.data
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from inkread.cli.read import OnError, OnPage
from inkread.document import Document
from inkread.errors import InkreadError

if TYPE_CHECKING:
    from inkread.reader import Reader


FILES_PER_TASK = 8
TASKS_PER_READER = 4
RESTARTS = 2

Load = Callable[..., "Reader"]
Read = Callable[..., Iterator[tuple[Path, Document]]]


def read_on_ray(
    read: Read,
    load: Load,
    paths: Sequence[Path],
    *,
    threads: int = 1,
    in_order: bool = False,
    on_error: OnError,
    on_page: OnPage,
) -> Iterator[tuple[Path, Document]]:
    """Yield each file that can be read with its document; the others go to ``on_error``.

    Args:
        read: ``read_files`` or ``read_given_lines``.
        load: makes a reader where it is called with ``threads``.
        paths: the files.
        threads: threads, and processors, of each reader; there are as many readers as find place.
        in_order: yield in the order of ``paths``, else as they are done.
        on_error: called with a file that cannot be read.
        on_page: called with each page once its document is here.

    Raises:
        InkreadError: Ray does not start, or stops; or what ``load`` raises.
    """
    with _cluster():
        readers = min(_places(threads), len(paths))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = in_order
        tasks = min(len(paths), max(readers * TASKS_PER_READER, len(paths) // FILES_PER_TASK))
        names = ray.data.from_items([os.fsencode(path) for path in paths], override_num_blocks=tasks)
        with catch_warnings():
            # Without these limits a file that kills its reader is tried for ever; Ray has no newer names for them yet.
            simplefilter("ignore", RayDeprecationWarning)
            outcomes = names.map_batches(
                _Worker,
                fn_constructor_args=(read, load, threads, os.getcwd()),
                batch_size=None,
                compute=ray.data.ActorPoolStrategy(size=readers),
                num_cpus=threads,
                max_restarts=RESTARTS,
                max_task_retries=RESTARTS,
            )
        for row in outcomes.iter_rows():
            path, outcome = pickle.loads(row["outcome"])
            if path is None:
                raise outcome
            if isinstance(outcome, InkreadError):
                on_error(path, outcome)
                continue
            for page in outcome.pages:
                on_page(page)
            yield path, outcome


class _Worker:
    """Reads the files of one task after the other."""

    def __init__(self, read: Read, load: Load, threads: int, folder: str) -> None:
        self._read, self._load, self._threads = read, load, threads
        self._reader: Reader | None = None
        cv2.setNumThreads(threads)
        with suppress(OSError):  # a machine without the folder may still have the files
            os.chdir(folder)

    def __call__(self, rows: dict[str, Sequence[bytes]]) -> dict[str, list[bytes]]:
        """File names to pickled pairs of path and document or error; an error without a path ends everything."""
        done: list[tuple[object, Document | Exception]] = []
        try:
            self._reader = self._reader or self._load(threads=self._threads)
            paths = [Path(os.fsdecode(name)) for name in rows["item"]]
            for pair in self._read(
                self._reader, paths, on_error=lambda path, error: done.append((path, error)), on_page=lambda _: None
            ):
                done.append(pair)
        except Exception as error:
            done.append((None, error))
        return {"outcome": [pickle.dumps(pair) for pair in done]}


def _places(threads: int) -> int:
    """How many readers of so many processors the machines hold."""
    processors = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    if max(processors) < threads:
        raise InkreadError(f"Ray has no machine with {threads} processors, ask for fewer with --threads")
    return sum(count // threads for count in processors)


@contextmanager
def _cluster() -> Iterator[None]:
    """Ray, silent: the cluster of ``RAY_ADDRESS``, else one started here for this time."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    address = os.environ.get("RAY_ADDRESS") or "local"
    if address != "local":
        os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")  # else it tries for a quarter of an hour
    for name in ("ray", "ray.data"):
        getLogger(name).setLevel(CRITICAL)
    ray._private.worker._worker_logs_enabled = False  # messages of Ray that would stand between the texts on stdout
    try:
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=CRITICAL)
    except Exception as error:  # Ray raises many types, and Exception itself where a node does not start in time
        raise _failure(address, error.__cause__ or error) from error
    try:
        yield
    except RayError as error:
        raise _failure(address, error) from error
    finally:
        ray.shutdown()


def _failure(address: str, error: BaseException) -> InkreadError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[-1].partition(". ")[0]
    return InkreadError(f"Ray ({address}) does not work: {reason}")
