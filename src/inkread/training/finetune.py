"""Fine-tune a bundle on a dataset, without making it worse.

Usage: ``report = finetune(Bundle.open(), Path("letters"), Path("mine"), FinetuneSettings())``

The trained weights are averaged with the starting ones (`inkread.training.mixing`), because the starting weights read
other hands better. Where the dataset also has sources that the first model learnt, they are half of what is learnt, and
the val lines of these sources say how much may be forgotten. The exported network is compared with that of the start on
the other val lines. If it is not better, the output is the starting bundle, unchanged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inkread.bundle import RECOGNIZER, Bundle, Metric
from inkread.data.ingest import IngestOptions, open_dataset
from inkread.data.store import DatasetCut, LineStore, cut_datasets
from inkread.errors import BundleError, OutputError
from inkread.evaluation.statistics import Estimate, ratio_interval
from inkread.recognition.alphabet import Alphabet
from inkread.training.bundling import (
    calibration_strips,
    content_version,
    copy_language_models,
    describe,
    joined_sources,
    write_bundle,
)
from inkread.training.data import MixturePlan, retraining_sources
from inkread.training.mixing import edits, share_of_start
from inkread.training.scoring import onnx_frames
from inkread.training.train import LAST, RunSettings, TrainingPlan, read_plan, train, trained_network, usual_plan
from inkread.version import code_commit

REPORT = "finetune.json"


class FinetuneSettings(RunSettings):
    """How a bundle is fine-tuned.

    Attributes:
        name, version: of the new bundle; empty for the name of the start and for a version that names the content.
        licence: of the dataset, where it does not say.
    """

    name: str = ""
    version: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class FinetuneReport:
    """What came out.

    Attributes:
        cut: what was learnt from and measured on.
        before, after: greedy CER of the int8 networks on the val lines, the interval over documents; those of known
            sources are left out where there are others.
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
    """Fine-tune a bundle on a dataset, or on anything that can be ingested as one, into a bundle at ``output``.

    An interrupted call continues where it stopped; ``output`` is unchanged until all is done.

    Raises:
        DatasetError: the dataset is missing, or too small.
        OutputError: ``output`` holds something else than an earlier fine-tuned bundle.
    """
    if output.exists() and not (output / REPORT).is_file():
        raise OutputError(f"{output}: this is no bundle that fine-tuning made, name a new folder")
    work = output.with_name(f".{output.name}.partial")
    dataset = open_dataset(source, IngestOptions(licence=settings.licence), unpack_to=work / "unpacked")
    cut = cut_datasets([dataset], work / "lines", Alphabet(bundle.model.alphabet))
    sources = retraining_sources(dataset, bundle, settings.licence)
    mixture = MixturePlan(store=work / "lines", known=bundle.known)
    plan = usual_plan(mixture, cut.train, bundle, settings, sources)
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


def _choose_and_write(
    bundle: Bundle, plan: TrainingPlan, run: Path, cut: DatasetCut, settings: FinetuneSettings, folder: Path
) -> FinetuneReport:
    store, alphabet = plan.mixture.lines("val"), Alphabet(plan.alphabet)
    share = share_of_start(plan, run / LAST, store)
    new_lines = store.where(lambda line: line.source not in plan.mixture.known)
    store = new_lines if len(new_lines) else store
    old = edits(onnx_frames(bundle.recognizer), store, alphabet)
    before = _estimate(store, old)
    shutil.rmtree(folder, ignore_errors=True)
    if share is not None:
        model = bundle.model
        network = trained_network(plan, run / LAST, share)
        described = model.model_copy(
            update={
                "name": settings.name or model.name,
                "sources": joined_sources(model.sources, plan.sources),
                "metrics": (),
                "training_command": f"inkread finetune {model.name} {model.version} ({settings.model_dump_json()})",
                "code_commit": code_commit(),
            }
        )
        described = write_bundle(
            network, described, folder, calibration_strips(plan.mixture.lines("train")), bundle.detector
        )
        new = edits(onnx_frames(folder / RECOGNIZER), store, alphabet)
        if sum(new) < sum(old):
            after = _estimate(store, new)
            copy_language_models(bundle, folder)
            version = settings.version or content_version(model.version, folder, plan.sources)
            update = {"version": version, "metrics": (_metric(after, plan, len(store)),)}
            describe(described.model_copy(update=update), folder)
            return FinetuneReport(cut, before, after, True, share)
        shutil.rmtree(folder)
    shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(REPORT))
    return FinetuneReport(cut, before, before, False, 1.0)


def _estimate(store: LineStore, wrong: Sequence[int]) -> Estimate:
    documents: dict[str, list[float]] = {}
    alone = len({line.document_id for line in store.lines}) < 2
    for number, (line, count) in enumerate(zip(store.lines, wrong, strict=True)):
        totals = documents.setdefault(str(number) if alone else line.document_id, [0.0, 0.0])
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


def _is_run_of(run: Path, plan: TrainingPlan) -> bool:
    try:
        return read_plan(run) == plan
    except BundleError:
        return False
