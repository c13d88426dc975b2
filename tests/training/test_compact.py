"""Half the bytes, the same results within what float16 can hold."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from inkread.training.compact import store_as_half, store_as_int8


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


def test_matrices_of_a_recurrent_layer_take_a_quarter_and_read_alike() -> None:
    rng = np.random.default_rng(0)
    cells, inputs = 16, 24
    spread = rng.uniform(0.01, 2, (2, 4 * cells, 1))
    weights = {"w": inputs, "r": cells}
    tensors = {
        name: (rng.normal(size=(2, 4 * cells, size)) * spread / 8).astype(np.float32) for name, size in weights.items()
    }
    tensors["w"][0, 3] = 0
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=cells, direction="bidirectional")],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [9, 1, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [9, 2, 1, cells])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = rng.normal(size=(9, 1, inputs)).astype(np.float32)
    before = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    size = model.ByteSize()
    store_as_int8(model, "LSTM", rows=2)
    store_as_half(model)
    onnx.checker.check_model(model)
    after = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
    assert model.ByteSize() < 0.35 * size
    assert np.abs(after - before).max() < 0.02
    assert np.abs(before).max() > 0.2


def test_only_convolutions_over_one_dimension_become_int8() -> None:
    rng = np.random.default_rng(0)
    line, page = (rng.normal(size=size).astype(np.float32) for size in ((8, 16, 3), (8, 1, 3, 3)))
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "line"], ["y"], pads=[1, 1]),
            helper.make_node("Conv", ["picture", "page"], ["z"]),
        ],
        "convolutions",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 20]),
            helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 1, 5, 5]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 20]),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 8, 3, 3]),
        ],
        [numpy_helper.from_array(line, "line"), numpy_helper.from_array(page, "page")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    inputs = {
        "x": rng.normal(size=(1, 16, 20)).astype(np.float32),
        "picture": rng.normal(size=(1, 1, 5, 5)).astype(np.float32),
    }
    before = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    store_as_int8(model, "Conv", rows=1)
    onnx.checker.check_model(model)
    after = onnxruntime.InferenceSession(model.SerializeToString()).run(None, inputs)
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert kinds["line_int8"] == TensorProto.INT8
    assert kinds["page"] == TensorProto.FLOAT
    assert 0 < np.abs(after[0] - before[0]).max() < 0.2
    assert np.array_equal(after[1], before[1])
