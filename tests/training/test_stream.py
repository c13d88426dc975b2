"""A stream that cannot go on where it stopped repeats some lines after every interruption and skips others."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inkread.data.store import LineStore
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import exact_part
from inkread.training.stream import Batch, LineStream, Position, StoredSource, few_shapes, source_weights

ALPHABET = Alphabet(LATIN)


def stream(stores: Path, start: Position = (0, 0), columns: int = 2400, seed: int = 3) -> LineStream:
    store = LineStore.open(stores / "train")
    sources = [StoredSource(store, [0, 1]), StoredSource(store, [2])]
    return LineStream(sources, [3, 1], ALPHABET, seed=seed, columns=columns, start=start)


def test_views_of_a_line_stand_in_the_same_place_of_each_half(stores: Path) -> None:
    store = LineStore.open(stores / "train")
    paired = LineStream([StoredSource(store, [0, 1, 2])], [1], ALPHABET, seed=3, columns=4800, views=2)
    alike: list[float] = []
    for batch in islice(paired, 10):
        assert batch.views == 2
        assert len(batch.strips) == 2 * len(batch.widths) == 2 * len(batch.lengths)
        assert batch.strips.shape[0] * (batch.strips.shape[3] - 32) <= 4800
        for one, other, width in zip(*batch.strips.chunk(2), batch.widths.tolist(), strict=True):
            assert (one[:, :, width:] == other[:, :, width:]).all(), "both are padded from the same column on"
            alike.append(correlation(one[0, :, :width], other[0, :, :width]))
    assert float(np.median(alike)) > 0.5, "both show the same ink; single ones may be faint, noisy or masked"
    assert min(alike) > 0
    bare = LineStream([StoredSource(store, [0])], [1], ALPHABET, seed=3, columns=4800, augmentation=None, views=2)
    one, other = next(iter(bare)).strips.chunk(2)
    assert torch.equal(one, other)


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(np.corrcoef(one.numpy().ravel(), other.numpy().ravel())[0, 1])


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one.strips, other.strips) and torch.equal(one.targets, other.targets)


def test_it_goes_on_at_any_position_with_the_same_batches(stores: Path) -> None:
    batches = list(islice(stream(stores), 70))
    assert any(batch.following[0] == 1 for batch in batches), "the test reaches a second window"
    for number in (0, 20, 60):
        resumed = next(iter(stream(stores, batches[number].following)))
        assert same(resumed, batches[number + 1])


def test_two_devices_share_the_lines_that_one_would_see(stores: Path) -> None:
    store = LineStore.open(stores / "train")
    sources = [StoredSource(store, [0, 1, 2])]

    def first_windows(device: int, devices: int, windows: int) -> list[Batch]:
        batches = iter(LineStream(sources, [1], ALPHABET, seed=3, columns=2400, share=(device, devices)))
        return list(takewhile_window(batches, windows))

    alone = first_windows(0, 1, 2)
    shared = [*first_windows(0, 2, 1), *first_windows(1, 2, 1)]
    assert len(alone) == len(shared)
    assert all(same(one, other) for one, other in zip(alone, shared, strict=True))


def takewhile_window(batches: Iterator[Batch], windows: int) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        if batch.following == (windows, 0):
            return


def test_without_augmentation_lines_are_as_the_reader_cuts_them(stores: Path) -> None:
    store = LineStore.open(stores / "train")
    plain = LineStream([StoredSource(store, [0])], [1], ALPHABET, seed=3, columns=2400, augmentation=None)
    batch = next(iter(plain))
    exact = exact_part(store.image(0))
    assert np.array_equal(batch.strips[0, 0, :, : exact.shape[1]].numpy(), exact)


def test_another_seed_gives_other_lines(stores: Path) -> None:
    assert not same(next(iter(stream(stores))), next(iter(stream(stores, seed=4))))


def test_batches_are_full_but_within_their_area_and_hold_what_they_say(stores: Path) -> None:
    texts = [line.text for line in LineStore.open(stores / "train").lines[:3]]
    for batch in islice(stream(stores), 30):
        rows, _, height, width = batch.strips.shape
        assert height == 48
        assert rows * (width - 32) <= 2400
        assert batch.widths.max() <= width
        start = 0
        for length in batch.lengths.tolist():
            assert ALPHABET.decode(batch.targets[start : start + length].tolist()) in texts
            start += length


def test_sources_are_drawn_by_weight(stores: Path) -> None:
    kew = sum(int((batch.lengths == 3).sum()) for batch in islice(stream(stores), 40))
    total = sum(len(batch.lengths) for batch in islice(stream(stores), 40))
    assert kew / total == pytest.approx(0.25, abs=0.08)


def test_small_sources_gain_by_the_square_root() -> None:
    assert source_weights(np.array([100, 400])) == pytest.approx([1 / 3, 2 / 3])


def test_worker_processes_make_the_same_stream(stores: Path) -> None:
    sources = [StoredSource(LineStore.open(stores / "train"), [0, 1, 2])]

    def batches(workers: int) -> list[Batch]:
        settings = {"seed": 3, "columns": 20_000, "start": (1, 2), "workers": workers}
        return list(islice(LineStream(sources, [1], ALPHABET, **settings), 30))  # type: ignore[arg-type]

    alone, shared = batches(0), batches(2)
    assert any(batch.following[0] == 3 for batch in alone), "the test reaches a third window"
    assert all(same(one, other) and one.following == other.following for one, other in zip(alone, shared, strict=True))


@given(st.lists(st.integers(16, 2400), min_size=1, max_size=200), st.sampled_from([2400, 20_000]))
def test_few_shapes_hold_every_line_once_or_twice(widths: list[int], columns: int) -> None:
    rows = [([np.zeros((1, width), np.uint8)], str(number)) for number, width in enumerate(sorted(widths))]
    batches = few_shapes(rows, columns, 256)
    shown = Counter(text for batch in batches for _, text in batch)
    assert set(shown) == {text for _, text in rows}
    assert max(shown.values()) <= 2
    shapes = {(len(batch), -(-max(images[0].shape[1] for images, _ in batch) // 256)) for batch in batches}
    assert all(lines * width * 256 <= max(columns, width * 256) for lines, width in shapes)
    assert len(shapes) <= len({width for _, width in shapes}) + 1


def test_a_stream_for_a_gpu_has_few_shapes(stores: Path) -> None:
    sources = [StoredSource(LineStore.open(stores / "train"), [0, 1, 2])]
    made = islice(LineStream(sources, [1], ALPHABET, seed=3, columns=20_000, bucket=256, views=2), 40)
    shapes = {batch.strips.shape for batch in made}
    assert all(shape[3] % 256 == 0 for shape in shapes)
    assert len(shapes) < 12
