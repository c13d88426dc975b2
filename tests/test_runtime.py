"""Work side by side does not show in the results, nor run far ahead of who asked; networks open or are named."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from inkread.errors import BundleError
from inkread.runtime import Workers, open_session, usable_processors


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads: int) -> None:
    assert list(Workers(threads).map(lambda number: number * number, range(50))) == [n * n for n in range(50)]


def test_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=30)
    assert sorted(Workers(2).map(lambda _: meeting.wait(), range(2))) == [0, 1]


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_items_are_taken_than_are_worked_on(threads: int) -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = Workers(threads).map(lambda number: number, items())
    assert next(results) == 0
    assert len(taken) <= threads + 1


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_in_its_place(threads: int) -> None:
    results = Workers(threads).map(lambda number: 6 // number, [2, 3, 0, 1])
    assert next(results) == 3
    assert next(results) == 2
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_without_a_number_all_processors_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_processors() >= 1
    monkeypatch.setattr("inkread.runtime.usable_processors", lambda: 3)
    assert Workers().threads == 3


def test_processors_are_counted_where_the_system_has_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert usable_processors() == os.cpu_count()


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.onnx: the network cannot be read"):
        open_session(tmp_path / "none.onnx")


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"not a network")
    with pytest.raises(BundleError, match=r"odd\.onnx: onnxruntime cannot run this network"):
        open_session(tmp_path / "odd.onnx")
