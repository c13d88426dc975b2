"""Write a model bundle: of a network, or of a training run.

Usage: ``release(Path("runs/first"), Path("bundle"), Release(version="0.2.0"))``
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from safetensors.torch import save_file

from inkread.bundle import (
    DESCRIPTION,
    DETECTOR,
    LANGUAGE_MODEL,
    LANGUAGE_MODELS,
    NEURAL_LANGUAGE_MODEL,
    RECOGNIZER,
    WEIGHTS,
    Bundle,
    Confidences,
    DataSource,
    Decoding,
    InputFormat,
    Metric,
    Model,
    Rescoring,
    file_sha256,
)
from inkread.data.store import LineStore
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.line_images import HEIGHT, Grey, exact_part
from inkread.training.data import validation_lines
from inkread.training.export import export_onnx, quantise
from inkread.training.network import Recognizer
from inkread.training.scoring import PADDING, Frames, cer_by_source, onnx_frames, read_lines, torch_frames
from inkread.training.train import LAST, TrainingPlan, read_plan, starting_bundle, starting_network, trained_network
from inkread.version import code_commit

CARD = "MODEL_CARD.md"
CALIBRATION_WIDTH, CALIBRATION_LINES = 640, 64
TEXTS, NETWORK = "text of the language model", "network"
"""Kinds of the sources of a language model and of a detector."""
LICENCE = "Apache-2.0; lm.bin CC BY-SA 4.0"
"""Some texts of the language model are under CC BY-SA, and the table of their n-grams is an adaptation."""
NEURAL_LICENCE = "Apache-2.0; lm.bin and lm.onnx CC BY-SA 4.0"
"""The same, taken for the network that learnt from these texts too."""
FIRST_VERSION = "0.0.0"
"""What a model that starts from random weights is counted from."""


def write_bundle(
    network: Recognizer, model: Model, folder: Path, calibration: Sequence[Grey], detector: Path | None = None
) -> Model:
    """Write the networks and the description of a bundle into ``folder``, beside files that are there already.

    Args:
        network: float weights, stored with half precision.
        model: the description; parameters and hashes are filled in.
        folder: the bundle folder, made where it is missing.
        calibration: line images uint8 [48, width] to train on, which the int8 ranges are measured on.
        detector: file to copy; None for that of the bundle in the package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        float_file, int8_file = Path(made) / "float.onnx", Path(made) / RECOGNIZER
        export_onnx(network, float_file)
        quantise(float_file, int8_file, [calibration_sample(image) for image in calibration])
        save_file(
            {name: value.detach().half().contiguous() for name, value in network.state_dict().items()},
            str(Path(made) / WEIGHTS),
            {"alphabet": model.alphabet},  # one entry only: several are written in any order
        )
        for name in (RECOGNIZER, WEIGHTS):
            (Path(made) / name).chmod(0o644)
            shutil.move(Path(made) / name, folder / name)
    detector = detector or Bundle.open().detector
    if detector is not None:
        shutil.copyfile(detector, folder / DETECTOR)
    described = model.model_copy(update={"parameters": sum(weight.numel() for weight in network.parameters())})
    return describe(described, folder)


def describe(model: Model, folder: Path) -> Model:
    """Write ``model.json`` and the card for the files that lie in a bundle folder."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.suffix not in (".json", ".md")}
    described = model.model_copy(update={"files": files})
    write_bytes(folder / CARD, _card(described).encode())
    write_bytes(folder / DESCRIPTION, (described.model_dump_json(indent=1) + "\n").encode())
    return described


def copy_language_models(bundle: Bundle, folder: Path) -> None:
    """Copy those that a bundle has into another folder."""
    for name in LANGUAGE_MODELS:
        if (bundle.folder / name).is_file():
            shutil.copyfile(bundle.folder / name, folder / name)


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


def add_neural_language_model(folder: Path, file: Path, rescoring: Rescoring, confidences: Confidences) -> Model:
    """Put a neural language model into a bundle that has n-grams of the same texts, with what was tuned for it."""
    if file != folder / NEURAL_LANGUAGE_MODEL:
        shutil.copyfile(file, folder / NEURAL_LANGUAGE_MODEL)
    model = Bundle.open(folder).model
    decoding = model.decoding.model_copy(update={"rescoring": rescoring})
    update = {"decoding": decoding, **dict(confidences), "licence": NEURAL_LICENCE}
    return describe(model.model_copy(update=update), folder)


def content_version(base: str, folder: Path, sources: Iterable[DataSource]) -> str:
    """The version that a model began with, and a hash of its new weights and of its data: ``0.10.0+3f2a9c1d``."""
    digest = hashlib.sha256(file_sha256(folder / WEIGHTS).encode())
    for source in sources:
        digest.update(source.sha256.encode())
    return f"{base.partition('+')[0]}+{digest.hexdigest()[:8]}"


def joined_sources(*groups: Iterable[DataSource]) -> tuple[DataSource, ...]:
    """All sources, of two with one name the later."""
    return tuple({source.name: source for group in groups for source in group}.values())


def calibration_strips(store: LineStore, count: int = CALIBRATION_LINES, seed: int = 5) -> list[Grey]:
    """A fixed choice of training lines for measuring int8 ranges."""
    chosen = np.random.default_rng(seed).choice(len(store), min(count, len(store)), replace=False)
    return [exact_part(store.image(int(index))) for index in sorted(chosen)]


def calibration_sample(image: Grey) -> Grey:
    """A line image as uint8 [1, 1, 48, 640]: all samples need one shape."""
    sample = np.full((1, 1, HEIGHT, CALIBRATION_WIDTH), PADDING, np.uint8)
    cut = image[:, :CALIBRATION_WIDTH]
    sample[0, 0, :, : cut.shape[1]] = cut
    return sample


@dataclass(frozen=True, slots=True)
class Release:
    """What the bundle of a run is called and which weights it gets.

    Attributes:
        version: of the bundle; empty for `content_version`.
        name: of the bundle.
        checkpoint: file to take; None for the last one of the run. Its averaged weights are used.
        start_share: 0 for the trained weights, 1 for those the run began with, between for a mean of both.
        lines: validation lines of each source that the figures of the card are measured on.
    """

    version: str = ""
    name: str = "inkread"
    checkpoint: Path | None = None
    start_share: float = 0.0
    lines: int = 1_000


def release(run: Path, folder: Path, chosen: Release) -> Model:
    """Write the bundle of a run, with its figures on val. The detector is that of the start.

    Raises:
        BundleError: the run has no plan or no checkpoint.
    """
    plan = read_plan(run)
    checkpoint = chosen.checkpoint or run / LAST
    network = trained_network(plan, checkpoint, chosen.start_share)
    start = starting_bundle(plan)
    model = Model(
        name=chosen.name,
        version=chosen.version or FIRST_VERSION,
        summary="Reads lines of handwriting in English, French and other languages of Western Europe.",
        alphabet=plan.alphabet,
        input=InputFormat(height=HEIGHT, stride=network.stride),
        sources=joined_sources(_kept_sources(start), plan.sources),
        training_command=f"inkread train {run.name}/plan.json -o {run.name} (seed {plan.seed}, {checkpoint.name}, "
        f"{chosen.start_share:g} of the starting weights)",
        code_commit=code_commit(),
    )
    strips = calibration_strips(plan.mixture.lines("train"))
    model = write_bundle(network, model, folder, strips, start.detector if start else None)
    scores = compare({"int8": onnx_frames(folder / RECOGNIZER)}, plan, chosen.lines)["int8"]
    lines = validation_lines(plan.mixture, Alphabet(plan.alphabet), chosen.lines)
    metrics = tuple(
        Metric(
            name="CER of given lines, greedy",
            dataset=source,
            split="val",
            value=round(value, 4),
            lines=sum(source in (line.source, "all") for line in lines),
        )
        for source, value in scores.items()
    )
    base = start.model.version if start else FIRST_VERSION
    version = chosen.version or content_version(base, folder, model.sources)
    return describe(model.model_copy(update={"metrics": metrics, "version": version}), folder)


def compare(readers: dict[str, Frames], plan: TrainingPlan, most: int) -> dict[str, dict[str, float]]:
    """Greedy CER of several networks by source, on at most ``most`` validation lines of each."""
    alphabet = Alphabet(plan.alphabet)
    lines = validation_lines(plan.mixture, alphabet, most)
    sources = [line.source for line in lines]
    texts = [line.sample[1] for line in lines]
    images = [line.sample[0] for line in lines]
    return {
        name: cer_by_source(sources, texts, read_lines(frames, images, alphabet)) for name, frames in readers.items()
    }


def compare_run(
    run: Path, most: int, start_shares: tuple[float, ...], bundle: Path | None = None
) -> dict[str, dict[str, float]]:
    """CER by source of the start, of the last checkpoint mixed with it in several shares, and of a bundle."""
    plan = read_plan(run)
    readers: dict[str, Frames] = {"start": torch_frames(starting_network(plan))}
    for share in start_shares:
        readers[f"now, {share:g} of the start"] = torch_frames(trained_network(plan, run / LAST, share))
    if bundle is not None:
        readers["bundle"] = onnx_frames(bundle / RECOGNIZER)
    return compare(readers, plan, most)


def _kept_sources(start: Bundle | None) -> tuple[DataSource, ...]:
    """What the card of a start says of the networks that are kept or learnt further."""
    if start is None:
        return tuple(source for source in Bundle.open().model.sources if source.kind == NETWORK)
    return tuple(source for source in start.model.sources if source.kind != TEXTS)


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
