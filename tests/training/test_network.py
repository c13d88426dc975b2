"""The network's shapes are what the reader computes character positions from."""

import pytest
import torch

from inkread.training.network import HEIGHT, ContextShape, Recognizer


@pytest.mark.parametrize(("context", "draft"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("frames_per_step", [1, 2])
@pytest.mark.parametrize("width", [16, 67, 200])
def test_frames_are_as_many_as_announced_and_sum_to_one(
    frames_per_step: int, width: int, context: bool, draft: bool
) -> None:
    network = Recognizer(5, frames_per_step, context=ContextShape() if context else None, draft=draft).eval()
    read, drafted = network.readings(torch.zeros((2, 1, HEIGHT, width), dtype=torch.uint8))
    assert (drafted is not None) == draft
    for log_probs in (read, drafted) if drafted is not None else (read,):
        assert log_probs.shape == (2, network.frames(width), 5)
        assert log_probs.dtype == torch.float32
        assert torch.allclose(log_probs.exp().sum(2), torch.ones(2, network.frames(width)), atol=1e-5)


def test_a_rate_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or 2"):
        Recognizer(5, frames_per_step=3)


def test_every_weight_takes_part_in_training() -> None:
    network = Recognizer(5, context=ContextShape(), draft=True).train()
    network(torch.randint(0, 256, (1, 1, HEIGHT, 64), dtype=torch.uint8))[..., 1].sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_a_fresh_context_changes_nothing_and_a_taught_one_reaches_both_ways() -> None:
    torch.manual_seed(0)
    network = Recognizer(5).eval()
    strips = torch.randint(0, 256, (1, 1, HEIGHT, 400), dtype=torch.uint8)
    before = network(strips)
    network.add_context(ContextShape())
    network.eval()
    assert torch.equal(network(strips), before)
    assert network.context is not None
    torch.nn.init.normal_(network.context.spread.weight)
    features = torch.randn(1, 384, 100)
    changed = features.clone()
    changed[:, :, 50] += 5
    moved = (network.context(changed) - network.context(features)).abs().sum(2)[0]
    assert moved[40] > 0
    assert moved[60] > 0


def test_a_fresh_draft_changes_nothing_and_starts_with_the_head_of_the_network() -> None:
    torch.manual_seed(0)
    network = Recognizer(5, context=ContextShape()).eval()
    assert network.context is not None
    torch.nn.init.normal_(network.context.spread.weight)
    strips = torch.randint(0, 256, (1, 1, HEIGHT, 400), dtype=torch.uint8)
    before = network(strips)
    network.add_draft()
    network.eval()
    assert torch.equal(network(strips), before)
    assert network.draft is not None
    assert torch.equal(network.draft.head.weight, network.head.weight)
    torch.nn.init.normal_(network.draft.tell.weight)
    assert not torch.allclose(network(strips), before)


def test_a_draft_without_a_context_is_refused() -> None:
    with pytest.raises(ValueError, match="recurrent context"):
        Recognizer(5, draft=True)


def test_the_context_drops_at_its_own_rate_and_only_while_it_learns() -> None:
    torch.manual_seed(0)
    strips = torch.randint(0, 256, (1, 1, HEIGHT, 200), dtype=torch.uint8)
    for rate in (0.0, 0.5):
        network = Recognizer(5, dropout=0.0, context=ContextShape(), context_dropout=rate).train()
        assert network.context is not None
        torch.nn.init.normal_(network.context.spread.weight)
        assert torch.equal(network(strips), network(strips)) == (rate == 0)
        network.eval()
        assert torch.equal(network(strips), network(strips))
