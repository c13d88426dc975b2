"""The settings that both trainings share become the callbacks that Lightning runs."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from inkread.training.settings import CallbackSettings
from inkread.training.word_cnn import training_callbacks


def test_settings_become_callbacks(tmp_path: Path) -> None:
    stop, keep = training_callbacks(CallbackSettings(monitor="val_accuracy", mode="max", patience=3), tmp_path)
    assert isinstance(stop, EarlyStopping)
    assert isinstance(keep, ModelCheckpoint)
    assert (stop.monitor, stop.mode, stop.patience) == ("val_accuracy", "max", 3)
    assert (keep.monitor, keep.mode, keep.filename) == ("val_accuracy", "max", "best")


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"mode": "best"}, {"surprise": 1}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CallbackSettings.model_validate(wrong)
