"""From a training run to a bundle that says where it comes from.

Usage: ``release(Path("runs/first"), Path("bundle"), Release(version="0.2.0"))``
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from inkread.bundle import RECOGNIZER, DataSource, InputFormat, Metric, Model
from inkread.data.store import LineStore
from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import HEIGHT
from inkread.training.bundling import describe, write_bundle
from inkread.training.data import ValidationLine, validation_lines
from inkread.training.first_bundle import calibration_strips, starting_sources
from inkread.training.network import Recognizer
from inkread.training.scoring import Frames, cer_by_source, onnx_frames, read_lines, torch_frames
from inkread.training.train import LAST, TrainingPlan, starting_network
from inkread.version import code_commit

PREFIX = "network."
SPLIT = "val"


@dataclass(frozen=True, slots=True)
class Release:
    """What the bundle is called and which weights it gets.

    Attributes:
        version: of the bundle.
        name: of the bundle.
        checkpoint: file to take; None for the last one of the run. Its averaged weights are used.
        start_share: 0 for the trained weights, 1 for those the run began with, between for a mean of both.
        lines: validation lines of each source that the figures of the card are measured on.
    """

    version: str
    name: str = "inkread"
    checkpoint: Path | None = None
    start_share: float = 0.0
    lines: int = 1_000


def release(run: Path, folder: Path, chosen: Release) -> Model:
    """Write the bundle of a run, with its figures on val.

    Raises:
        BundleError: the run has no plan or no checkpoint.
    """
    plan = read_plan(run)
    network = trained_network(plan, chosen.checkpoint or run / LAST, chosen.start_share)
    store = LineStore.open(plan.mixture.store / "train")
    checkpoint = (chosen.checkpoint or run / LAST).name
    model = Model(
        name=chosen.name,
        version=chosen.version,
        summary="Reads lines of handwriting in English, French and other languages of Western Europe.",
        alphabet=plan.alphabet,
        input=InputFormat(height=HEIGHT, stride=network.stride),
        sources=(*starting_sources(), *hashed_sources(plan.sources, store)),
        training_command=f"inkread train {run.name}/plan.json -o {run.name} (seed {plan.seed}, {checkpoint}, "
        f"{chosen.start_share:g} of the starting weights)",
        code_commit=code_commit(),
    )
    model = write_bundle(network, model, folder, calibration_strips(store))
    scores = compare({"int8": onnx_frames(folder / RECOGNIZER)}, plan, chosen.lines)["int8"]
    lines = validation_lines(plan.mixture, Alphabet(plan.alphabet), chosen.lines)
    metrics = tuple(
        Metric(
            name="CER of given lines, greedy",
            dataset=source,
            split=SPLIT,
            value=round(value, 4),
            lines=sum(source in (line.source, "all") for line in lines),
        )
        for source, value in scores.items()
    )
    return describe(model.model_copy(update={"metrics": metrics}), folder)


def read_plan(run: Path) -> TrainingPlan:
    """The plan of a run folder; BundleError where there is none."""
    try:
        return TrainingPlan.model_validate_json((run / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{run}: there is no usable plan.json here, name the folder of a training run") from error


def trained_network(plan: TrainingPlan, checkpoint: Path, start_share: float = 0.0) -> Recognizer:
    """The averaged weights of a checkpoint, mixed with those the run began with (Wortsman et al. 2022)."""
    network = starting_network(plan)
    try:
        saved: dict[str, Tensor] = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except OSError as error:
        raise BundleError(f"{checkpoint}: there is no checkpoint here, train first") from error
    trained = {name.removeprefix(PREFIX): weight for name, weight in saved.items() if name.startswith(PREFIX)}
    start = network.state_dict()
    network.load_state_dict({name: torch.lerp(trained[name], start[name], start_share) for name in start})
    return network.eval()


def compare(readers: dict[str, Frames], plan: TrainingPlan, most: int) -> dict[str, dict[str, float]]:
    """Greedy CER of several networks by source, on at most ``most`` validation lines of each."""
    alphabet = Alphabet(plan.alphabet)
    lines: list[ValidationLine] = validation_lines(plan.mixture, alphabet, most)
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


def hashed_sources(sources: tuple[DataSource, ...], store: LineStore) -> list[DataSource]:
    """The sources, with a hash over the cut lines and texts of those that the store holds."""
    groups = store.by_source()
    hashed = []
    for source in sources:
        digest = hashlib.sha256()
        for index in groups.get(source.name, []):
            digest.update(store.image(index).tobytes())
            digest.update(store.lines[index].text.encode())
        hashed.append(source.model_copy(update={"sha256": digest.hexdigest()}) if source.name in groups else source)
    return hashed
