"""The learning rate, and what a step leaves alone."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inkread.recognition.alphabet import Alphabet
from inkread.training.module import Optimisation, RecognizerModule, divergence
from inkread.training.network import Recognizer
from inkread.training.stream import Batch


def test_the_rate_warms_up_holds_and_falls() -> None:
    settings = Optimisation(steps=100, warm_up=10, decay=0.5)
    assert [round(settings.factor(step), 2) for step in (0, 9, 40, 50, 75, 100)] == [0.1, 1, 1, 1, 0.5, 0]


def test_frozen_blocks_do_not_learn_and_the_backbone_learns_more_slowly() -> None:
    module = RecognizerModule(
        Recognizer(4), Alphabet("abc"), Optimisation(rate=1e-3, backbone_share=0.5, frozen_blocks=1)
    )
    optimiser = module.configure_optimizers()["optimizer"]
    slow, fast = optimiser.param_groups
    learning = {id(weight) for group in optimiser.param_groups for weight in group["params"]}
    assert not learning & {id(weight) for weight in module.network.stem.parameters()}
    assert {id(weight) for weight in module.network.head.parameters()} <= learning
    assert slow["initial_lr"] == 0.5 * fast["initial_lr"]


def log_probs(*frames: tuple[float, ...]) -> Tensor:
    """One line, a frame for each row of probabilities."""
    return torch.tensor([frames]).log()


def test_the_divergence_is_symmetric_and_leaves_padding_out() -> None:
    one, other = log_probs((0.5, 0.5), (0.9, 0.1)), log_probs((0.25, 0.75), (0.1, 0.9))
    ways = 0.5 * math.log(2) + 0.5 * math.log(2 / 3), 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    expected = sum(ways) / 2
    inside = torch.tensor([1])
    assert divergence(torch.cat((one, other)), inside) == pytest.approx(expected, rel=1e-5)
    assert divergence(torch.cat((other, one)), inside) == pytest.approx(expected, rel=1e-5)
    assert divergence(torch.cat((one, one)), torch.tensor([2])) == pytest.approx(0)


def test_each_view_is_pulled_towards_the_other() -> None:
    logits = torch.tensor([[[2.0, 0.0]], [[0.0, 0.0]]], requires_grad=True)
    (gradient,) = torch.autograd.grad(divergence(F.log_softmax(logits, 2), torch.tensor([1])), logits)
    pull = -gradient
    assert pull[0, 0, 0] < 0 < pull[1, 0, 0]


def test_two_views_cost_what_one_does_when_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    module = RecognizerModule(Recognizer(4), Alphabet("abc"), Optimisation(consistency=0.5))
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    monkeypatch.setattr(module.network, "forward", read_grey)
    strips = torch.randint(0, 255, (3, 1, 48, 64), dtype=torch.uint8)
    rest = (torch.tensor([64, 64, 40]), torch.tensor([1, 2, 3, 1]), torch.tensor([1, 2, 1]))
    alone = module.training_step(Batch(strips, *rest), 0).item()
    twice = module.training_step(Batch(torch.cat((strips, strips)), *rest), 0).item()
    apart = module.training_step(Batch(torch.cat((strips, 255 - strips)), *rest), 0).item()
    inverted = module.training_step(Batch(255 - strips, *rest), 0).item()
    assert twice == pytest.approx(alone, rel=1e-4)
    assert apart > (alone + inverted) / 2 + 0.01, "the mean of both, and what parts them"


def read_grey(strips: Tensor) -> Tensor:
    """Log-probabilities [batch, 15, 4] that follow the grey of a few pixels."""
    return F.log_softmax(strips[:, 0, :4, :60:4].float().transpose(1, 2) / 64, 2)
