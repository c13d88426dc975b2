"""The text detector of a bundle, made from PP-OCRv6's small detector.

Usage: ``export_detector(ppocr_model("PP-OCRv6_det_small.onnx"), bundle / "detector.onnx")``

Two changes, neither of which alters what it finds on a grey page: the three input channels of the first
convolution become one, their sum; and weights are stored as float16, which halves the file. Int8 was measured and
not taken: no faster on two Zen 4 cores (its time goes into large depthwise kernels), and line precision on
training pages fell from 0.891 to 0.886.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import numpy_helper, version_converter

from inkread.io.files import write_bytes
from inkread.training.export import store_as_half

OPSET = 17


def export_detector(source: Path, target: Path) -> None:
    """Write the detector for grey pages.

    Args:
        source: ONNX file of PP-OCRv6's small detector, as rapidocr's wheel carries it.
        target: ONNX file; input float32 [1, 1, rows, columns] in [-1, 1], output the probability of text.
    """
    model = onnx.load(source)
    _fold_channels(model)
    converted = version_converter.convert_version(model, OPSET)
    store_as_half(converted)
    onnx.checker.check_model(converted)
    write_bytes(target, converted.SerializeToString())


def _fold_channels(model: onnx.ModelProto) -> None:
    graph = model.graph
    first = next(node for node in graph.node if node.op_type == "Conv")
    weight = next(tensor for tensor in graph.initializer if tensor.name == first.input[1])
    summed = numpy_helper.to_array(weight).sum(axis=1, keepdims=True)
    weight.CopyFrom(numpy_helper.from_array(summed, weight.name))
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    del graph.value_info[:]
