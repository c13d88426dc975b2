"""Open an ONNX network on the CPU with explicit thread counts.

Usage: ``session = open_session(bundle.recognizer, threads=2)``
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from inkread.errors import BundleError
from inkread.workers import usable_processors


def open_session(path: Path, threads: int | None = None) -> ort.InferenceSession:
    """Open a network.

    Args:
        path: an .onnx file.
        threads: threads within an operator; None takes the processors this process may use.

    Raises:
        BundleError: the file is missing or no network that onnxruntime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_processors()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # there may be other work to do
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError:
        raise BundleError(f"{path}: the network cannot be read; copy the whole bundle folder") from None
    except Exception as error:  # onnxruntime raises classes of its own binding, without a common base
        raise BundleError(f"{path}: onnxruntime cannot run this network ({error})") from None
