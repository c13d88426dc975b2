"""The head for digits is taught from recorded digits, and computes in the package what it was taught."""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from inkread.bundle import Bundle, file_sha256
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.digits import DigitHead
from recipe import digits

SHAPES = {
    "0": [(0, 0), (50, 0), (50, 100), (0, 100), (0, 0)],
    "1": [(0, 0), (2, 100)],
    "2": [(0, 0), (50, 0), (50, 50), (0, 100), (50, 100)],
    "3": [(0, 0), (50, 0), (20, 50), (50, 50), (50, 100), (0, 100)],
    "4": [(0, 0), (0, 50), (50, 50), (50, 0), (50, 100)],
    "5": [(50, 0), (0, 0), (0, 50), (50, 50), (50, 100), (0, 100)],
    "7": [(0, 0), (50, 0), (0, 100)],
}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.open("bundled")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [
        {"kind": "char", "text": text, "writer": "a", "n": [len(points)]}
        | {axis: np.diff([point[k] for point in points], prepend=0).tolist() for k, axis in enumerate("xy")}
        for text, points in SHAPES.items()
    ]
    (tmp_path / "unipen-en").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "unipen-en" / "train.parquet")
    return tmp_path


def test_a_head_is_taught_and_saved_for_its_recogniser(
    data: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = data / "digits.onnx"
    arguments = ["--data", str(data), "--numbers", "144", "--epochs", "8", "-o", str(output)]
    monkeypatch.setattr(sys, "argv", ["digits", *arguments])
    digits.main()
    losses = [float(line.split(": ")[1]) for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert len(losses) == 8
    assert losses[-1] < losses[0], losses
    assert DigitHead(output).fits == file_sha256(bundle.recognizer)


def test_what_is_computed_is_what_was_taught(bundle: Bundle, tmp_path: Path) -> None:
    alphabet = Alphabet(bundle.model.alphabet)
    frames = torch.randn(20, len(alphabet) + 1, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    torch.manual_seed(0)
    taught = digits.Head(alphabet).eval()
    torch.nn.init.normal_(taught.out.weight)
    taught.save(tmp_path / "digits.onnx", "")
    with torch.no_grad():
        expected = taught.corrected(frames[None])[0, :, :-1].numpy()
    corrected = DigitHead(tmp_path / "digits.onnx")(frames.numpy(), alphabet)
    assert corrected[:, taught.known] == pytest.approx(expected, abs=1e-3)
