"""A writer or document in two splits makes every figure a lie."""

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.data.dataset import Sample
from inkread.data.split import SplitSettings, check_leaks, split_samples
from inkread.errors import DatasetError


def rows_of(writers: list[int]) -> list[Sample]:
    return [
        Sample(f"{writer}-{number}", "i", "t", "line", "s", f"d{writer}-{number // 3}", f"w{writer}")
        for writer, count in enumerate(writers)
        for number in range(count)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=3, max_size=30), st.integers(0, 5))
def test_no_writer_is_in_two_splits(writers: list[int], seed: int) -> None:
    rows = rows_of(writers)
    splits = split_samples(rows, SplitSettings(val=0.2, test=0.2, seed=seed))
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.writer_id].add(splits[row.sample_id])
    assert set(splits) == {row.sample_id for row in rows}
    assert all(len(places) == 1 for places in found.values())


def test_shares_are_about_what_was_asked_for() -> None:
    rows = rows_of([5] * 40)
    sizes = Counter(split_samples(rows, SplitSettings(val=0.1, test=0.3)).values())
    assert sizes["test"] == 60
    assert sizes["val"] == 20


def test_the_splits_of_the_source_are_kept() -> None:
    rows = [replace(row, split="test") if row.writer_id == "w0" else row for row in rows_of([3, 3, 3])]
    splits = split_samples(rows, SplitSettings(val=0.3, test=0))
    assert {splits[row.sample_id] for row in rows if row.writer_id == "w0"} == {"test"}
    assert "val" in splits.values()


def test_leaks_and_senseless_shares_are_refused() -> None:
    first, second = rows_of([2])
    rows = [replace(first, split="train"), replace(second, split="test")]
    with pytest.raises(DatasetError, match="document_id d0-0 is in test and train"):
        check_leaks(rows, {row.sample_id: row.split for row in rows})
    assert split_samples(rows, SplitSettings(divided_documents=True)) == {"0-0": "train", "0-1": "test"}
    own = [replace(row, sample_id=f"own {row.sample_id}", split="") for row in rows]
    with pytest.raises(DatasetError, match="keep it in one split"):
        check_leaks(own, {"own 0-0": "train", "own 0-1": "test"}, divided_documents=True)
    with pytest.raises(DatasetError, match="take all"):
        split_samples(rows, SplitSettings(val=0.5, test=0.5))
