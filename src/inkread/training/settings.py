"""What trainings can be told, apart from the trainings, so that services check it without PyTorch.

Usage: ``CallbackSettings(patience=3)``
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


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


class WordCnnSettings(BaseModel):
    """How the baseline is trained.

    Attributes:
        epochs: at most so many; early stopping usually ends before.
        rate: of Adam (Kingma and Ba 2015).
        batch: images a step.
        dropout: share of the pooled maps that is dropped.
        seed: of all randomness.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(40, ge=1)
    rate: float = Field(1e-3, gt=0)
    batch: int = Field(64, ge=1)
    dropout: float = Field(0.2, ge=0, lt=1)
    seed: int = 1
