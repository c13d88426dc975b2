"""Callbacks that both trainings of the pipeline share.

Usage: ``pl.Trainer(callbacks=training_callbacks(CallbackSettings(), run))``
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
from pydantic import BaseModel, ConfigDict, Field
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint


class CallbackSettings(BaseModel):
    """When to stop and what to keep.

    Attributes:
        monitor: what is watched on val by the word classifier.
        mode: whether less or more of it is better.
        patience: validations without a better value before training stops.
        min_delta: how much better counts.
        average: decay of the mean of the recogniser's weights (EMA).
        checkpoint_minutes: time between its checkpoints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    monitor: str = "val_loss"
    mode: Literal["min", "max"] = "min"
    patience: int = Field(5, ge=1)
    min_delta: float = Field(0.0, ge=0)
    average: float = Field(0.9, ge=0, lt=1)
    checkpoint_minutes: float = Field(4.0, gt=0)


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
