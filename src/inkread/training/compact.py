"""Weights of ONNX files in fewer bytes, brought back to float32 when the network is loaded.

Usage: ``store_as_half(model)``
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MIN_SIZE = 64
QUANTISING = ("QuantizeLinear", "DequantizeLinear")


def store_as_half(model: onnx.ModelProto) -> None:
    """Keep large float32 weights of a model as float16, which halves the file and computes as before.

    Scales of quantised tensors stay as they are: they can be too small for float16.
    """
    graph = model.graph
    scales = {name for node in graph.node if node.op_type in QUANTISING for name in node.input}
    casts = []
    for tensor in graph.initializer:
        large = tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= MIN_SIZE
        if large and tensor.name not in scales:
            name, half = tensor.name, f"{tensor.name}_half"
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    _put_first(graph, casts)


def _put_first(graph: onnx.GraphProto, added: list[onnx.NodeProto]) -> None:
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
