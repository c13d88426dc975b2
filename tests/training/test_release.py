"""A release says what it is made of."""

from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.training.release import Release, compare_run, read_plan, release


def test_a_release_is_a_bundle_that_names_its_data_and_its_figures(run: Path, tmp_path: Path) -> None:
    model = release(run, tmp_path / "model", Release("1.2.3"))
    bundle = Bundle.open(tmp_path / "model")
    bundle.verify()
    assert bundle.model == model
    assert bundle.model.version == "1.2.3"
    letters = next(source for source in model.sources if source.name == "letters")
    assert len(letters.sha256) == 64
    assert {metric.dataset for metric in model.metrics} == {"letters", "all"}
    assert "CC0-1.0" in (tmp_path / "model" / "MODEL_CARD.md").read_text()


def test_only_starting_weights_is_the_start(run: Path) -> None:
    scores = compare_run(run, 10, (0.0, 1.0))
    assert scores["now, 1 of the start"] == scores["start"]


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="training run"):
        read_plan(tmp_path)
