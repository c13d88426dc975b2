"""Training stream and fixed validation lines for Lightning.

Usage: ``trainer.fit(module, LineData(sources, weights, validation, alphabet, seed=1, columns=12800))``
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from inkread.recognition.alphabet import Alphabet
from inkread.training.mixture import ValidationLine
from inkread.training.module import RecognizerModule
from inkread.training.scoring import pad_batch
from inkread.training.stream import BUCKET, Batch, LineStream
from inkread.training.synthetic import LineSource

ValidationBatch = tuple[Tensor, list[int], list[str], list[str]]
VALIDATION_LINES = 16


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
        bucket: int = BUCKET,
    ) -> None:
        super().__init__()
        self._sources, self._weights, self._alphabet = sources, weights, alphabet
        self._validation = sorted(validation, key=lambda line: line.sample[0].shape[1])
        self._seed, self._columns, self._workers, self._augmented = seed, columns, workers, augmented
        self._views, self._bucket = views, bucket

    def train_dataloader(self) -> LineStream:
        """Endless batches."""
        module = self.trainer.lightning_module if self.trainer else None
        start = module.position if isinstance(module, RecognizerModule) else (0, 0)
        return LineStream(
            self._sources,
            self._weights,
            self._alphabet,
            seed=self._seed,
            columns=self._columns,
            start=start,
            share=(self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1),
            augmented=self._augmented,
            views=self._views,
            workers=self._workers,
            bucket=self._bucket,
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move strips and targets; widths and lengths stay, so that no step waits for a GPU to tell them."""
        if not isinstance(batch, Batch) or device.type != "cuda":
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        strips, targets = (part.pin_memory().to(device, non_blocking=True) for part in (batch.strips, batch.targets))
        return batch._replace(strips=strips, targets=targets)

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
