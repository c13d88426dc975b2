"""The word classifier, a small convolutional network with a closed vocabulary: the baseline of the pipeline.

Usage: ``network, figures = train_word_cnn(train, val, weights, WordCnnSettings(), CallbackSettings(), run)``
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from inkread.errors import BundleError, DatasetError
from inkread.io.files import replacing
from inkread.recognition.line_images import Grey
from inkread.training.settings import CallbackSettings, WordCnnSettings

SIDE = 28
MAPS, KERNEL, DENSE = 32, 5, 128
VOCABULARY = "words"

Images = NDArray[np.uint8]
OneHot = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class WordImages:
    """Word images uint8 [words, 28, 28] and their one-hot classes uint8 [words, classes]."""

    images: Images
    one_hot: OneHot


class WordCnn(nn.Module):
    """Images [B, 1, 28, 28] in [0, 1] to logits [B, classes]."""

    def __init__(self, classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        side = (SIDE - KERNEL + 1) // 2
        self.layers = nn.Sequential(
            nn.Conv2d(1, MAPS, KERNEL),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(MAPS * side * side, DENSE),
            nn.ReLU(),
            nn.Linear(DENSE, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.layers(images)
        return logits


class _Module(pl.LightningModule):
    def __init__(self, network: WordCnn, weights: Tensor, rate: float) -> None:
        super().__init__()
        self.network = network
        self.weights = weights
        self.rate = rate

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, one_hot = batch
        loss = F.cross_entropy(self.network(images), one_hot, weight=self.weights)
        self.log("loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, one_hot = batch
        logits = self.network(images)
        self.log("val_loss", F.cross_entropy(logits, one_hot), batch_size=len(images))
        right = (logits.argmax(1) == one_hot.argmax(1)).float().mean()
        self.log("val_accuracy", right, batch_size=len(images))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=self.rate)


def word_image(grey: Grey) -> Grey:
    """A line image of a word as uint8 [28, 28], ink light on dark, its shape kept in the middle of the square."""
    height, width = grey.shape
    scale = SIDE / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = 255 - np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.int16)
    small -= int(np.median(small))
    square = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = np.clip(small, 0, 255)
    return square


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


def train_word_cnn(
    train: WordImages,
    val: WordImages,
    weights: Sequence[float],
    settings: WordCnnSettings,
    callbacks: CallbackSettings,
    folder: Path,
) -> tuple[WordCnn, dict[str, float]]:
    """Train with early stopping and return the network of the best epoch with its figures on val.

    Raises:
        DatasetError: there are no words to learn or to validate on.
    """
    if not len(train.images) or not len(val.images):
        raise DatasetError("the word classifier has no words of its vocabulary in train or val; lower min_count")
    pl.seed_everything(settings.seed, verbose=False)
    module = _Module(WordCnn(train.one_hot.shape[1], settings.dropout), torch.tensor(weights), settings.rate)
    trainer = pl.Trainer(
        max_epochs=settings.epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=training_callbacks(callbacks, folder),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(bottleneck|num_workers|exists and is not empty|logging).*")
        trainer.fit(module, _loader(train, settings.batch, shuffle=True), _loader(val, settings.batch))
        kept = torch.load(folder / f"{best_checkpoint(callbacks, folder).filename}.ckpt", weights_only=True)
    module.load_state_dict(kept["state_dict"])
    accuracy = classify(module.network, val.images) == val.one_hot.argmax(1)
    return module.network, {"epochs": float(trainer.current_epoch), "val_accuracy": float(accuracy.mean())}


def classify(network: WordCnn, images: Images) -> NDArray[np.int64]:
    """The most probable class of each image, int64 [words]."""
    if not len(images):
        return np.zeros(0, np.int64)
    network.eval()
    with torch.inference_mode():
        return np.asarray(network(_tensor(images)).argmax(1).numpy(), np.int64)


def save_word_cnn(path: Path, network: WordCnn, words: Sequence[str]) -> None:
    """Write weights and vocabulary as safetensors."""
    with replacing(path) as stream:
        stream.close()
        save_file(network.state_dict(), stream.name, {VOCABULARY: json.dumps(list(words), ensure_ascii=False)})


def load_word_cnn(path: Path) -> tuple[WordCnn, tuple[str, ...]]:
    """Read what `save_word_cnn` wrote.

    Raises:
        BundleError: the file is missing or something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as stream:
            words = tuple(json.loads((stream.metadata() or {})[VOCABULARY]))
        network = WordCnn(len(words))
        network.load_state_dict(load_file(path))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise BundleError(f"{path}: no word classifier here, train one first") from error
    return network, words


def _tensor(images: Images) -> Tensor:
    return torch.from_numpy(images).unsqueeze(1).float() / 255


def _loader(words: WordImages, batch: int, *, shuffle: bool = False) -> DataLoader[tuple[Tensor, ...]]:
    data = TensorDataset(_tensor(words.images), torch.from_numpy(words.one_hot).float())
    return DataLoader(data, batch, shuffle=shuffle)
