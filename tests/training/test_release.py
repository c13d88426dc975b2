"""A release says what it is made of."""

from dataclasses import replace
from pathlib import Path

import pytest

from inkread.bundle import Bundle
from inkread.data.dataset import Dataset, Sample
from inkread.errors import BundleError
from inkread.training.bundling import Release, compare_run, joined_sources, release
from inkread.training.data import data_sources
from inkread.training.train import TrainingPlan, read_plan, train


def test_a_release_is_a_bundle_that_names_its_data_and_its_figures(run: Path, tmp_path: Path) -> None:
    model = release(run, tmp_path / "model", Release("1.2.3"))
    bundle = Bundle.open(tmp_path / "model")
    bundle.verify()
    assert bundle.model == model
    assert bundle.model.version == "1.2.3"
    assert [source.name for source in model.sources] == ["PP-OCRv6 small detector", "letters"]
    assert {metric.dataset for metric in model.metrics} == {"letters", "all"}
    assert "CC0-1.0" in (tmp_path / "model" / "MODEL_CARD.md").read_text()


def test_without_a_version_it_gets_one_that_only_this_content_has(run: Path, tmp_path: Path) -> None:
    first, again, other = (
        release(run, tmp_path / name, Release(start_share=share)) for name, share in (("a", 0), ("b", 0), ("c", 0.5))
    )
    assert first.version.startswith("0.0.0+")
    assert first.version == again.version != other.version


def test_what_the_start_learnt_from_is_named_but_not_the_texts_of_a_language_model_it_leaves(
    plan: TrainingPlan, tmp_path: Path
) -> None:
    start = Bundle.open().model
    optimisation = replace(plan.optimisation, steps=1, consistency=0)
    train(
        plan.model_copy(update={"start": "bundled", "alphabet": start.alphabet, "optimisation": optimisation}),
        tmp_path / "run",
    )
    model = release(tmp_path / "run", tmp_path / "model", Release())
    names = [source.name for source in model.sources]
    assert "PP-OCRv6 small detector" in names
    assert "hooker-en" in names
    assert names[-1] == "letters"
    assert not any("language model" in source.kind for source in model.sources)
    assert model.version.startswith(f"{start.version}+")


def test_datasets_name_their_sources_and_plans_may_say_more(tmp_path: Path) -> None:
    line = Sample("a", "x", "t", "line", "letters", "d", licence="CC0-1.0", sha256="0")
    samples = (line, replace(line, sample_id="b", kind="word"))
    dataset = Dataset(tmp_path, samples)
    (source,) = data_sources([dataset])
    assert (source.kind, source.licence, source.sha256) == ("lines and words", "CC0-1.0", dataset.content_hash)
    stated = source.model_copy(update={"origin": "the attic", "sha256": ""})
    fonts = source.model_copy(update={"name": "fonts"})
    described, added = data_sources([dataset], [stated, fonts])
    assert (described.origin, described.sha256) == ("the attic", dataset.content_hash)
    assert added == fonts
    assert joined_sources([source], [stated]) == (stated,)


def test_only_starting_weights_is_the_start(run: Path) -> None:
    scores = compare_run(run, 10, (0.0, 1.0))
    assert scores["now, 1 of the start"] == scores["start"]


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="training run"):
        read_plan(tmp_path)
