"""What is exported must read what was trained."""

from pathlib import Path

import torch

from inkread.bundle import Bundle
from inkread.recognition.alphabet import Alphabet
from inkread.training.export import measure_parity
from inkread.training.network import load_network


def test_the_bundled_model_reads_as_its_weights_do(stores: Path) -> None:
    bundle = Bundle.open()
    model = bundle.model
    network = load_network(bundle.weights, Alphabet(model.alphabet), model.input.stride).eval()
    figures = measure_parity(network, bundle.folder, stores / "val")
    assert figures["float_difference"] < 1e-3
    assert figures["lines"] == 5
    with torch.no_grad():
        network.head.bias.add_(torch.randn(len(network.head.bias)) * 8)
    assert measure_parity(network, bundle.folder, stores / "val")["changed_lines"] > 0
