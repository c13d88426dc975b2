"""A bundle is complete, says what is in it, and gives its network back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from inkread.bundle import Bundle, CalibrationValues, Confidences, DataSource, Decoding, InputFormat, Model
from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.recognizer import Recognizer as Reading
from inkread.runtime import Workers
from inkread.training.bundling import add_language_model, write_bundle
from inkread.training.network import Recognizer, load_network

ALPHABET = "abc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("bundle")
    source = DataSource(name="nothing", kind="random weights", licence="CC0-1.0")
    model = Model(name="tiny", version="1", alphabet=ALPHABET, input=InputFormat(stride=4), sources=(source,))
    rng = np.random.default_rng(0)
    write_bundle(Recognizer(4), model, folder, [rng.integers(0, 255, (48, 300), dtype=np.uint8) for _ in range(3)])
    return folder


def test_every_file_is_listed_and_unaltered(folder: Path) -> None:
    bundle = Bundle.open(folder)
    bundle.verify()
    assert set(bundle.model.files) == {"recognizer.onnx", "recognizer.safetensors", "detector.onnx"}
    assert bundle.model.parameters > 2_000_000
    assert "random weights" in (folder / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_float_weights_read_like_the_int8_network(folder: Path) -> None:
    strip = np.random.default_rng(1).integers(0, 255, (48, 320), dtype=np.uint8)
    network = load_network(folder / "recognizer.safetensors", Alphabet(ALPHABET), 4).eval()
    with torch.inference_mode():
        expected = network(torch.from_numpy(strip[None, None]))[0].numpy()
    (found,) = Reading(Bundle.open(folder), Workers(1))([strip])
    assert np.abs(np.exp(found[: len(expected)]) - np.exp(expected)).mean() < 0.05


def test_a_network_of_a_bundle_with_a_context_reads_as_its_draft(tmp_path: Path) -> None:
    state = {name: value.contiguous() for name, value in Recognizer(4).state_dict().items()}
    draft = {f"draft.{name}": torch.randn_like(state[name]) for name in ("head.weight", "head.bias")}
    context = {"context.gather.weight": torch.zeros(2), "draft.tell.weight": torch.zeros(2)}
    save_file(state | draft | context, tmp_path / "w.safetensors")
    loaded = load_network(tmp_path / "w.safetensors", Alphabet(ALPHABET), 4)
    assert torch.equal(loaded.head.weight, draft["draft.head.weight"])
    assert torch.equal(loaded.neck.norm.weight, state["neck.norm.weight"])


def test_a_network_that_cannot_do_without_its_context_is_refused(tmp_path: Path) -> None:
    save_file(Recognizer(4).state_dict() | {"context.gather.weight": torch.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(BundleError, match="start from a newer bundle"):
        load_network(tmp_path / "w.safetensors", Alphabet(ALPHABET), 4)


def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not the weights"):
        load_network(folder / "recognizer.safetensors", Alphabet("abcd"), 4)
    (tmp_path / "odd.safetensors").write_bytes(b"odd")
    with pytest.raises(BundleError, match="not the weights"):
        load_network(tmp_path / "odd.safetensors", Alphabet(ALPHABET), 4)


def test_a_language_model_comes_with_its_values_and_sources(folder: Path) -> None:
    bundled = Bundle.open().language_model
    assert bundled is not None
    decoding, calibration = Decoding(language_model_weight=0.4, length_bonus=0.5), CalibrationValues(scale=1.5)
    for _ in range(2):
        model = add_language_model(folder, bundled, decoding, Confidences(word_calibration=calibration))
    bundle = Bundle.open(folder)
    bundle.verify()
    assert bundle.model == model
    assert (model.decoding, model.word_calibration) == (decoding, calibration)
    assert len([source for source in model.sources if source.name == "hooker-en train"]) == 1
    assert model.sources[0].name == "nothing"
