"""A bundle with the mean of the weights of several."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from safetensors.numpy import load_file, save_file

from inkread.bundle import WEIGHTS, Bundle
from inkread.data.dataset import Sample
from inkread.data.store import LineStore, write_store
from inkread.errors import BundleError
from recipe.mean import main, write_mean

BIAS = "head.bias"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    image = np.random.default_rng(1).integers(0, 255, (58, 648), np.uint8)
    write_store(tmp_path / "lines", [(Sample("a", "", "ab", "line", "letters", "letter"), image)])
    return tmp_path / "lines"


def moved(folder: Path) -> Bundle:
    """The bundle of the package with a head that is one higher."""
    shutil.copytree(Bundle.open().folder, folder)
    weights = load_file(folder / WEIGHTS)
    save_file({**weights, BIAS: weights[BIAS] + np.float16(1)}, folder / WEIGHTS)
    return Bundle.open(folder)


def test_weights_are_averaged_by_their_shares(store: Path, tmp_path: Path) -> None:
    first = Bundle.open()
    model = write_mean([(first, 0.75), (moved(tmp_path / "other"), 0.25)], LineStore.open(store), tmp_path / "m", "9.0")
    mean = Bundle.open(tmp_path / "m")
    weights, start = load_file(mean.weights), load_file(first.weights)
    assert weights[BIAS].astype(float) == pytest.approx(start[BIAS].astype(float) + 0.25, abs=0.01)
    assert model.version == mean.model.version == "9.0"
    assert mean.language_model is not None
    assert set(mean.known) == set(first.known)


def test_shares_sum_to_one(store: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="sum to 1"):
        write_mean([(Bundle.open(), 0.5)], LineStore.open(store), tmp_path / "mean", "9.0")


def test_wrong_usage_is_told_in_a_sentence(store: Path, tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="needs its share"):
        main([str(tmp_path)], store, "9.0", tmp_path / "mean")
    with pytest.raises(BundleError, match="no model bundle here"):
        main([f"{tmp_path}:1"], store, "9.0", tmp_path / "mean")
