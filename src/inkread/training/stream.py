"""An endless stream of batches of line images, augmented, from stored and synthetic lines.

Usage: ``for batch in LineStream(sources, weights, alphabet, seed=1): batch.images``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from inkread.data.store import LineStore
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import exact_part
from inkread.training.augmentation import Augmentation, augment, augmented_views
from inkread.training.scoring import pad_batch
from inkread.training.synthetic import LineSource, Sample

Position = tuple[int, int]
Variants = tuple[list[NDArray[np.uint8]], str]
WINDOW = 384
WINDOW_BATCHES, USUAL_COLUMNS = 8, 500
"""A window has lines for so many batches at least, however large they are, lines being of such a width."""
BUCKET, GPU_BUCKET = 32, 256
"""Widths are padded to multiples of this; a GPU prepares its kernels anew for every shape, so there it has few."""
MIN_COLUMNS, MAX_COLUMNS = 16, 2400
_USUAL = Augmentation()


class Batch(NamedTuple):
    """Strips with their texts; a tuple, because Lightning moves tuples of tensors to the device.

    Attributes:
        strips: uint8 [views * batch, 1, 48, width]: one view of each line, then the next of each.
        widths: int64 [batch], columns before padding.
        targets: int64 [sum of lengths], the classes of all texts one after the other.
        lengths: int64 [batch], characters of each text.
        following: position of the next batch.
    """

    strips: Tensor
    widths: Tensor
    targets: Tensor
    lengths: Tensor
    following: Position = (0, 0)

    @property
    def views(self) -> int:
        """How many strips there are of each line."""
        return len(self.strips) // len(self.widths)


@dataclass(frozen=True)
class StoredSource:
    """Some lines of a store as a source of training lines; ``weights``, one a line, say how often each is drawn."""

    store: LineStore
    indices: Sequence[int]
    weights: Sequence[float] | None = None

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a random one of the lines."""
        shares = None if self.weights is None else np.asarray(self.weights) / np.sum(self.weights)
        index = self.indices[int(rng.choice(len(self.indices), p=shares))]
        return self.store.image(index), self.store.lines[index].text


class LineStream(Dataset[list[Batch]]):
    """Batches of augmented lines of several sources, for ever.

    Args:
        sources: where lines come from.
        weights: how often each source is drawn, same order.
        alphabet: encodes the texts.
        seed: of all randomness.
        columns: strip columns in a batch, padding included.
        start: position of the first batch.
        share: number of this device and of all devices; each device gets windows of its own.
        augmentation: how lines are varied; None for lines as the reader cuts them.
        views: variants of each line in its batch, of the same geometry where there are several.
        workers: processes that make windows ahead; 0 makes them where they are asked for.
        bucket: widths are padded to multiples of it; see `few_shapes` for one above ``BUCKET``.
    """

    def __init__(
        self,
        sources: Sequence[LineSource],
        weights: Sequence[float],
        alphabet: Alphabet,
        *,
        seed: int,
        columns: int,
        start: Position = (0, 0),
        share: tuple[int, int] = (0, 1),
        augmentation: Augmentation | None = _USUAL,
        views: int = 1,
        workers: int = 0,
        bucket: int = BUCKET,
    ) -> None:
        self._sources = sources
        self._shares = np.asarray(weights, np.float64) / float(np.sum(weights))
        self._alphabet = alphabet
        self._seed = seed
        self._columns = columns
        self._start = start
        self._device, self._devices = share
        self._augmentation = augmentation
        self._views = views
        self._workers = workers
        self._bucket = bucket
        self._lines = max(WINDOW, WINDOW_BATCHES * columns // (views * USUAL_COLUMNS))

    def __iter__(self) -> Iterator[Batch]:
        window, skip = self._start
        # Elsewhere than on Linux a process that is started gets a copy of all lines, which takes longer than it saves.
        workers = self._workers if sys.platform == "linux" else 0
        for batches in DataLoader(
            self,
            batch_size=None,
            sampler=count(window),
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,
            collate_fn=_unchanged,
        ):
            yield from batches[skip:]
            skip = 0

    def __getitem__(self, window: int) -> list[Batch]:
        """The batches of a window."""
        cv2.setNumThreads(0)
        rows = self._batches(window)
        return [
            make_batch(lines, self._alphabet, (window, number) if number < len(rows) else (window + 1, 0), self._bucket)
            for number, lines in enumerate(rows, 1)
        ]

    def _batches(self, window: int) -> list[list[Variants]]:
        place = window * self._devices + self._device
        rows = [self._line(place * self._lines + number) for number in range(self._lines)]
        usable = [row for row in rows if MIN_COLUMNS <= row[0][0].shape[1] <= MAX_COLUMNS]
        usable.sort(key=lambda row: row[0][0].shape[1])
        columns = self._columns // self._views
        batches = few_shapes(usable, columns, self._bucket) if self._bucket > BUCKET else full_batches(usable, columns)
        order = np.random.default_rng([self._seed, place, 1]).permutation(len(batches))
        return [batches[number] for number in order]

    def _line(self, number: int) -> Variants:
        rng = np.random.default_rng([self._seed, number])
        image, text = self._sources[int(rng.choice(len(self._sources), p=self._shares))].sample(rng)
        settings = self._augmentation
        if settings is None:
            return [exact_part(image)] * self._views, text
        if self._views == 1:
            return [augment(image, rng, settings)], text
        return augmented_views(image, rng, self._views, settings), text


def full_batches(rows: Sequence[Variants], columns: int) -> list[list[Variants]]:
    """Lines in order of width as batches of at most ``columns`` in one view, padding to the widest included."""
    batches: list[list[Variants]] = [[]]
    for row in rows:
        if (len(batches[-1]) + 1) * row[0][0].shape[1] > columns and batches[-1]:
            batches.append([])
        batches[-1].append(row)
    return batches


def few_shapes(rows: Sequence[Variants], columns: int, bucket: int) -> list[list[Variants]]:
    """As `full_batches`, but all batches of one padded width have the same number of lines.

    The narrowest lines of a window are what is left over; some of them are in their batch twice, which makes its size a
    power of two.
    """
    batches, left = [], list(rows)
    while left:
        width = -(-left[-1][0][0].shape[1] // bucket) * bucket
        size = max(columns // width, 1)
        chosen, left = left[-size:], left[:-size]
        filled = min(2 ** (len(chosen) - 1).bit_length(), size)
        batches.append(chosen + chosen[: filled - len(chosen)])
    return batches


def make_batch(
    rows: Sequence[Variants], alphabet: Alphabet, following: Position = (0, 0), bucket: int = BUCKET
) -> Batch:
    """Pad strips to one width and encode their texts; all lines have as many views."""
    classes = [alphabet.encode(text) for _, text in rows]
    strips = [images[view] for view in range(len(rows[0][0])) for images, _ in rows]
    return Batch(
        strips=torch.from_numpy(pad_batch(strips, bucket)),
        widths=torch.tensor([images[0].shape[1] for images, _ in rows]),
        targets=torch.tensor([number for line in classes for number in line], dtype=torch.long),
        lengths=torch.tensor([len(line) for line in classes]),
        following=following,
    )


def _unchanged(batches: list[Batch]) -> list[Batch]:
    return batches


def source_weights(sizes: NDArray[np.int64], exponent: float = 0.5) -> NDArray[np.float64]:
    """Weights that let small sources be seen: size to the power of ``exponent``, summing to one."""
    powered = np.asarray(sizes, np.float64) ** exponent
    return np.asarray(powered / powered.sum(), np.float64)
