"""The bundle that training began from: the small networks of PP-OCRv6, converted.

Usage: ``python -m recipe.start STORE FOLDER``; STORE holds the line images of a run, for the ranges of int8

The recogniser (Apache-2.0, from the wheel of rapidocr) gets the head that belongs to our alphabet. Its file lists its
operations in the order in which they run, which is the order in which `Recognizer` defines its modules, so weights are
handed over in that order and each shape is checked.

The detector is changed in two ways, neither of which alters what it finds on a grey page: the three input channels of
the first convolution become one, their sum; and weights are stored as float16, which halves the file. Int8 was measured
and not taken: no faster on two Zen 4 cores (its time goes into large depthwise kernels), and line precision on training
pages fell from 0.891 to 0.886.
"""

from __future__ import annotations

import tempfile
import unicodedata
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import torch
import typer
from numpy.typing import NDArray
from onnx import numpy_helper, version_converter
from torch import Tensor, nn

from inkread.bundle import DETECTOR, DataSource, InputFormat, Model, file_sha256
from inkread.cli.terminal import run_command
from inkread.data.store import LineStore
from inkread.errors import BundleError
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import HEIGHT
from inkread.training.bundling import NETWORK, calibration_strips, write_bundle
from inkread.training.export import store_as_half
from inkread.training.network import Recognizer

Floats = NDArray[np.float32]
RECOGNIZER_FILE, DETECTOR_FILE = "PP-OCRv6_rec_small.onnx", "PP-OCRv6_det_small.onnx"
LOOKALIKES = {"ſ": "f", "⁊": "7", "¬": "-", "†": "+", "€": "C", "×": "x", "Œ": "O", "œ": "o", "Æ": "A", "æ": "a"}
MISSING_BIAS = -4.0
"""Added to the bias of a character the file lacks, whose row is that of the most similar character it has."""


def ppocr_model(name: str) -> Path:
    """Path of a model file in rapidocr's wheel, such as ``PP-OCRv6_rec_small.onnx``.

    Raises:
        BundleError: rapidocr is not installed, or its wheel holds no such file.
    """
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise BundleError("rapidocr is not installed, install inkread[bench] to get the starting weights")
    path = Path(spec.origin).parent / "models" / name
    if not path.is_file():
        raise BundleError(f"{path}: the starting weights are missing, install rapidocr 3.10")
    return path


def warm_start(path: Path, alphabet: Alphabet, target: Recognizer) -> dict[str, Tensor]:
    """State dict for ``target``, with the head cut to ``alphabet``.

    Raises:
        BundleError: the file is not the network that ``target`` is.
    """
    model = onnx.load(path)
    constants = {item.name: np.asarray(onnx.numpy_helper.to_array(item)) for item in model.graph.initializer}
    weights = _Weights(list(model.graph.node), constants)
    state: dict[str, Tensor] = {}
    for name, module in target.named_modules():
        if module is target.head:
            weight, bias = _cut_head(*weights.linear(), _dictionary(model), alphabet)
        elif isinstance(module, nn.Conv2d):
            weight, bias = weights.convolution()
        elif isinstance(module, nn.LayerNorm):
            weight, bias = weights.layer_norm()
        elif isinstance(module, nn.Linear):
            weight, bias = weights.linear()
        else:
            continue
        if name == "stem.first":
            weight = weight.sum(1, keepdims=True)
        state[f"{name}.weight"] = torch.from_numpy(np.array(weight))
        state[f"{name}.bias"] = torch.from_numpy(np.array(bias))
    for key, value in target.state_dict().items():
        if key not in state or state[key].shape != value.shape:
            raise BundleError(f"{path}: {key} does not fit, this is not the PP-OCRv6 small recogniser")
    return state


class _Weights:
    """Hands out the weights of an ONNX graph, in the order of its operations, one kind of layer at a time."""

    def __init__(self, nodes: list[onnx.NodeProto], constants: dict[str, Floats]) -> None:
        self._constants = constants
        self._consumers = {name: node for node in reversed(nodes) for name in node.input}
        self._convolutions = iter([node for node in nodes if node.op_type == "Conv"])
        self._products = iter([node for node in nodes if node.op_type == "MatMul" and node.input[1] in constants])
        self._norms = iter(
            [node for node in nodes if node.op_type == "Mul" and node.input[1].startswith("helper.reshape")]
        )

    def convolution(self) -> tuple[Floats, Floats]:
        node = next(self._convolutions)
        weight = self._constants[node.input[1]]
        follower = self._consumers[node.output[0]]
        if follower.op_type != "BatchNormalization":
            return weight, self._constants[follower.input[1]].reshape(-1)
        gain, shift, mean, variance = (self._constants[name] for name in follower.input[1:])
        epsilon = next(item.f for item in follower.attribute if item.name == "epsilon")
        scale = gain / np.sqrt(variance + epsilon)
        return weight * scale[:, None, None, None], shift - mean * scale

    def linear(self) -> tuple[Floats, Floats]:
        node = next(self._products)
        follower = self._consumers[node.output[0]]
        return self._constants[node.input[1]].T, self._constants[follower.input[1]]

    def layer_norm(self) -> tuple[Floats, Floats]:
        node = next(self._norms)
        return self._constants[node.input[1]], self._constants[self._consumers[node.output[0]].input[1]]


def _dictionary(model: onnx.ModelProto) -> dict[str, int]:
    """Class of each character; the blank is class 0 and the space the last."""
    listed = next(item.value for item in model.metadata_props if item.key == "character").split("\n")
    classes = {character: index for index, character in enumerate(listed, start=1)}
    classes[" "] = model.graph.output[0].type.tensor_type.shape.dim[2].dim_value - 1
    return classes


def _cut_head(weight: Floats, bias: Floats, classes: dict[str, int], alphabet: Alphabet) -> tuple[Floats, Floats]:
    """Keep the blank and the alphabet's rows of a [classes, width] head."""
    rows, penalties = [0], [0.0]
    for character in alphabet.characters:
        known = character in classes
        rows.append(classes[character if known else _similar(character)])
        penalties.append(0.0 if known else MISSING_BIAS)
    return weight[rows], (bias[rows] + np.array(penalties)).astype(np.float32)


def _similar(character: str) -> str:
    return LOOKALIKES.get(character) or unicodedata.normalize("NFKD", character)[0]


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


def first_bundle(store: Annotated[Path, typer.Argument(exists=True)], folder: Path) -> Model:
    """Write the bundle of the converted networks; ``store`` gives line images to measure the ranges of int8 on."""
    path, alphabet = ppocr_model(RECOGNIZER_FILE), Alphabet(LATIN)
    network = Recognizer(len(alphabet) + 1)
    network.load_state_dict(warm_start(path, alphabet, network))
    model = Model(
        name="inkread-start",
        version="0.1.0",
        summary="The small recogniser of PP-OCRv6, its head cut to a Latin alphabet, not yet trained on handwriting.",
        alphabet=LATIN,
        input=InputFormat(height=HEIGHT, stride=network.stride),
        sources=(
            _source("recogniser", "starting weights", RECOGNIZER_FILE),
            _source("detector", NETWORK, DETECTOR_FILE),
        ),
        training_command="python -m recipe.start STORE FOLDER",
    )
    with tempfile.TemporaryDirectory() as made:
        detector = Path(made) / DETECTOR
        export_detector(ppocr_model(DETECTOR_FILE), detector)
        return write_bundle(network, model, folder, calibration_strips(LineStore.open(store)), detector)


def _source(part: str, kind: str, file: str) -> DataSource:
    return DataSource(
        name=f"PP-OCRv6 small {part}",
        kind=kind,
        licence="Apache-2.0",
        origin=f"PaddlePaddle/PaddleOCR, {file} in the wheel of rapidocr {version('rapidocr')}",
        sha256=file_sha256(ppocr_model(file)),
    )


if __name__ == "__main__":
    run_command(typer.run, first_bundle)
