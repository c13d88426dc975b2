"""Training stream and fixed validation lines for Lightning.

Usage: ``trainer.fit(module, LineData(sources, weights, validation, alphabet, seed=1, columns=12800))``
"""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from inkread.recognition.alphabet import Alphabet
from inkread.training.mixture import ValidationLine
from inkread.training.module import RecognizerModule
from inkread.training.scoring import pad_batch
from inkread.training.stream import Batch, LineStream
from inkread.training.synthetic import LineSource

ValidationBatch = tuple[Tensor, list[int], list[str], list[str]]
VALIDATION_LINES = 16
PREFETCHED = 40
"""Batches a worker is ahead: more than a window of the stream, which it makes in one go."""


class LineData(pl.LightningDataModule):
    """Batches for a `RecognizerModule`, from the position at which it stands."""

    def __init__(
        self,
        sources: Sequence[LineSource],
        weights: Sequence[float],
        validation: Sequence[ValidationLine],
        alphabet: Alphabet,
        *,
        seed: int,
        columns: int,
        workers: int = 1,
        augmented: bool = True,
        views: int = 1,
    ) -> None:
        super().__init__()
        self._sources, self._weights, self._alphabet = sources, weights, alphabet
        self._validation = sorted(validation, key=lambda line: line.sample[0].shape[1])
        self._seed, self._columns, self._workers, self._augmented = seed, columns, workers, augmented
        self._views = views

    def train_dataloader(self) -> DataLoader[Batch]:
        """Endless batches."""
        module = self.trainer.lightning_module if self.trainer else None
        start = module.position if isinstance(module, RecognizerModule) else (0, 0)
        stream = LineStream(
            self._sources,
            self._weights,
            self._alphabet,
            seed=self._seed,
            columns=self._columns,
            start=start,
            share=(self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1),
            augmented=self._augmented,
            views=self._views,
        )
        ahead = PREFETCHED if self._workers else None
        return DataLoader(stream, batch_size=None, num_workers=self._workers, prefetch_factor=ahead)

    def val_dataloader(self) -> DataLoader[ValidationBatch]:
        """The validation lines, sorted by width."""
        batches = [
            _validation_batch(self._validation[first : first + VALIDATION_LINES])
            for first in range(0, len(self._validation), VALIDATION_LINES)
        ]
        return DataLoader(batches, batch_size=None, num_workers=0)  # type: ignore[arg-type]


def _validation_batch(lines: Sequence[ValidationLine]) -> ValidationBatch:
    images = [line.sample[0] for line in lines]
    return (
        torch.from_numpy(pad_batch(images)),
        [image.shape[1] for image in images],
        [line.sample[1] for line in lines],
        [line.source for line in lines],
    )
