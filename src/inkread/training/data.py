"""What a run learns from and is watched on: a mixture of sources, as batches.

Usage: ``training_mixture(MixturePlan(store=Path("runs/lines"), datasets=(Path("letters"),)), alphabet)``
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.utils.data import DataLoader

from inkread.bundle import USER_PAGES, Bundle, DataSource
from inkread.data.dataset import Dataset
from inkread.data.store import DataSettings, LineStore
from inkread.errors import DatasetError
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import exact_part
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts
from inkread.synthesis.strokes import StrokeHands
from inkread.training.augmentation import Augmentation
from inkread.training.module import RecognizerModule
from inkread.training.scoring import pad_batch
from inkread.training.stream import BUCKET, Batch, LineStream, StoredSource, source_weights
from inkread.training.synthetic import FontSource, LineSource, Sample, StrokeSource

MIN_TEXT = 12


class MixturePlan(BaseModel):
    """Where lines come from and how often each kind is drawn.

    Attributes:
        datasets: datasets, or sources that can be read as such (`inkread.data.ingest.open_dataset`).
        store: folder of the line images, ``train`` and ``val`` in it; cut from the datasets where they are named. None
            for a folder in that of the run.
        data: which lines of the datasets are used.
        strokes: folder with ``train.parquet`` and ``val.parquet``; None for no pen strokes.
        written_fonts, printed_fonts: folders of fonts; none for no such lines.
        exponent: how strongly the size of a source counts, from 0, all sources alike, to 1, all lines alike.
        emphasis: factors on the weight of single sources; 0 leaves one out.
        known: sources that should not be forgotten, see `inkread.bundle.Bundle.known`.
        known_share: share of known sources among the lines of datasets, where there are other sources too. It limits
            forgetting, and keeps many known sources from crowding out a new one.
        shares: of the kinds of synthetic lines; the datasets get what is left of 1.
        texts: UTF-8 file, one text a line, that fonts write besides the transcriptions; None for the bundled sentences.
        line_weights: JSON file with a weight by the name of a stored line; None draws the lines of a source alike.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    datasets: tuple[Path, ...] = ()
    store: Path | None = None
    data: DataSettings = DataSettings()
    strokes: Path | None = None
    written_fonts: tuple[Path, ...] = ()
    printed_fonts: tuple[Path, ...] = ()
    exponent: float = Field(0.5, ge=0, le=1)
    emphasis: dict[str, float] = Field(default_factory=dict)
    known: tuple[str, ...] = ()
    known_share: float = Field(0.5, ge=0, lt=1)
    shares: dict[str, float] = Field(
        default_factory=lambda: {"text": 0.12, "words": 0.13, "plain": 0.03, "written": 0.13, "printed": 0.03}
    )
    texts: Path | None = None
    line_weights: Path | None = None

    def lines(self, split: str) -> LineStore:
        """The line images of a split.

        Raises:
            DatasetError: they are not cut.
        """
        if self.store is None:
            raise DatasetError("the plan names no store of line images, add it to the mixture")
        return LineStore.open(self.store / split)


@dataclass(frozen=True, slots=True)
class ValidationLine:
    """An exact strip, its text and the source it counts for."""

    sample: Sample
    source: str


def data_sources(
    datasets: Iterable[Dataset], stated: Iterable[DataSource] = (), *, kind: str = "", licence: str = ""
) -> tuple[DataSource, ...]:
    """What the card of a model says of what it learnt from: a row a source, with the hash of its dataset.

    Args:
        datasets: what it learnt from.
        stated: sources to add; one with the name of a source of the datasets replaces it but for the hash.
        kind: of the sources; their kinds of samples where empty.
        licence: of samples that have none.
    """
    found: dict[str, DataSource] = {}
    for dataset in datasets:
        for name in sorted({sample.source for sample in dataset.samples}):
            own = [sample for sample in dataset.samples if sample.source == name]
            found[name] = DataSource(
                name=name,
                kind=kind or " and ".join(sorted({f"{sample.kind}s" for sample in own})),
                licence=own[0].licence or licence or "not stated",
                sha256=dataset.content_hash,
            )
    for source in stated:
        digest = found[source.name].sha256 if source.name in found else source.sha256
        found[source.name] = source.model_copy(update={"sha256": digest})
    return tuple(found.values())


def retraining_sources(dataset: Dataset, start: Bundle, licence: str = "") -> tuple[DataSource, ...]:
    """What the card of a bundle says of a dataset that it learns from in addition; see `data_sources`.

    Known sources keep their rows but for the hash. The others are pages of a user, also where an earlier version has
    learnt some of them.
    """
    names = {sample.source for sample in dataset.samples}.intersection(start.known)
    known = [source for source in start.model.sources if source.name in names]
    return data_sources([dataset], known, kind=USER_PAGES, licence=licence)


def training_mixture(plan: MixturePlan, alphabet: Alphabet) -> tuple[list[LineSource], list[float]]:
    """The sources of training lines and their weights.

    Raises:
        DatasetError: nothing is left to learn from.
    """
    store = plan.lines("train")
    made = synthetic_sources(plan, alphabet, store, "train")
    synthetic = {kind: source for kind, source in made.items() if plan.shares.get(kind, 0) > 0}
    shares = [plan.shares[kind] for kind in synthetic]
    groups = {name: rows for name, rows in store.by_source().items() if plan.emphasis.get(name, 1.0) > 0}
    factors = np.array([plan.emphasis.get(name, 1.0) for name in groups])
    weights = factors * source_weights(np.array([len(rows) for rows in groups.values()]), plan.exponent)
    known = np.array([name in plan.known for name in groups], bool)
    if known.any() and not known.all():
        weights[known] *= plan.known_share / weights[known].sum()
        weights[~known] *= (1 - plan.known_share) / weights[~known].sum()
    if not groups and not synthetic:
        raise DatasetError(f"{plan.store}: the plan leaves nothing to learn from, give a source some weight")
    drawn = json.loads(plan.line_weights.read_text(encoding="utf-8")) if plan.line_weights else None
    pages = [
        StoredSource(store, rows, [drawn[store.lines[row].sample_id] for row in rows] if drawn else None)
        for rows in groups.values()
    ]
    return [*pages, *synthetic.values()], [*(weights / weights.sum() * (1 - sum(shares))).tolist(), *shares]


def validation_lines(plan: MixturePlan, alphabet: Alphabet, most: int = 40, seed: int = 7) -> list[ValidationLine]:
    """A fixed choice of at most ``most`` lines of each page source and synthetic kind, of val only.

    Kinds with a share of 0 are watched too, so that a run shows what leaving them out costs.
    """
    store = plan.lines("val")
    rng = np.random.default_rng(seed)
    lines = []
    for source, rows in sorted(store.by_source().items()):
        for index in sorted(rng.permutation(rows)[:most]):
            lines.append(ValidationLine((store.image(index), store.lines[index].text), source))
    for kind, made in synthetic_sources(plan, alphabet, store, "val").items():
        for number in range(most):
            context, text = made.sample(np.random.default_rng([seed, number]))
            lines.append(ValidationLine((exact_part(context), text), f"synthetic {kind}"))
    return lines


def synthetic_sources(plan: MixturePlan, alphabet: Alphabet, store: LineStore, split: str) -> dict[str, LineSource]:
    """The kinds of lines that are made of pen strokes and fonts, by name, of the hands and texts of a split."""
    made: dict[str, LineSource] = {}
    if plan.strokes is not None:
        hands = StrokeHands.open(plan.strokes / f"{split}.parquet", alphabet)
        made["text"] = StrokeSource(hands, joined=False)
        made["words"] = StrokeSource(hands, joined=True)
        made["plain"] = StrokeSource(hands, joined=False, plain=True)
    texts = [line.text for line in store.lines if len(line.text) >= MIN_TEXT]
    texts += [text for text in read_texts(plan.texts) if not alphabet.unknown(text)]
    if plan.written_fonts:
        made["written"] = FontSource(find_fonts(plan.written_fonts), texts, alphabet)
    if plan.printed_fonts:
        made["printed"] = FontSource(find_fonts(plan.printed_fonts), texts, alphabet, printed=True)
    return made


ValidationBatch = tuple[Tensor, list[int], list[str], list[str]]
VALIDATION_LINES = 16


class LineData(pl.LightningDataModule):
    """Batches for a `RecognizerModule`, from the position in the stream that it has reached."""

    def __init__(
        self,
        sources: Sequence[LineSource],
        weights: Sequence[float],
        validation: Sequence[ValidationLine],
        alphabet: Alphabet,
        *,
        seed: int,
        columns: int,
        workers: int = 1,
        augmentation: Augmentation | None,
        views: int = 1,
        bucket: int = BUCKET,
    ) -> None:
        super().__init__()
        self._sources, self._weights, self._alphabet = sources, weights, alphabet
        self._validation = sorted(validation, key=lambda line: line.sample[0].shape[1])
        self._seed, self._columns, self._workers, self._augmentation = seed, columns, workers, augmentation
        self._views, self._bucket = views, bucket

    def train_dataloader(self) -> LineStream:
        """Endless batches."""
        module = self.trainer.lightning_module if self.trainer else None
        start = module.position if isinstance(module, RecognizerModule) else (0, 0)
        return LineStream(
            self._sources,
            self._weights,
            self._alphabet,
            seed=self._seed,
            columns=self._columns,
            start=start,
            share=(self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1),
            augmentation=self._augmentation,
            views=self._views,
            workers=self._workers,
            bucket=self._bucket,
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move strips and targets; widths and lengths stay, so that no step waits for a GPU to tell them."""
        if not isinstance(batch, Batch) or device.type != "cuda":
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        strips, targets = (part.pin_memory().to(device, non_blocking=True) for part in (batch.strips, batch.targets))
        return batch._replace(strips=strips, targets=targets)

    def val_dataloader(self) -> DataLoader[ValidationBatch]:
        """The validation lines, sorted by width."""
        batches = [
            _validation_batch(self._validation[first : first + VALIDATION_LINES])
            for first in range(0, len(self._validation), VALIDATION_LINES)
        ]
        return DataLoader(batches, batch_size=None, num_workers=0)  # type: ignore[arg-type]


def _validation_batch(lines: Sequence[ValidationLine]) -> ValidationBatch:
    images = [line.sample[0] for line in lines]
    return (
        torch.from_numpy(pad_batch(images)),
        [image.shape[1] for image in images],
        [line.sample[1] for line in lines],
        [line.source for line in lines],
    )
