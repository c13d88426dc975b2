"""The network's shapes are what the reader computes character positions from."""

import pytest
import torch

from inkread.recognition.line_images import HEIGHT
from inkread.training.network import Recognizer


@pytest.mark.parametrize("frames_per_step", [1, 2])
@pytest.mark.parametrize("width", [16, 67, 200])
def test_frames_are_as_many_as_announced_and_sum_to_one(frames_per_step: int, width: int) -> None:
    network = Recognizer(5, frames_per_step).eval()
    log_probs = network(torch.zeros((2, 1, HEIGHT, width), dtype=torch.uint8))
    assert log_probs.shape == (2, network.frames(width), 5)
    assert log_probs.dtype == torch.float32
    assert torch.allclose(log_probs.exp().sum(2), torch.ones(2, network.frames(width)), atol=1e-5)


def test_a_rate_the_network_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or 2"):
        Recognizer(5, frames_per_step=3)


def test_every_weight_takes_part_in_training() -> None:
    network = Recognizer(5).train()
    network(torch.randint(0, 256, (1, 1, HEIGHT, 64), dtype=torch.uint8))[..., 1].sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []
