"""A variant must differ from the plan in what its name says, and a source that was left out must be measured."""

from pathlib import Path

import pytest

from inkread.recognition.alphabet import Alphabet
from inkread.training.data import training_mixture
from inkread.training.train import TrainingPlan, starting_network
from recipe import ablation
from recipe.ablation import ablations, held_out_table, run_variant, table, watched_lines, without


def test_each_variant_takes_one_part_away(plan: TrainingPlan) -> None:
    variants = ablations(plan.model_copy(update={"start": "bundled"}))
    assert variants["random start"].start is None
    assert variants["without augmentation"].augmentation is None
    assert set(variants["without synthesis"].mixture.shares.values()) == {0.0}
    assert variants["without pages"].mixture.emphasis == {"letters": 0.0}
    assert variants["all"].mixture == plan.mixture


def test_left_out_sources_are_not_learnt_from_but_measured(plan: TrainingPlan) -> None:
    lone = without(plan, ("letters", "unipen-en"))
    assert lone.mixture.emphasis["letters"] == 0.0
    assert lone.mixture.shares["plain"] == lone.mixture.shares["text"] == 0.0
    assert {line.source for line in watched_lines(lone, 3)} == {"letters"}


def test_a_source_without_val_lines_is_measured_on_its_training_lines(
    plan: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "validation_lines", lambda *_: [])
    assert watched_lines(plan, 3) == [], "it was learnt from"
    (line, *_) = watched_lines(without(plan, ("letters",)), 3)
    assert line.sample[0].shape[0] == 48


def test_a_measured_variant_is_not_run_again(
    plan: TrainingPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = run_variant(plan, tmp_path, watched_lines(plan, 3))
    assert scores["trained"]["letters"] > 0
    assert scores["lines"]["all"] == sum(scores["lines"].values()) / 2 > 0
    monkeypatch.setattr(ablation, "train", lambda *_: pytest.fail("trained again"))
    assert run_variant(plan, tmp_path, []) == scores


def test_weights_mixed_with_the_start_are_measured_apart_from_those_without(
    plan: TrainingPlan, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cer.json").write_text('{"trained": {}}')
    shares = []

    def mixed(_plan: TrainingPlan, _checkpoint: Path, share: float) -> object:
        shares.append(share)
        return starting_network(plan).eval()

    monkeypatch.setattr(ablation, "train", lambda *_: run)
    monkeypatch.setattr(ablation, "trained_network", mixed)
    assert run_variant(plan, tmp_path, watched_lines(plan, 3), 0.5)["trained"]
    assert shares == [0.5]
    assert (tmp_path / "cer with 0.5 of the start.json").is_file()


def test_tables_show_percent_and_ratio() -> None:
    scores = {"start": {"a": 0.4, "all": 0.4}, "trained": {"a": 0.2, "all": 0.2}}
    assert "| a | 40.0 | 20.0 |" in table({"all": scores})
    assert "| a | 40.0 | 20.0 | 0.50 |" in held_out_table({("a",): scores})


def test_without_pages_only_synthesis_is_drawn(plan: TrainingPlan) -> None:
    fonts = Path(__file__).parents[2] / "src" / "inkread" / "assets" / "fonts"
    mixture = plan.mixture.model_copy(update={"written_fonts": (fonts,), "shares": {"written": 0.2}})
    lone = ablations(plan.model_copy(update={"mixture": mixture}))["without pages"]
    sources, weights = training_mixture(lone.mixture, Alphabet(plan.alphabet))
    assert len(sources) == len(weights) == 1
