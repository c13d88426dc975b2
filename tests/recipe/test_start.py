"""Starting weights that are read wrongly make a reader that looks trained and is not."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.training.network import MEAN, Recognizer
from recipe.start import RECOGNIZER_FILE, first_bundle, ppocr_model, warm_start

pytest.importorskip("rapidocr", reason="the starting weights are in rapidocr's wheel")
ALPHABET = Alphabet(LATIN)


def test_the_network_gives_what_the_original_gives_on_our_alphabet() -> None:
    path = ppocr_model(RECOGNIZER_FILE)
    network = Recognizer(len(ALPHABET) + 1, frames_per_step=1).eval()
    network.load_state_dict(warm_start(path, ALPHABET, network))
    noise = np.random.default_rng(0).integers(0, 256, (48, 320)).astype(np.uint8)
    strips = np.stack([cv2.GaussianBlur(noise, (0, 0), sigma)[None] for sigma in (2, 4)])
    session = onnxruntime.InferenceSession(str(path))
    original = np.asarray(session.run(None, {"x": np.repeat((strips - np.float32(MEAN)) / np.float32(MEAN), 3, 1)})[0])
    with torch.no_grad():
        ours = network(torch.from_numpy(strips)).exp().numpy()
    listed = ["", *session.get_modelmeta().custom_metadata_map["character"].split("\n")]
    theirs = {character: index for index, character in enumerate(listed)} | {" ": original.shape[2] - 1}
    known = [character for character in LATIN if character in theirs]
    assert len(known) > 170
    original = original[:, :, [0, *(theirs[character] for character in known)]]
    ours = ours[:, :, [0, *ALPHABET.encode("".join(known))]]
    original /= original.sum(2, keepdims=True)
    ours /= ours.sum(2, keepdims=True)
    assert np.abs(ours - original).max() < 1e-4


def test_another_network_is_refused(tmp_path: Path) -> None:
    model = onnx.load(ppocr_model(RECOGNIZER_FILE))
    first = model.graph.initializer[0]
    for tensor in model.graph.initializer:
        if tensor.dims == [96, 48, 1, 1]:
            first = tensor
    first.CopyFrom(onnx.numpy_helper.from_array(np.zeros((5, 48, 1, 1), np.float32), first.name))
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(BundleError, match="other.onnx"):
        warm_start(path, ALPHABET, Recognizer(len(ALPHABET) + 1))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(BundleError, match=r"nothing\.onnx"):
        ppocr_model("nothing.onnx")


def test_the_start_is_a_bundle_that_names_where_it_comes_from(stores: Path, tmp_path: Path) -> None:
    first_bundle(stores / "train", tmp_path)
    bundle = Bundle.open(tmp_path)
    bundle.verify()
    assert {source.name for source in bundle.model.sources} == {"PP-OCRv6 small recogniser", "PP-OCRv6 small detector"}
    assert all(len(source.sha256) == 64 for source in bundle.model.sources)
    assert bundle.detector is not None
    bundled = Bundle.open().detector
    assert bundled is not None
    operations = [[node.op_type for node in onnx.load(path).graph.node] for path in (bundle.detector, bundled)]
    assert operations[0] == operations[1], "the bundled detector is trained from it"
