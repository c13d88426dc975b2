"""Training on the errors to be expected of the search."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inkread.recognition.alphabet import Alphabet
from inkread.training.risk import ExpectedErrors, RiskPlan
from inkread.training.stream import Batch
from inkread.training.train import LAST, train, trained_network
from recipe.ngram import build
from tests.recipe.test_ngram import corpus
from tests.training.conftest import tiny_plan

ALPHABET = Alphabet("ab")
BLANK, A, B = range(3)


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lm") / "lm.bin"
    path.write_bytes(build([corpus(*("ab ab ab",) * 20)], order=3, least_gain=-math.inf).to_bytes())
    return path


def batch_of(*texts: str, views: int = 1, frames: int = 2) -> Batch:
    labels = [ALPHABET.encode(text) for text in texts]
    return Batch(
        strips=torch.zeros((views * len(texts), 1, 48, 8 * frames), dtype=torch.uint8),
        widths=torch.full((len(texts),), 8 * frames),
        targets=torch.tensor([label for line in labels for label in line]),
        lengths=torch.tensor([len(line) for line in labels]),
    )


def expected_edits(log_probs: Tensor, truth: str, plan: RiskPlan) -> Tensor:
    """Of all texts of two frames without a language model: each with the sum over its paths."""
    tempered = F.log_softmax(log_probs / plan.temperature, 1)
    masses: dict[str, Tensor] = {}
    for path in itertools.product(range(3), repeat=2):
        text = "".join("?ab"[label] for label, _ in itertools.groupby(path) if label)
        mass = (tempered[0, path[0]] + tempered[1, path[1]] + plan.length_bonus * len(text)).exp()
        masses[text] = masses.get(text, torch.zeros(())) + mass
    del masses[""]
    edits = {"a": {"a": 0, "b": 1, "ab": 1, "ba": 1}, "ab": {"a": 1, "b": 1, "ab": 0, "ba": 2}}[truth]
    total = torch.stack([masses[text] for text in edits]).sum()
    return torch.stack([masses[text] * edits[text] for text in edits]).sum() / total


def exact_plan(language_model: Path) -> RiskPlan:
    return RiskPlan(
        language_model=language_model, language_model_weight=0.0, candidates=5, beam_width=9, class_floor=0.0
    )


@pytest.mark.parametrize("truth", ["a", "ab"])
def test_the_gradient_is_that_of_the_errors_to_be_expected(truth: str, language_model: Path) -> None:
    plan = exact_plan(language_model)
    logits = torch.tensor([[0.2, 1.0, 0.3], [0.1, 0.4, 0.9]], requires_grad=True)

    loss = ExpectedErrors(plan, ALPHABET)(F.log_softmax(logits, 1)[None], torch.tensor([2]), batch_of(truth))
    (found,) = torch.autograd.grad(loss, logits)
    (wanted,) = torch.autograd.grad(expected_edits(F.log_softmax(logits, 1), truth, plan) / len(truth), logits)

    assert torch.allclose(found, wanted, atol=1e-5)
    assert found.abs().max() > 0.01


def test_the_language_model_leaves_less_to_learn(language_model: Path) -> None:
    """What it would choose anyhow needs no more certainty of the network."""
    logits = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.9, 1.0]], requires_grad=True)

    def pull(weight: float) -> float:
        plan = exact_plan(language_model).model_copy(update={"language_model_weight": weight})
        loss = ExpectedErrors(plan, ALPHABET)(F.log_softmax(logits, 1)[None], torch.tensor([2]), batch_of("ab"))
        return -float(torch.autograd.grad(loss, logits)[0][1, B])

    assert 0 < pull(2.0) < pull(0.0)


def test_a_line_with_one_reading_and_lines_in_two_views(language_model: Path) -> None:
    sure = torch.tensor([[[-40.0, 0.0, -40.0], [-40.0, 0.0, -40.0]]], requires_grad=True)
    loss = ExpectedErrors(RiskPlan(language_model=language_model), ALPHABET)
    assert loss(sure, torch.tensor([2]), batch_of("a")) == 0

    unsure = F.log_softmax(torch.tensor([[[0.2, 1.0, 0.3], [0.1, 0.4, 0.9]]]), 2)
    exact = ExpectedErrors(exact_plan(language_model), ALPHABET)
    one = exact(unsure, torch.tensor([2]), batch_of("ab"))
    assert exact(unsure.repeat(2, 1, 1), torch.tensor([2]), batch_of("ab", views=2)) == pytest.approx(float(one))


def test_a_run_with_expected_errors_ends_with_other_weights_than_one_without(
    stores: Path, language_model: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(stores, 2)
    risky = plan.model_copy(update={"risk": RiskPlan(language_model=language_model, likelihood=1.0, class_floor=0.0)})

    heads = []
    for name, one in (("ctc", plan), ("risk", risky)):
        train(one, tmp_path / name)
        heads.append(trained_network(one, tmp_path / name / LAST).head.bias)

    assert not torch.equal(*heads)
