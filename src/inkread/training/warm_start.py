"""Starting weights for the recogniser out of the PP-OCRv6 small recogniser's ONNX file.

Usage: ``Recognizer(classes).load_state_dict(warm_start(ppocr_recognizer(), alphabet, Recognizer(classes)))``

The file lists its operations in the order in which they run, which is the order in which `Recognizer` defines its
modules, so weights are handed over in that order and each shape is checked.
"""

from __future__ import annotations

import unicodedata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet
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
        raise BundleError("rapidocr is not installed, install inkread[train] to get the starting weights")
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
