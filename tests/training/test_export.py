"""What is shipped is the exported file, so it must read as the trained network does."""

from pathlib import Path

import numpy as np
import torch

from inkread.recognition.line_images import HEIGHT
from inkread.training.export import export_onnx, quantise
from inkread.training.network import Recognizer
from inkread.training.scoring import onnx_frames


def test_exported_networks_agree_with_the_trained_one_at_any_width(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Recognizer(7).eval()
    source, target = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    export_onnx(network, source)
    rng = np.random.default_rng(0)
    samples = [rng.integers(0, 256, (1, 1, HEIGHT, 160)).astype(np.uint8) for _ in range(4)]
    quantise(source, target, samples)
    for width in (64, 203):
        strips = rng.integers(0, 256, (3, 1, HEIGHT, width)).astype(np.uint8)
        with torch.no_grad():
            expected = network(torch.from_numpy(strips)).exp().numpy()
        assert np.abs(np.exp(onnx_frames(source)(strips)) - expected).max() < 1e-4
        assert np.abs(np.exp(onnx_frames(target)(strips)) - expected).max() < 0.05
    assert target.stat().st_size < 0.4 * source.stat().st_size
