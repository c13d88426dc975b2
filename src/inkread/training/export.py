"""The network as ONNX: a float file and an int8 file made from it.

Usage: ``export_onnx(network, float_path); quantise(float_path, int8_path, strips)``

The graph takes ``strips``, uint8 [batch, 1, height, width], normalises them itself, and gives ``log_probs``,
float32 [batch, frames, classes]. Batch and width are free. In the int8 file the pointwise convolutions compute in int8;
the other weights are stored as float16 and compute as float32.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from inkread.files import write_bytes
from inkread.training.compact import store_as_half
from inkread.training.network import HEIGHT, Recognizer

Grey = NDArray[np.uint8]
OPSET = 20
INPUT, OUTPUT = "strips", "log_probs"
STEM = "/stem/"
PERCENTILE = 99.99


def export_onnx(network: Recognizer, path: Path) -> None:
    """Write a network as a float32 ONNX file."""
    example = torch.zeros((2, 1, HEIGHT, 256), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "batch", 3: "width"}, OUTPUT: {0: "batch", 1: "frames"}},
        )


def quantise(source: Path, target: Path, samples: Sequence[Grey], *, input_name: str = INPUT) -> None:
    """Write an int8 version: static per-channel pointwise convolutions; neck and head stay float.

    Dynamic int8 products there would take their range from the whole batch, so that what is read in a line would
    depend on the lines beside it. Ranges are clipped at a percentile, because the few largest activations would make
    all steps coarse: ranges from minimum to maximum cost twice the accuracy.

    Args:
        source: float ONNX file.
        target: int8 ONNX file.
        samples: typical inputs, [batch, channels, height, width] of the type the graph takes.
        input_name: of the graph.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        with redirect_stdout(StringIO()):  # the histograms are announced there
            quantize_static(
                str(prepared),
                str(target),
                _Samples(samples, input_name),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                nodes_to_quantize=_pointwise(prepared),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": PERCENTILE},
            )
    model = onnx.load(target)
    store_as_half(model)
    write_bytes(target, model.SerializeToString())


def _pointwise(path: Path) -> list[str]:
    """The 1 x 1 convolutions of blocks and neck: most of the work, and they bear rounding.

    Rounding the depthwise convolutions too cost 1 point of CER, rounding the stem gave neither speed nor accuracy,
    and the convolutions on pooled features are too small to matter.
    """
    graph = onnx.load(path).graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    pooled: set[str] = set()
    chosen = []
    for node in graph.node:
        if node.op_type == "ReduceMean" or (node.op_type in ("Relu", "Conv") and pooled & set(node.input)):
            pooled.update(node.output)
        elif node.op_type == "Conv" and shapes[node.input[1]][2:] == (1, 1) and not node.name.startswith(STEM):
            chosen.append(node.name)
    return chosen


class _Samples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: Iterable[Grey], input_name: str) -> None:
        self._items: Iterator[Grey] = iter(samples)
        self._name = input_name

    def get_next(self) -> dict[str, Grey] | None:
        """Return the next input, or None after the last."""
        item = next(self._items, None)
        return None if item is None else {self._name: item}
