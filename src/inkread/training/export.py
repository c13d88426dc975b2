"""ONNX files of the network: float, int8 (static, QDQ), half-precision storage, and how well they agree.

Usage: ``export_onnx(network, Path("float.onnx")); quantise(Path("float.onnx"), Path("int8.onnx"), samples)``
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from inkread.bundle import Bundle
from inkread.data.store import LineStore
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import HEIGHT, Grey
from inkread.training.network import Recognizer
from inkread.training.scoring import cer, onnx_frames, pad_batch, read_lines, torch_frames

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
                # measured one sample after the other: all of them together take gigabytes of memory
                extra_options={"CalibPercentile": PERCENTILE, "CalibStridedMinMax": 1},
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
    def __init__(self, samples: Sequence[Grey], input_name: str) -> None:
        self._samples, self._name = samples, input_name
        self._items = iter(samples)

    def __len__(self) -> int:
        return len(self._samples)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Go on with these samples."""
        self._items = iter(self._samples[start_index:end_index])

    def get_next(self) -> dict[str, Grey] | None:
        """Return the next input, or None after the last."""
        item = next(self._items, None)
        return None if item is None else {self._name: item}


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
