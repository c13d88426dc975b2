from pathlib import Path

import pytest

from inkread.errors import BundleError
from inkread.runtime import open_session


def test_a_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.onnx: the network cannot be read"):
        open_session(tmp_path / "none.onnx")


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"not a network")
    with pytest.raises(BundleError, match=r"odd\.onnx: onnxruntime cannot run this network"):
        open_session(tmp_path / "odd.onnx")
