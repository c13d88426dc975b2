"""The baseline must learn what can be learnt, stop early, and come back from its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inkread.errors import BundleError, DatasetError
from inkread.training.settings import CallbackSettings, WordCnnSettings
from inkread.training.word_cnn import (
    SIDE,
    WordCnn,
    WordImages,
    classify,
    load_word_cnn,
    save_word_cnn,
    train_word_cnn,
    word_image,
)

pytestmark = pytest.mark.filterwarnings("ignore")


def bars(count: int, seed: int) -> WordImages:
    """Level bars are class 0, upright ones class 1."""
    rng = np.random.default_rng(seed)
    images, labels = np.zeros((count, SIDE, SIDE), np.uint8), np.zeros((count, 2), np.uint8)
    for index in range(count):
        place, label = int(rng.integers(4, 22)), int(rng.integers(2))
        if label:
            images[index, :, place : place + 3] = 255
        else:
            images[index, place : place + 3] = 255
        labels[index, label] = 1
    return WordImages(images, labels)


def test_it_learns_stops_early_and_comes_back(tmp_path: Path) -> None:
    settings = WordCnnSettings(epochs=60, batch=32)
    callbacks = CallbackSettings(patience=2, min_delta=0.02)
    network, figures = train_word_cnn(bars(200, 1), bars(60, 2), [1.0, 1.0], settings, callbacks, tmp_path)
    held_out = bars(80, 3)
    assert (classify(network, held_out.images) == held_out.one_hot.argmax(1)).mean() > 0.95
    assert figures["val_accuracy"] > 0.95
    assert figures["epochs"] < 60
    save_word_cnn(tmp_path / "cnn.safetensors", network, ["level", "upright"])
    again, words = load_word_cnn(tmp_path / "cnn.safetensors")
    assert words == ("level", "upright")
    assert np.array_equal(classify(again, held_out.images), classify(network, held_out.images))


def test_its_shape_is_that_of_the_original() -> None:
    shapes = [tuple(parameter.shape) for parameter in WordCnn(7).parameters()]
    assert shapes == [(32, 1, 5, 5), (32,), (128, 32 * 12 * 12), (128,), (7, 128), (7,)]
    assert WordCnn(7)(torch.zeros(2, 1, SIDE, SIDE)).shape == (2, 7)


def test_a_word_keeps_its_shape_in_the_square() -> None:
    page = np.full((40, 120), 230, np.uint8)
    page[10:30, 20:100] = 20
    square = word_image(page)
    rows, columns = np.nonzero(square > 100)
    assert square.shape == (SIDE, SIDE)
    assert np.ptp(columns) == pytest.approx(80 * SIDE / 120, abs=2)
    assert np.ptp(rows) == pytest.approx(20 * SIDE / 120, abs=2)
    assert abs(rows.mean() - SIDE / 2) < 1.5


def test_faults_are_named(tmp_path: Path) -> None:
    none = WordImages(np.zeros((0, SIDE, SIDE), np.uint8), np.zeros((0, 2), np.uint8))
    with pytest.raises(DatasetError, match="min_count"):
        train_word_cnn(none, bars(4, 1), [1, 1], WordCnnSettings(), CallbackSettings(), tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(BundleError, match=r"x\.safetensors"):
        load_word_cnn(tmp_path / "x.safetensors")
    assert len(classify(WordCnn(2), none.images)) == 0
