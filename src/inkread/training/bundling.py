"""Write a model bundle: both networks, the description and the card.

Usage: ``write_bundle(network, Model(...), Path("model"), calibration=strips)``
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from inkread.bundle import (
    DESCRIPTION,
    DETECTOR,
    LANGUAGE_MODEL,
    RECOGNIZER,
    WEIGHTS,
    Bundle,
    Confidences,
    DataSource,
    Decoding,
    Model,
    file_sha256,
)
from inkread.errors import BundleError
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.line_images import HEIGHT
from inkread.training.detector import export_detector
from inkread.training.export import export_onnx, quantise
from inkread.training.network import Recognizer
from inkread.training.scoring import PADDING
from inkread.training.warm_start import DETECTOR_FILE, ppocr_model

Grey = NDArray[np.uint8]
CARD = "MODEL_CARD.md"
CALIBRATION_WIDTH = 640
FRAMES_PER_STEP = "frames_per_step"
CONTEXT, DRAFT, DRAFT_HEAD = "context.", "draft.", "draft.head."
TEXTS = "text of the language model"
LICENCE = "Apache-2.0; lm.bin CC BY-SA 4.0"
"""Some texts of the language model are under CC BY-SA, and the table of their n-grams is an adaptation."""


def write_bundle(network: Recognizer, model: Model, folder: Path, calibration: Sequence[Grey]) -> Model:
    """Write recogniser and detector of a bundle into ``folder``, beside optional files that are there already.

    Args:
        network: float weights, stored with half precision.
        model: the description; parameters and hashes are filled in.
        folder: the bundle folder, made where it is missing.
        calibration: strips uint8 [48, width] of training lines that the int8 ranges are measured on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        float_file, int8_file = Path(made) / "float.onnx", Path(made) / RECOGNIZER
        export_onnx(network, float_file)
        quantise(float_file, int8_file, [calibration_sample(strip) for strip in calibration])
        metadata = {FRAMES_PER_STEP: str(network.frames_per_step), "alphabet": model.alphabet}
        save_file(
            {name: value.detach().half().contiguous() for name, value in network.state_dict().items()},
            str(Path(made) / WEIGHTS),
            metadata,
        )
        for name in (RECOGNIZER, WEIGHTS):
            (Path(made) / name).chmod(0o644)
            shutil.move(Path(made) / name, folder / name)
    export_detector(ppocr_model(DETECTOR_FILE), folder / DETECTOR)
    described = model.model_copy(update={"parameters": sum(weight.numel() for weight in network.parameters())})
    return describe(described, folder)


def describe(model: Model, folder: Path) -> Model:
    """Write ``model.json`` and the card for the files that lie in a bundle folder."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.suffix not in (".json", ".md")}
    described = model.model_copy(update={"files": files})
    write_bytes(folder / CARD, _card(described).encode())
    write_bytes(folder / DESCRIPTION, (described.model_dump_json(indent=1) + "\n").encode())
    return described


def add_language_model(
    folder: Path,
    language_model: Path,
    decoding: Decoding,
    confidences: Confidences,
    greedy: Confidences | None = None,
) -> Model:
    """Put a language model into a bundle, with what was tuned for the two together and for reading without it."""
    if language_model != folder / LANGUAGE_MODEL:
        shutil.copyfile(language_model, folder / LANGUAGE_MODEL)
    model = Bundle.open(folder).model
    texts = tuple(
        DataSource(
            name=f"{source['name']} {source['version']}".strip(),
            kind=TEXTS,
            licence=str(source["licence"]),
            sha256=str(source["sha256"]),
        )
        for source in LanguageModel.load(language_model).sources
    )
    others = tuple(source for source in model.sources if source.kind != TEXTS)
    update = {
        "decoding": decoding,
        **dict(confidences),
        "greedy": greedy,
        "sources": others + texts,
        "licence": LICENCE,
    }
    return describe(model.model_copy(update=update), folder)


def load_network(weights: Path, alphabet: Alphabet, stride: float, dropout: float = 0.1) -> Recognizer:
    """The float network of a bundle.

    Bundles 0.7.0 to 0.9.0 also hold a recurrent context, and a head that reads as well without it: the latter is taken.

    Raises:
        BundleError: the file is missing or does not fit, or cannot be read without its context.
    """
    try:
        state = _without_context({name: value.float() for name, value in load_file(weights).items()})
        network = Recognizer(len(alphabet) + 1, frames_per_step=round(8 / stride), dropout=dropout)
        network.load_state_dict(state)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise BundleError(f"{weights}: these are not the weights of the bundle's recogniser") from error
    return network


def _without_context(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    kept = {name: value for name, value in state.items() if not name.startswith((CONTEXT, DRAFT))}
    heads = {name.removeprefix(DRAFT): value for name, value in state.items() if name.startswith(DRAFT_HEAD)}
    if len(kept) < len(state) and not heads:
        raise BundleError(
            "this bundle of Inkread 0.4 to 0.6 has a recurrent context that training no longer knows; "
            "it can still read, but start from a newer bundle to train"
        )
    return kept | heads


def calibration_sample(strip: Grey) -> Grey:
    """A strip as uint8 [1, 1, 48, 640]: all samples need one shape."""
    sample = np.full((1, 1, HEIGHT, CALIBRATION_WIDTH), PADDING, np.uint8)
    cut = strip[:, :CALIBRATION_WIDTH]
    sample[0, 0, :, : cut.shape[1]] = cut
    return sample


def _card(model: Model) -> str:
    environment = Environment(
        loader=PackageLoader("inkread.training", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template("model_card.md.j2").render(model=model)
