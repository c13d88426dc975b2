"""Train a recogniser by a plan; an interrupted run continues.

Usage: ``train(TrainingPlan(mixture=MixturePlan(datasets=(Path("letters"),))), Path("runs/first"))``

The run folder gets ``plan.json``, ``lines/`` (the line images of the datasets), ``metrics.jsonl`` (one row a
validation) and ``checkpoints/`` with ``last.ckpt`` and the best by the mean CER over sources. Calling again with the
same folder continues at ``last.ckpt``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import pytorch_lightning as pl
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pytorch_lightning.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import Tensor

from inkread.bundle import BUNDLED, Bundle, DataSource
from inkread.data.ingest import open_dataset
from inkread.data.store import cut_datasets
from inkread.errors import BundleError, DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.training.augmentation import Augmentation
from inkread.training.data import LineData, MixturePlan, data_sources, training_mixture, validation_lines
from inkread.training.module import Optimisation, RecognizerModule
from inkread.training.network import STEP, Recognizer, load_network
from inkread.training.risk import ExpectedErrors, RiskPlan
from inkread.training.stream import BUCKET, GPU_BUCKET
from inkread.training.tracking import Tracking, TrackingPlan

UNTRACKED = {"alphabet", "sources", "tracking"}
LAST, PLAN, LINES = Path("checkpoints") / "last.ckpt", "plan.json", "lines"
NETWORK = "network."
LEAST_STEPS, MOST_STEPS = 60, 1500
REMEMBERED_LAYERS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")
"""Nearly every batch has its own shape; with the default of 1024, oneDNN prepares most layers anew at every step."""


class TrainingPlan(BaseModel):
    """Everything that decides how a run goes.

    Attributes:
        mixture: what it learns from.
        optimisation: how weights change.
        risk: how the errors of a search with a language model are learnt from; None for CTC alone.
        tracking: where MLflow records the run; None for nowhere.
        start: bundle whose recogniser it starts from, its folder or "bundled" for the one in the package; its alphabet
            must be that of the plan. None starts from random weights.
        frames_per_step, dropout: of the network.
        average: decay of the running mean of the weights that is validated and kept.
        columns: strip columns in a batch.
        bucket: widths are padded to multiples of it; "auto" is 256 on a GPU, so that there are few shapes, else 32.
        validate_every: steps between validations.
        validation_lines: at most so many lines of each source.
        checkpoint_minutes: time between checkpoints.
        seed: of all randomness.
        threads: of torch.
        devices: GPUs, or processes on the CPU, that share the work (DDP); "auto" takes all GPUs, or one process.
        precision: of the computation; "auto" is bf16 where the processor or GPU computes with it.
        augmentation: how the training lines are varied; None for not at all.
        workers: processes that prepare lines.
        alphabet: the characters the network writes.
        sources: what the card of the model says of what it learns from, beyond what the datasets say themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mixture: MixturePlan
    optimisation: Optimisation = Optimisation()
    risk: RiskPlan | None = None
    start: str | None = BUNDLED
    frames_per_step: int = 2
    dropout: float = Field(0.1, ge=0, lt=1)
    average: float = Field(0.998, ge=0, lt=1)
    columns: int = Field(12_800, ge=2_400)
    bucket: Annotated[int, Field(ge=BUCKET)] | Literal["auto"] = "auto"
    validate_every: int = Field(300, ge=1)
    validation_lines: int = Field(40, ge=1)
    checkpoint_minutes: float = Field(4, gt=0)
    seed: int = 1
    threads: int = 2
    devices: int | Literal["auto"] = "auto"
    precision: Literal["auto", "bf16-mixed", "32-true"] = "auto"
    augmentation: Augmentation | None = Augmentation()
    workers: int = 1
    tracking: TrackingPlan | None = None
    alphabet: str = LATIN
    sources: tuple[DataSource, ...] = ()


class RunSettings(BaseModel):
    """What a run on own datasets can be told; `usual_plan` decides the rest.

    Attributes:
        steps: of training; 0 takes one for each line to learn from, between 60 and 1500: about eight passes.
        rate: highest learning rate of the head; the backbone gets less.
        rehearsal: share of lines in written fonts, so that other hands are forgotten less.
        columns: columns of line images in a batch.
        seed: of all randomness.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(0, ge=0)
    rate: float = Field(2e-4, gt=0)
    rehearsal: float = Field(0.2, ge=0, lt=1)
    columns: int = Field(4_800, ge=2_400)
    seed: int = 1


def usual_plan(
    mixture: MixturePlan, lines: int, start: Bundle | None, settings: RunSettings, sources: tuple[DataSource, ...] = ()
) -> TrainingPlan:
    """The plan of a run on some thousand lines or fewer.

    Args:
        mixture: what it learns from; the rehearsal is added.
        lines: to learn from.
        start: bundle that it starts from; None for random weights, of which none are kept as they are.
        settings: what the user chose.
        sources: see `TrainingPlan`.
    """
    steps = settings.steps or min(max(lines, LEAST_STEPS), MOST_STEPS)
    fonts = Path(str(resources.files("inkread") / "assets" / "fonts"))
    rehearsal = {
        "written_fonts": (fonts,) if settings.rehearsal else (),
        "shares": {"written": settings.rehearsal},
    }
    optimisation = Optimisation(rate=settings.rate, steps=steps, warm_up=max(steps // 10, 1), decay=0.5)
    if start is None:
        optimisation = replace(optimisation, frozen_blocks=0, backbone_share=1.0)
    return TrainingPlan(
        mixture=mixture.model_copy(update=rehearsal),
        optimisation=optimisation,
        start=str(start.folder) if start else None,
        frames_per_step=round(STEP / start.model.input.stride) if start else 2,
        average=max(1 - 10 / steps, 0.5),
        columns=settings.columns,
        validate_every=max(steps // 4, 1),
        validation_lines=50,
        seed=settings.seed,
        alphabet=start.model.alphabet if start else LATIN,
        sources=sources,
    )


def prepared(plan: TrainingPlan, run: Path) -> TrainingPlan:
    """The plan with the place of its line images, cut from its datasets where it names some, and their sources."""
    store = plan.mixture.store or run / LINES
    update: dict[str, Any] = {"mixture": plan.mixture.model_copy(update={"store": store})}
    if plan.mixture.datasets:
        datasets = [open_dataset(path) for path in plan.mixture.datasets]
        cut_datasets(datasets, store, Alphabet(plan.alphabet), plan.mixture.data)
        update["sources"] = data_sources(datasets, plan.sources)
    return plan.model_copy(update=update)


def train(plan: TrainingPlan, run: Path) -> Path:
    """Run a plan to its last step, or continue it; return the last checkpoint."""
    run.mkdir(parents=True, exist_ok=True)
    store = plan.mixture.store
    plan = prepared(plan, run)
    kept = plan.model_copy(update={"mixture": plan.mixture.model_copy(update={"store": store})})
    (run / PLAN).write_text(kept.model_dump_json(indent=1), encoding="utf-8")  # None for a run that may be moved
    torch.set_num_threads(plan.threads)
    os.environ.setdefault(*REMEMBERED_LAYERS)
    cv2.setNumThreads(0)  # its thread pool does not survive the fork of the loader's worker
    pl.seed_everything(plan.seed, verbose=False)
    alphabet = Alphabet(plan.alphabet)
    expected_errors = ExpectedErrors(plan.risk, alphabet) if plan.risk else None
    module = RecognizerModule(starting_network(plan), alphabet, plan.optimisation, expected_errors)
    data = LineData(
        *training_mixture(plan.mixture, alphabet),
        validation_lines(plan.mixture, alphabet, plan.validation_lines),
        alphabet,
        seed=plan.seed,
        columns=plan.columns,
        workers=plan.workers,
        augmentation=plan.augmentation,
        views=plan.optimisation.views,
        bucket=usual_bucket() if plan.bucket == "auto" else plan.bucket,
    )
    trainer = pl.Trainer(
        accelerator="auto",
        devices=plan.devices,
        use_distributed_sampler=False,  # the stream shares itself out, and every device validates all lines
        precision=fast_precision() if plan.precision == "auto" else plan.precision,
        max_steps=plan.optimisation.steps,
        max_epochs=-1,
        val_check_interval=plan.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        gradient_clip_val=5.0,
        logger=False,
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        callbacks=[
            KeepLast(run / LAST),
            EMAWeightAveraging(decay=plan.average),
            Journal(run / "metrics.jsonl"),
            *_checkpoints(run / LAST.parent, plan.checkpoint_minutes),
            *([Tracking(plan.tracking, plan.model_dump(mode="json", exclude=UNTRACKED), run)] if plan.tracking else []),
        ],
    )
    last = run / LAST
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(bottleneck|mid-epoch|resumable|LeafSpec|not empty).*")
        trainer.fit(module, data, ckpt_path=str(last) if last.is_file() else None, weights_only=False)
    return last


def fast_precision() -> Literal["bf16-mixed", "32-true"]:
    """bf16 on a GPU or a processor that has instructions for it; elsewhere it is emulated, 15 times slower per step."""
    native = torch.cuda.is_available() or torch.cpu.get_capabilities().get("avx512_bf16", False)
    return "bf16-mixed" if native else "32-true"


def usual_bucket() -> int:
    """Wide on a GPU, which takes about a second to prepare for a shape of batches that it has not seen."""
    return GPU_BUCKET if torch.cuda.is_available() else BUCKET


def starting_bundle(plan: TrainingPlan) -> Bundle | None:
    """The bundle that a plan starts from; None for random weights.

    Raises:
        BundleError: there is none, or its alphabet is another.
    """
    if plan.start is None:
        return None
    bundle = Bundle.open(plan.start)
    if bundle.model.alphabet != plan.alphabet:
        raise BundleError(f"{bundle.folder}: its alphabet is not that of the plan, start from random weights instead")
    return bundle


def starting_network(plan: TrainingPlan) -> Recognizer:
    """The network of a plan before its first step; what is random in it depends on the seed alone."""
    alphabet, start = Alphabet(plan.alphabet), starting_bundle(plan)
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        network = Recognizer(len(alphabet) + 1, plan.frames_per_step, plan.dropout)
        if start is not None:
            network = load_network(start.weights, alphabet, network.stride, plan.dropout)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_plan(path: Path) -> TrainingPlan:
    """Read a plan that somebody wrote; DatasetError where there is none, or names the first value that is wrong."""
    try:
        return TrainingPlan.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: the plan cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the plan"
        raise DatasetError(f"{path}: {where}: {first['msg']}") from None


def read_plan(run: Path) -> TrainingPlan:
    """The plan of a run folder, with the place of its line images; BundleError where there is none."""
    try:
        plan = TrainingPlan.model_validate_json((run / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{run}: there is no usable {PLAN} here, name the folder of a training run") from error
    mixture = plan.mixture.model_copy(update={"store": plan.mixture.store or run / LINES})
    return plan.model_copy(update={"mixture": mixture})


def trained_network(plan: TrainingPlan, checkpoint: Path, start_share: float = 0.0) -> Recognizer:
    """The averaged weights of a checkpoint, mixed with those the run began with (Wortsman et al. 2022)."""
    network = starting_network(plan)
    try:
        saved: dict[str, Tensor] = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    except OSError as error:
        raise BundleError(f"{checkpoint}: there is no checkpoint here, train first") from error
    trained = {name.removeprefix(NETWORK): weight for name, weight in saved.items() if name.startswith(NETWORK)}
    start = network.state_dict()
    network.load_state_dict({name: torch.lerp(trained[name], start[name], start_share) for name in start})
    return network.eval()


def _checkpoints(folder: Path, minutes: float) -> list[pl.Callback]:
    return [
        ModelCheckpoint(folder, "best-{step}-{val_cer:.4f}", monitor="val_cer", mode="min", save_top_k=2),
        ModelCheckpoint(
            folder,
            "last",
            train_time_interval=timedelta(minutes=minutes),
            save_top_k=1,
            enable_version_counter=False,
        ),
    ]


class KeepLast(pl.Callback):
    """Saves a checkpoint after the last step, before the mean of the weights takes the place of the weights."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        """Save it."""
        trainer.save_checkpoint(self._path)


class Journal(pl.Callback):
    """Appends a row to a JSON-lines file at each validation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._losses: list[Tensor] = []

    def on_train_batch_end(self, *arguments: Any, **_: Any) -> None:
        """Collect the loss, the third argument's."""
        self._losses.append(arguments[2]["loss"].detach())

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the row."""
        if not isinstance(pl_module, RecognizerModule) or not trainer.is_global_zero:
            return
        row = {
            "time": round(time.time()),
            "step": trainer.global_step,
            "position": pl_module.position,
            "loss": round(float(torch.stack(self._losses).mean()), 4) if self._losses else None,
            "cer": {name: round(value, 4) for name, value in pl_module.cer_by_source.items()},
        }
        self._losses.clear()
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
