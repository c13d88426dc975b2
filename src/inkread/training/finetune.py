"""Teach a bundle the hands of a data set, without making it worse.

Usage: ``report = finetune(Bundle.open(), Path("letters"), Path("mine"), FinetuneSettings())``

The trained weights are mixed with the starting ones in several shares (Wortsman et al. 2022). The mixture with most of
the start among those that keep nearly all of the gain on the data set's val lines is exported, because what it keeps of
the start are other hands; the exported file is measured against the file it began with. Where it is not better, the
output is the starting bundle, unchanged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz.distance import Levenshtein

from inkread.bundle import DETECTOR, LANGUAGE_MODEL, RECOGNIZER, Bundle, DataSource, Metric
from inkread.data.dataset import MANIFEST, content_hash, read_manifest
from inkread.data.ingest import IngestOptions, ingest
from inkread.data.store import DatasetCut, LineStore, cut_dataset
from inkread.errors import OutputError
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.recognition.alphabet import Alphabet
from inkread.training.bundling import describe, load_network, write_bundle
from inkread.training.data import MixturePlan
from inkread.training.first_bundle import calibration_strips
from inkread.training.module import Optimisation
from inkread.training.release import trained_network
from inkread.training.scoring import Frames, onnx_frames, read_lines, torch_frames
from inkread.training.train import LAST, TrainingPlan, train
from inkread.version import code_commit

REPORT = "finetune.json"
SHARES_OF_START = (0.75, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
GAIN_TO_KEEP = 0.9
LEAST_STEPS, MOST_STEPS = 60, 1500


class FinetuneSettings(BaseModel):
    """How a bundle is fine-tuned.

    Attributes:
        steps: of training; 0 takes one for each line to learn from, between 60 and 1500: about eight passes.
        rate: highest learning rate of the head; the backbone gets less.
        rehearsal: share of lines in written fonts, so that other hands are forgotten less.
        columns: strip columns in a batch.
        seed: of all randomness.
        name, version: of the new bundle; empty for those of the start, with ``+finetuned``.
        licence: of the data set, where it does not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(0, ge=0)
    rate: float = Field(2e-4, gt=0)
    rehearsal: float = Field(0.2, ge=0, lt=1)
    columns: int = Field(4_800, ge=2_400)
    seed: int = 1
    name: str = ""
    version: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What came out.

    Attributes:
        cut: what was learnt from and measured on.
        before, after: greedy CER of the int8 networks on the val lines, the interval over documents.
        improved: whether the output is a new model; otherwise it is the starting one.
        start_share: share of the starting weights in the new ones.
    """

    cut: DatasetCut
    before: Estimate
    after: Estimate
    improved: bool
    start_share: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def finetune(bundle: Bundle, source: Path, output: Path, settings: FinetuneSettings) -> FinetuneReport:
    """Fine-tune a bundle on a data set, or on anything that can be ingested as one, into a bundle at ``output``.

    An interrupted call goes on where it was; until all is done, ``output`` stays as it is.

    Raises:
        DatasetError: the data set is missing, or too small.
        OutputError: ``output`` holds something else than an earlier fine-tuned bundle.
    """
    if output.exists() and not (output / REPORT).is_file():
        raise OutputError(f"{output}: this is no bundle that fine-tuning made, name a new folder")
    work = output.with_name(f".{output.name}.partial")
    dataset = source
    if not (source / MANIFEST).is_file():
        dataset = work / "dataset"
        ingest(source, dataset, IngestOptions(licence=settings.licence))
    cut = cut_dataset(dataset, work / "lines", Alphabet(bundle.model.alphabet))
    plan = finetune_plan(bundle, dataset, work / "lines", cut, settings)
    run = work / "run"
    if not _is_run_of(run, plan):
        shutil.rmtree(run, ignore_errors=True)
    train(plan, run)
    report = _choose_and_write(bundle, plan, run, cut, settings, work / "bundle")
    content = json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n"
    (work / "bundle" / REPORT).write_text(content, encoding="utf-8")
    shutil.rmtree(output, ignore_errors=True)
    (work / "bundle").rename(output)
    shutil.rmtree(work)
    return report


def finetune_plan(
    bundle: Bundle, dataset: Path, store: Path, cut: DatasetCut, settings: FinetuneSettings
) -> TrainingPlan:
    """The plan of the training run; it names the data set's hash, so that other data make another plan."""
    steps = settings.steps or min(max(cut.train, LEAST_STEPS), MOST_STEPS)
    fonts = Path(str(resources.files("inkread") / "assets" / "fonts"))
    return TrainingPlan(
        mixture=MixturePlan(
            store=store,
            written_fonts=(fonts,) if settings.rehearsal else (),
            shares={"written": settings.rehearsal},
        ),
        optimisation=Optimisation(rate=settings.rate, steps=steps, warm_up=max(steps // 10, 1), decay=0.5),
        start=bundle.folder,
        frames_per_step=round(8 / bundle.model.input.stride),
        average=max(1 - 10 / steps, 0.5),
        columns=settings.columns,
        validate_every=max(steps // 4, 1),
        validation_lines=50,
        seed=settings.seed,
        alphabet=bundle.model.alphabet,
        sources=data_sources(dataset, settings.licence),
    )


def data_sources(dataset: Path, licence: str = "") -> tuple[DataSource, ...]:
    """What the card says of a data set: a row a source, with the hash of the whole manifest."""
    licences = {sample.source: sample.licence for sample in read_manifest(dataset)}
    digest = content_hash(dataset)
    return tuple(
        DataSource(name=name, kind="pages of a user", licence=own or licence or "not stated", sha256=digest)
        for name, own in sorted(licences.items())
    )


def _choose_and_write(
    bundle: Bundle, plan: TrainingPlan, run: Path, cut: DatasetCut, settings: FinetuneSettings, folder: Path
) -> FinetuneReport:
    store, alphabet = LineStore.open(plan.mixture.store / "val"), Alphabet(plan.alphabet)
    start = load_network(bundle.weights, alphabet, bundle.model.input.stride)
    errors = {
        share: sum(edits(torch_frames(trained_network(plan, run / LAST, share)), store, alphabet))
        for share in SHARES_OF_START
    }
    share = choose_share(errors, sum(edits(torch_frames(start), store, alphabet)))
    old = edits(onnx_frames(bundle.recognizer), store, alphabet)
    before = _estimate(store, old)
    shutil.rmtree(folder, ignore_errors=True)
    if share is not None:
        model = bundle.model
        network = trained_network(plan, run / LAST, share)
        described = model.model_copy(
            update={
                "name": settings.name or model.name,
                "version": settings.version or f"{model.version}+finetuned",
                "sources": (*model.sources, *plan.sources),
                "metrics": (),
                "training_command": f"inkread finetune {model.name} {model.version} ({settings.model_dump_json()})",
                "code_commit": code_commit(),
            }
        )
        described = write_bundle(
            network, described, folder, calibration_strips(LineStore.open(plan.mixture.store / "train"))
        )
        new = edits(onnx_frames(folder / RECOGNIZER), store, alphabet)
        if sum(new) < sum(old):
            after = _estimate(store, new)
            _keep_parts(bundle, folder)
            describe(described.model_copy(update={"metrics": (_metric(after, plan, len(store)),)}), folder)
            return FinetuneReport(cut, before, after, True, share)
        shutil.rmtree(folder)
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(REPORT))
    return FinetuneReport(cut, before, before, False, 1.0)


def choose_share(errors: Mapping[float, int], start: int) -> float | None:
    """The largest share of the starting weights that keeps `GAIN_TO_KEEP` of what the best mixture gains.

    Args:
        errors: character edits on the val lines, by share.
        start: those of the starting weights.

    Returns:
        None where no mixture gains anything.
    """
    most = start - GAIN_TO_KEEP * (start - min(errors.values()))
    return max((share for share, count in errors.items() if count <= most and count < start), default=None)


def edits(frames: Frames, store: LineStore, alphabet: Alphabet) -> list[int]:
    """Character edits between the text of each line of a store and what a network reads in it, greedily."""
    readings = read_lines(frames, [store.image(index) for index in range(len(store))], alphabet)
    return [Levenshtein.distance(line.text, read) for line, read in zip(store.lines, readings, strict=True)]


def _estimate(store: LineStore, wrong: Sequence[int]) -> Estimate:
    documents: dict[str, list[float]] = {}
    alone = len({line.document for line in store.lines}) < 2
    for number, (line, count) in enumerate(zip(store.lines, wrong, strict=True)):
        totals = documents.setdefault(str(number) if alone else line.document, [0.0, 0.0])
        totals[0] += count
        totals[1] += len(line.text)
    tops, bottoms = zip(*documents.values(), strict=True)
    return ratio_interval(tops, bottoms)


def _metric(after: Estimate, plan: TrainingPlan, lines: int) -> Metric:
    return Metric(
        name="CER of given lines, greedy",
        dataset=", ".join(source.name for source in plan.sources),
        split="val",
        value=round(after.value, 4),
        low=after.low,
        high=after.high,
        lines=lines,
        documents=after.documents,
    )


def _keep_parts(bundle: Bundle, folder: Path) -> None:
    """Detector and language model stay those of the start."""
    for name in (DETECTOR, LANGUAGE_MODEL):
        (folder / name).unlink(missing_ok=True)
        if (bundle.folder / name).is_file():
            shutil.copyfile(bundle.folder / name, folder / name)


def _is_run_of(run: Path, plan: TrainingPlan) -> bool:
    try:
        return TrainingPlan.model_validate_json((run / "plan.json").read_text(encoding="utf-8")) == plan
    except (OSError, ValueError):
        return False
