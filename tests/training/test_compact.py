"""Half the bytes, the same results within what float16 can hold."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from inkread.training.export import store_as_half


def small_model(weight: np.ndarray, scale: np.ndarray) -> onnx.ModelProto:
    """``y = (x @ weight)`` rounded to steps of ``scale``, one a column."""
    zero = np.zeros(len(scale), np.int8)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node("QuantizeLinear", ["product", "scale", "zero"], ["small"], axis=1),
            helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["y"], axis=1),
        ],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weight.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, weight.shape[1]])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(scale, "scale"),
            numpy_helper.from_array(zero, "zero"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_large_weights_become_half_and_scales_stay() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(100, 80)).astype(np.float32)
    scale = np.full(80, 0.5, np.float32)
    scale[0] = 1e-9  # nothing in float16
    model = small_model(weight, scale)
    x = rng.normal(size=(1, 100)).astype(np.float32)
    before = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    size = model.ByteSize()
    store_as_half(model)
    onnx.checker.check_model(model)
    after = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    assert model.ByteSize() < 0.55 * size
    assert np.abs(after - before).max() <= 0.5
    assert {tensor.name: tensor.data_type for tensor in model.graph.initializer}["scale"] == TensorProto.FLOAT
