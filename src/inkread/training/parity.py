"""Do the exported networks read what the trained one reads?

Usage: ``measure_parity(network, Path("bundle"), Path("shards/val"))["int8_cer"]``
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from inkread.recognition.alphabet import Alphabet
from inkread.recognition.bundle import Bundle
from inkread.training.export import export_onnx
from inkread.training.lines import LineStore
from inkread.training.network import Recognizer
from inkread.training.scoring import cer, onnx_frames, pad_batch, read_lines, torch_frames

LINES = 100


def measure_parity(network: Recognizer, bundle: Path, store: Path) -> dict[str, float]:
    """Compare PyTorch, float ONNX and the bundle's int8 ONNX on lines of a store.

    Returns:
        ``float_difference``: largest difference of a log-probability between PyTorch and float ONNX on the first line;
        ``torch_cer``, ``int8_cer``: greedy CER; ``changed_lines``: share of lines that int8 reads differently.
    """
    opened, lines = Bundle.open(bundle), LineStore.open(store)
    alphabet = Alphabet(opened.model.alphabet)
    chosen = range(0, len(lines), max(len(lines) // LINES, 1))
    images, truths = [lines.image(i) for i in chosen], [lines.lines[i].text for i in chosen]
    batch = pad_batch(images[:1], 32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "float.onnx"
        export_onnx(network, path)
        difference = np.abs(onnx_frames(path)(batch) - torch_frames(network)(batch)).max()
    trained = read_lines(torch_frames(network), images, alphabet)
    exported = read_lines(onnx_frames(opened.recognizer), images, alphabet)
    return {
        "float_difference": round(float(difference), 6),
        "torch_cer": round(cer(truths, trained), 5),
        "int8_cer": round(cer(truths, exported), 5),
        "changed_lines": round(sum(a != b for a, b in zip(trained, exported, strict=True)) / len(images), 4),
        "lines": len(images),
    }
