import json
import shutil
from pathlib import Path

import pytest

from inkread.bundle import Bundle, Confidences, InputFormat, Model, Rejection, file_sha256
from inkread.errors import BundleError
from inkread.recognition.alphabet import LATIN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = Model(
        name="tiny",
        version="1",
        alphabet=LATIN,
        input=InputFormat(stride=4),
        files={"recognizer.onnx": file_sha256(Path(__file__))},
    )
    (tmp_path / "model.json").write_text(model.model_dump_json(), encoding="utf-8")
    shutil.copy(__file__, tmp_path / "recognizer.onnx")
    return tmp_path


def test_the_bundled_model_is_whole_small_and_says_where_it_comes_from() -> None:
    bundle = Bundle.open()
    bundle.verify()
    assert set(bundle.model.files) >= {"recognizer.onnx", "recognizer.safetensors", "detector.onnx"}
    assert bundle.model.parameters < 10_000_000
    assert bundle.recognizer.stat().st_size < 8 * 2**20
    assert all(source.licence for source in bundle.model.sources)
    assert (bundle.folder / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_optional_parts_are_none_where_they_are_missing(folder: Path) -> None:
    bundle = Bundle.open(folder)
    assert bundle.detector is None
    assert bundle.language_model is None


def test_an_altered_file_is_found(folder: Path) -> None:
    Bundle.open(folder).verify()
    (folder / "recognizer.onnx").write_bytes(b"altered")
    with pytest.raises(BundleError, match=r"recognizer\.onnx: the content does not match"):
        Bundle.open(folder).verify()


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no model bundle here"):
        Bundle.open(tmp_path)


def test_a_missing_network_is_named(folder: Path) -> None:
    (folder / "recognizer.onnx").unlink()
    with pytest.raises(BundleError, match=r"recognizer\.onnx is missing"):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": {"height": 3, "stride": 4}}, r"input\.height"),
        ({"colour": "blue"}, "colour"),
        ({"name": None}, "name"),
    ],
)
def test_a_wrong_description_is_explained(folder: Path, change: dict[str, object], message: str) -> None:
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(description | change), encoding="utf-8")
    with pytest.raises(BundleError, match=message):
        Bundle.open(folder)


def test_a_description_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match=r"model\.json"):
        Bundle.open(folder)


def test_a_rate_is_promised_by_the_confidence_that_kept_it() -> None:
    rows = (
        Rejection(cer=0.02, confidence=0.95, coverage=0.3),
        Rejection(cer=0.05, confidence=0.8, coverage=0.7),
    )
    model = Bundle.open().model.model_copy(update={"rejection": rows, "greedy": None})
    assert model.confidence_for(0.05) == 0.8
    assert model.confidence_for(0.04) == 0.95
    assert model.confidence_for(0.9) == 0.8
    alone = Confidences(rejection=(Rejection(cer=0.05, confidence=0.99, coverage=0.1),))
    both = model.model_copy(update={"greedy": alone})
    assert both.confidence_for(0.05) == 0.8
    assert both.confidence_for(0.05, language_model=False) == 0.99
    assert model.confidence_for(0.05, language_model=False) == 0.8, "it has one way of decoding only"
    with pytest.raises(BundleError, match=r"the lowest that was reached is 2\.0%"):
        model.confidence_for(0.01)
    with pytest.raises(BundleError, match="none was measured"):
        model.model_copy(update={"rejection": ()}).confidence_for(0.5)
