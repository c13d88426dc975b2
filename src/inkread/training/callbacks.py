"""Callbacks that both trainings of the pipeline share.

Usage: ``pl.Trainer(callbacks=training_callbacks(CallbackSettings(), run))``
"""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from inkread.training.settings import CallbackSettings


def training_callbacks(settings: CallbackSettings, folder: Path) -> list[pl.Callback]:
    """Early stopping and a checkpoint of the best epoch in ``folder``."""
    return [
        EarlyStopping(
            settings.monitor, mode=settings.mode, patience=settings.patience, min_delta=settings.min_delta, strict=True
        ),
        best_checkpoint(settings, folder),
    ]


def best_checkpoint(settings: CallbackSettings, folder: Path) -> ModelCheckpoint:
    """The callback that keeps the best epoch as ``best.ckpt``."""
    return ModelCheckpoint(folder, "best", monitor=settings.monitor, mode=settings.mode, enable_version_counter=False)
