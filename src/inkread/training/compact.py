"""Weights of ONNX files in fewer bytes, brought back to float32 when the network is loaded.

Usage: ``store_as_int8(model, "LSTM", rows=2); store_as_half(model)``
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MIN_SIZE = 64
QUANTISING = ("QuantizeLinear", "DequantizeLinear")
LARGEST = 127
RANK = 3


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


def store_as_int8(model: onnx.ModelProto, operation: str, rows: int) -> None:
    """Keep the weights with three axes of one kind of operation as int8, with a scale a row.

    The first ``rows`` axes tell the rows apart: 2 for an LSTM, 1 for a convolution over one dimension. The weights are
    float32 again in memory, so what an operation gives does not depend on what else is in the batch.
    """
    graph = model.graph
    wanted = {name for node in graph.node if node.op_type == operation for name in node.input}
    nodes = []
    for tensor in list(graph.initializer):
        if tensor.name not in wanted or len(tensor.dims) != RANK:
            continue
        weights = numpy_helper.to_array(tensor)
        largest = np.abs(weights).max(axis=tuple(range(rows, RANK)), keepdims=True)
        scale = np.maximum(largest / LARGEST, np.finfo(np.float16).tiny)
        scale = scale.astype(np.float16).astype(np.float32)  # as `store_as_half` will keep it
        name, small, row, wide = tensor.name, *(f"{tensor.name}_{part}" for part in ("int8", "scale", "cast"))
        tensor.CopyFrom(numpy_helper.from_array(np.rint(weights / scale).astype(np.int8), small))
        graph.initializer.append(numpy_helper.from_array(scale, row))
        nodes.append(helper.make_node("Cast", [small], [wide], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [wide, row], [name]))
    _put_first(graph, nodes)


def _put_first(graph: onnx.GraphProto, added: list[onnx.NodeProto]) -> None:
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
