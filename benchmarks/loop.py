"""The closed loop in simulated months: correct, retrain, gate, promote or refuse; orders of correcting side by side.

Usage: ``python benchmarks/loop.py ../shared/data --model BUNDLE --source names-fr -o runs/loop``

Each month a person corrects so many lines of a source that the model has never seen (the transcriptions are the
corrections), the corrections become a new version of the dataset, and the model that all began with learns it anew,
with as many lines of the sources that it knows. Some lines of both kinds are not learnt: they say how much of the
starting weights is kept (`inkread.training.mixing`), as in the pipeline. The gate compares the challenger with the
champion on protected pages of all sources. These are of ``val``, and where ``val`` has few documents of the unseen
source, also of ``train``, whose documents are then not corrected. ``test`` is not touched.

The orders: ``queue`` as in use; ``random``; ``longest`` lines first; ``cover``, which chooses lines whose pictures are
like many others with probable errors (facility location over the features of the network). With ``--no-gate`` each
challenger is taken whatever the gate would say, so that only the order counts. Features of line images are kept in a
folder, so that the next run begins at once.

At the end two bad challengers are tried: one whose texts were shuffled, and one that learnt its own source only.
"""

from __future__ import annotations

import copy
import os
import random
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

import figures
from inkread.bundle import BUNDLED, Bundle
from inkread.cli.terminal import existing, run_command
from inkread.data.cleaning import Cleaner
from inkread.data.dataset import Dataset, Sample, write_manifest
from inkread.data.ingest import IngestOptions, open_dataset
from inkread.data.queue import READABLE, Candidate, Learnt, expected_errors, queue
from inkread.data.store import CutSettings, line_images
from inkread.evaluation.gate import GoldLine, LineErrors, compare, objections
from inkread.evaluation.gold import GoldImage, place_of, read_gold, read_images
from inkread.evaluation.statistics import Estimate, rate_by_document
from inkread.evaluation.text import character_errors, normalise, word_errors
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.confidence import Calibration, line_confidence
from inkread.recognition.decoding import Hypothesis, greedy
from inkread.recognition.line_images import Grey
from inkread.recognition.line_reader import LineReader, tidy_text
from inkread.registry import GateError, Reading, Registry, compare_with_champion, promote
from inkread.training.adaptation import AdaptSettings, learn_head, line_features
from inkread.training.finetune import FinetuneSettings, finetune
from inkread.training.mixing import SHARES_OF_START, Checked, choose_share
from inkread.training.network import Recognizer, load_network

KNOWN = (
    "hooker-en",
    "copiste-fr",
    "testaments-fr",
    "mss18-fr",
    "mss19-fr",
    "mss20-fr",
    "fondue18-fr",
    "peraire-fr",
    "mariages-fr",
    "repertoires-fr",
    "romance",
)
"""Sources that the network of 0.10.0 learnt."""
CHECKED = 4
"""Lines of every fourth document are not learnt: they choose the share of the starting weights."""
WHO = "loop"


@dataclass(frozen=True, slots=True)
class Line:
    """A transcribed line of a source."""

    dataset: Dataset
    sample: Sample

    @property
    def writer(self) -> str:
        """Who wrote it, as far as is known."""
        return self.sample.writer_id or self.sample.document_id

    @property
    def name(self) -> str:
        """Unique among all sources."""
        return f"{self.sample.document_id} {self.sample.sample_id}"


@dataclass
class Month:
    """What a month brought.

    Attributes:
        lines: corrected so far.
        typed: characters of these lines.
        why: the challenger did not become the champion; "" where it did.
        target, others: CER of the champion after the decision, on protected pages of the source and of all others.
    """

    lines: int
    typed: int
    why: str
    target: Estimate
    others: Estimate


def lines_of(data: Path, source: str, split: str, most: int, seed: int) -> list[Line]:
    """At most so many transcribed lines of a split, of random documents in turn; [] where there is no such split."""
    folder = data / source / split
    if not folder.is_dir():
        return []
    dataset = open_dataset(folder, IngestOptions(source=source))
    by_document: dict[str, list[Sample]] = {}
    for sample in dataset.lines():
        if normalise(sample.text) and not any(mark in sample.text for mark in "#?[]"):
            name = f"{source}/{sample.document_id.rpartition('/')[2]}"
            by_document.setdefault(name, []).append(replace(sample, document_id=name, source=source, split=""))
    rng = random.Random(seed)
    groups = [rng.sample(group, len(group)) for _, group in sorted(by_document.items())]
    rng.shuffle(groups)
    in_turn = [group[n] for n in range(max(map(len, groups), default=0)) for group in groups if n < len(group)]
    chosen = sorted(in_turn[:most], key=lambda sample: sample.sample_id)
    return [Line(dataset, sample) for sample in chosen]


def parted(val: Sequence[Line], train: Sequence[Line], documents: int, most: int) -> tuple[list[Line], list[Line]]:
    """Protected lines of a source, about as many of each document, and lines to correct, of other documents.

    Args:
        val: lines that no model learns.
        train: lines of which those of at most a third of the documents are protected too.
        documents: to protect; where ``val`` has fewer, some of ``train`` are taken.
        most: protected lines.
    """
    found = sorted({line.sample.document_id for line in train})
    missing = documents - len({line.sample.document_id for line in val})
    moved = set(random.Random(1).sample(found, max(min(missing, len(found) // 3), 0)))
    groups: dict[str, list[Line]] = {}
    for line in [*val, *(line for line in train if line.sample.document_id in moved)]:
        groups.setdefault(line.sample.document_id, []).append(line)
    each = -(-most // len(groups))
    gold = [line for group in groups.values() for line in group[:each]]
    return gold, [line for line in train if line.sample.document_id not in moved]


def is_checked(line: Line) -> bool:
    """Whether a line is of a document that chooses the share of the starting weights, and is not learnt."""
    return zlib.crc32(line.sample.document_id.encode()) % CHECKED == 0


def gold_of(lines: Sequence[Line]) -> list[GoldImage]:
    """Protected lines as the gate reads them."""
    return [GoldImage(image, normalise(line.sample.text), place_of(line.sample)) for line, image in images_of(lines)]


def images_of(lines: Sequence[Line]) -> list[tuple[Line, Grey]]:
    """The line images; a page is decoded once for all its lines. Lines that are too small are left out."""
    datasets = {id(line.dataset): line.dataset for line in lines}
    found = []
    for dataset in datasets.values():
        own = {line.sample.sample_id: line for line in lines if line.dataset is dataset}
        samples = sorted((line.sample for line in own.values()), key=lambda sample: (sample.image, sample.line or 0))
        cut = line_images(dataset, samples, CutSettings(), context=False)
        found += [(own[sample.sample_id], image) for sample, image in cut]
    return found


def write_version(folder: Path, lines: Sequence[Line], rehearsal: Sequence[Line]) -> Path:
    """A version of the dataset: the corrected lines, and lines of the known sources."""
    shutil.rmtree(folder, ignore_errors=True)

    def copied(line: Line, name: str, place: str) -> str:
        if not name:
            return ""
        target = folder / place / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(line.dataset.folder / name, target)
        return f"{place}/{target.name}"

    samples = []
    for line in [*lines, *rehearsal]:
        sample = line.sample
        place = sample.document_id.partition("/")[0]
        samples.append(
            replace(
                sample,
                sample_id=f"{place}-{sample.sample_id.replace('/', '-')}",
                image=copied(line, sample.image, place),
                layout=copied(line, sample.layout, place),
            )
        )
    write_manifest(folder, samples)
    return folder


class Retraining(Protocol):
    """One way to make challengers of the champion, to let the gate decide, and to read lines."""

    places: list[GoldLine]
    """Where each protected line belongs."""
    known: dict[str, Reading]
    """What was read in the protected lines, by the name of the model."""

    def begin(self, folder: Path) -> str:
        """Start anew with the given model as the champion; its name."""

    def read(self, lines: Sequence[Line]) -> list[Candidate]:
        """Read lines with the champion; each is called by its place among them."""

    def learn(self, lines: Sequence[Line], month: int, *, spoilt: bool = False) -> str:
        """A challenger that learnt these lines, with others of the known sources unless it is to be spoilt."""

    def decide(self, challenger: str) -> str:
        """Make it the champion where the gate lets it; why it does not, or ""."""


class Finetuning:
    """``inkread finetune`` and the registry, as in use: dataset, bundle, version, promotion."""

    def __init__(self, options: Any, gold: Sequence[Line], rehearsal: Sequence[Line]) -> None:
        self.options, self.gold, self.rehearsal = options, gold_of(gold), rehearsal
        self.places = [line.place for line in self.gold]
        self.known: dict[str, Reading] = {}
        self._bundles: dict[str, Path] = {}

    def begin(self, folder: Path) -> str:
        """A registry in the folder, with the model as its first champion."""
        self._folder = folder
        os.chdir(folder)  # MLflow keeps the files of versions in the current folder
        self._registry = Registry(f"sqlite:///{folder / 'mlflow.db'}")
        self._start = self._champion = Bundle.open(self.options.model)
        self._registry.seed(self._champion.folder)
        return self._measured(self._champion)

    def _measured(self, bundle: Bundle) -> str:
        if bundle.identity not in self.known:
            self.known[bundle.identity] = read_gold(bundle, self.gold)
        self._bundles[bundle.identity] = bundle.folder
        return bundle.identity

    def read(self, lines: Sequence[Line]) -> list[Candidate]:
        """With the search of ``--fast``."""
        cut = images_of(lines)
        read = read_images(LineReader(self._champion, fast=True, alternatives=0), [image for _, image in cut])
        places = {id(line): number for number, line in enumerate(lines)}
        return [
            Candidate(str(places[id(line)]), found.text, found.confidence or 0.0, line.writer)
            for (line, _), found in zip(cut, read, strict=True)
        ]

    def learn(self, lines: Sequence[Line], month: int, *, spoilt: bool = False) -> str:
        """Write the version of the dataset, and fine-tune the first model on it."""
        dataset = write_version(self._folder / "datasets" / str(month), lines, [] if spoilt else self.rehearsal)
        output = self._folder / "challengers" / str(month)
        rate = 2e-3 if spoilt else self.options.rate or FinetuneSettings().rate
        settings = FinetuneSettings(steps=self.options.steps, rate=rate, rehearsal=0, seed=month)
        finetune(self._start, dataset, output, settings)
        self._data_hash = Dataset.open(dataset).content_hash
        return self._measured(Bundle.open(output))

    def decide(self, challenger: str) -> str:
        """By registration, comparison and promotion."""
        if challenger in (self._start.identity, self._champion.identity):
            return "fine-tuning kept the start"
        folder = self._bundles[challenger]
        version = self._registry.register(folder, data_hash=self._data_hash, who=WHO)
        compare_with_champion(self._registry, version, self.gold, self.known)
        try:
            promote(self._registry, version, WHO, "the gate let it pass")
        except GateError as error:
            return str(error)
        self._champion = Bundle.open(folder)
        return ""


class HeadOnly:
    """Neck and head of the float network learn, from features that are computed once; no language model.

    A month takes seconds, so that orders can be compared; see `inkread.training.adaptation`.
    """

    rate = 1.5e-3
    seen: ClassVar[dict[str, Tensor]] = {}
    """Features of lines by their names, which are the same for all sources."""

    def __init__(self, options: Any, gold: Sequence[Line], rehearsal: Sequence[Line]) -> None:
        self.options = options
        self.known: dict[str, Reading] = {}
        bundle = Bundle.open(options.model)
        self._kept = options.features / bundle.identity
        self._alphabet, self._cleaner = Alphabet(bundle.model.alphabet), Cleaner(Alphabet(bundle.model.alphabet))
        self._whole = load_network(bundle.weights, self._alphabet, bundle.model.input.stride).eval()
        self._start = self._learning(self._whole)
        confidences = bundle.model.confidences(language_model=False)
        self._calibration = Calibration(**confidences.line_calibration.model_dump())
        cut = self._cut(gold)
        self._gold = [(normalise(line.sample.text), features) for line, features in cut]
        self.places = [place_of(line.sample) for line, _ in cut]
        self._rehearsal = self._cut(rehearsal)

    def _cut(self, lines: Sequence[Line]) -> list[tuple[Line, Tensor]]:
        by_source: dict[str, list[Line]] = {}
        for line in lines:
            if line.name not in self.seen:
                by_source.setdefault(line.sample.source, []).append(line)
        for source, missing in by_source.items():
            self.seen.update({name: self._learnt_from(found) for name, found in self._found(source, missing).items()})
        return [(line, self.seen[line.name]) for line in lines if line.name in self.seen]

    def _found(self, source: str, lines: Sequence[Line]) -> dict[str, Tensor]:
        """What the convolutions make of lines, as far as they are not too small; kept for the next run."""
        file = self._kept / f"{source}.pt"
        kept: dict[str, Tensor] = torch.load(file, weights_only=True) if file.is_file() else {}
        missing = [line for line in lines if line.name not in kept]
        if missing:
            kept.update({line.name: line_features(self._whole, image).half() for line, image in images_of(missing)})
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(kept, file)
        return {line.name: kept[line.name].float() for line in lines if line.name in kept}

    def _learning(self, network: Recognizer) -> Recognizer:
        return network

    def _learnt_from(self, features: Tensor) -> Tensor:
        return features

    def pictures(self, lines: Sequence[Line]) -> Tensor:
        """The mean features of lines, each less their mean and of length 1: [lines, channels]."""
        means = torch.stack([features.mean(dim=(0, 2, 3)) for _, features in self._cut(lines)])
        means = (means - means.mean(0)) / (means.std(0) + 1e-3)
        return torch.nn.functional.normalize(means)

    def begin(self, folder: Path) -> str:
        """The weights of the model."""
        del folder
        self._networks = {"start": self._start}
        self._champion = "start"
        return self._measured("start")

    def _read(self, network: Recognizer, features: Sequence[Tensor]) -> list[Hypothesis]:
        with torch.inference_mode():
            return [greedy(network.named(each)[0].numpy(), self._alphabet) for each in features]

    def _measured(self, name: str) -> str:
        errors = []
        read = self._read(self._networks[name], [features for _, features in self._gold])
        for (written, _), found in zip(self._gold, read, strict=True):
            text = tidy_text(found.text)
            errors.append(LineErrors(character_errors(written, text), word_errors(written, text), text))
        self.known[name] = errors, 0.0
        return name

    def read(self, lines: Sequence[Line]) -> list[Candidate]:
        """Greedily, with the calibrated confidence of a line."""
        cut = self._cut(lines)
        places = {line.name: number for number, line in enumerate(lines)}
        read = self._read(self._networks[self._champion], [features for _, features in cut])
        return [
            Candidate(
                str(places[line.name]),
                tidy_text(found.text),
                self._calibration.apply(line_confidence(found.confidences)),
                line.writer,
            )
            for (line, _), found in zip(cut, read, strict=True)
        ]

    def learn(self, lines: Sequence[Line], month: int, *, spoilt: bool = False) -> str:
        """From the start; some documents choose the share of it that is kept."""
        own, known = self._cut(lines), self._rehearsal
        checks = [[pair for pair in pairs if is_checked(pair[0])] for pairs in (own, known)]
        learnt = own if spoilt else [pair for pair in own if not is_checked(pair[0])]
        if not learnt:
            return "start"
        known = [pair for pair in known if not is_checked(pair[0])]
        passes, rate = self.options.passes, 5e-3 if spoilt else self.options.rate or self.rate
        if not spoilt:  # as many known lines; they are other ones in each pass, as long as there are
            together = min(passes, max(len(known) // len(learnt), 1))
            passes = max(round(passes / together), 1)
            learnt = learnt * together
            learnt += random.Random(month).sample(known, min(len(learnt), len(known)))
        settings = AdaptSettings(passes=passes, rate=rate, seed=month)
        texts, features = zip(*self._texts(learnt), strict=True)
        network = learn_head(copy.deepcopy(self._start), features, texts, self._alphabet, settings)
        name = f"{month}{' spoilt' if spoilt else ''}"
        if not spoilt:
            mixed = {share: _mixed(network, self._start, share) for share in SHARES_OF_START}
            texts_of = [self._texts(pairs) for pairs in checks]
            found = {share: self._checked(each, *texts_of) for share, each in mixed.items()}
            share = choose_share(found, self._checked(self._start, *texts_of))
            if share is None:
                return "start"
            network = mixed[share]
            print(f"month {month}: {share:g} of the starting weights", flush=True)
        self._networks[name] = network
        return self._measured(name)

    def _texts(self, lines: Sequence[tuple[Line, Tensor]]) -> list[tuple[str, Tensor]]:
        return [(text, features) for line, features in lines if (text := self._cleaner(line.sample.text))]

    def _checked(
        self, network: Recognizer, own: Sequence[tuple[str, Tensor]], old: Sequence[tuple[str, Tensor]]
    ) -> Checked:
        known = self._edits(network, old) / max(sum(len(text) for text, _ in old), 1) if old else None
        return Checked(self._edits(network, own), known)

    def _edits(self, network: Recognizer, lines: Sequence[tuple[str, Tensor]]) -> int:
        read = self._read(network, [features for _, features in lines])
        return sum(
            character_errors(text, tidy_text(found.text)).edits for (text, _), found in zip(lines, read, strict=True)
        )

    def decide(self, challenger: str) -> str:
        """By the same comparison and the same objections as in the registry."""
        if self.options.no_gate:
            self._champion = challenger
            return ""
        if challenger in ("start", self._champion):
            return "training kept the start"
        (new, _), (old, _) = self.known[challenger], self.known[self._champion]
        reasons = objections(compare(0, self.places, new, old, anchor=(0, self.known["start"][0])))
        if not reasons:
            self._champion = challenger
        return "; ".join(reasons)


class LastLayer(HeadOnly):
    """The last layer learns alone, from what comes before it: six times as fast."""

    rate = 2e-3

    def _learning(self, network: Recognizer) -> Recognizer:
        last = copy.deepcopy(network)
        last.neck = Joined()  # type: ignore[assignment]
        return last

    def _learnt_from(self, features: Tensor) -> Tensor:
        with torch.inference_mode():
            joined: Tensor = self._whole.neck(features)
        return joined.transpose(1, 2)[:, :, None].clone()


class Joined(nn.Module):
    """In place of a neck whose work was done: [batch, channels, 1, frames] to [batch, frames, channels]."""

    def forward(self, joined: Tensor) -> Tensor:
        """Move the axes."""
        return joined[:, :, 0].transpose(1, 2)


def _mixed(network: Recognizer, start: Recognizer, share: float) -> Recognizer:
    mixed = copy.deepcopy(network)
    before = start.state_dict()
    mixed.load_state_dict(
        {name: torch.lerp(value, before[name], share) for name, value in network.state_dict().items()}
    )
    return mixed.eval()


WAYS: dict[str, type[Finetuning] | type[HeadOnly]] = {"finetune": Finetuning, "head": HeadOnly, "layer": LastLayer}
ORDERS = ("queue", "random", "longest", "cover")


def choose(  # noqa: PLR0913
    order: str, way: Retraining, left: Sequence[Line], corrected: Sequence[Line], count: int, seed: int
) -> list[Line]:
    """The lines to correct next."""
    if order == "random":
        return random.Random(seed).sample(left, count)
    read = way.read(left)
    if order == "longest":
        chosen = sorted(read, key=lambda line: -len(line.text))[:count]
    elif order == "cover":
        assert isinstance(way, HeadOnly), "features are there where the head learns"
        chosen = cover(read, way.pictures([*(left[int(line.name)] for line in read), *corrected]), count)
    else:
        chosen = queue(read, [Learnt(line.sample.text, line.writer) for line in corrected], count)
    return [left[int(line.name)] for line in chosen]


def cover(read: Sequence[Candidate], pictures: Tensor, count: int) -> list[Candidate]:
    """Lines that are most like all others with probable errors, as far as no line before them is.

    Args:
        read: lines.
        pictures: of these, then of those that are corrected already, [lines, channels] of length 1.
        count: how many to choose.
    """
    alike = (pictures @ pictures.T).clamp(min=0).numpy()[: len(read)]
    covered = alike[:, len(read) :].max(axis=1, initial=0.0)
    readable = max(READABLE, float(np.median([line.confidence for line in read])))
    wrong = np.array([expected_errors(line, readable) for line in read])
    chosen: list[int] = []
    for _ in range(count):
        gain = wrong @ np.maximum(alike[:, : len(read)] - covered[:, None], 0)
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
        covered = np.maximum(covered, alike[:, chosen[-1]])
    return [read[index] for index in chosen]


@dataclass
class Loop:
    """A source that the model has not seen, in one simulation."""

    options: Any
    source: str
    pool: list[Line]
    way: Retraining

    def cer(self, model: str, *, target: bool) -> Estimate:
        """CER on the protected pages of the source, or on those of the others."""
        errors, _ = self.way.known[model]
        rate = rate_by_document(
            (place.document, float(error.characters.edits), float(error.characters.length))
            for place, error in zip(self.way.places, errors, strict=True)
            if (("source", self.source) in place.slices) == target
        )
        assert rate is not None
        return rate

    def folder(self, name: str) -> Path:
        """An empty folder."""
        folder: Path = self.options.output / f"{self.source}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def run(self, order: str, seed: int) -> tuple[list[Month], list[Line]]:
        """The months of one order of correcting, and the lines that were corrected."""
        champion = self.way.begin(self.folder(f"{order}-{seed}"))
        corrected: list[Line] = []
        left = random.Random(seed).sample(self.pool, min(len(self.pool), self.options.pool))
        months = [self._month(champion, corrected, "")]
        _show(order, 0, months[-1])
        for month in range(1, self.options.months + 1):
            count = min(self.options.lines, len(left))
            chosen = choose(order, self.way, left, corrected, count, seed * 1000 + month)
            corrected += chosen
            taken = {line.name for line in chosen}
            left = [line for line in left if line.name not in taken]
            challenger = self.way.learn(corrected, month)
            why = self.way.decide(challenger)
            champion = champion if why else challenger
            months.append(self._month(champion, corrected, why))
            _show(order, month, months[-1])
        return months, corrected

    def _month(self, champion: str, corrected: Sequence[Line], why: str) -> Month:
        typed = sum(len(line.sample.text) for line in corrected)
        return Month(len(corrected), typed, why, self.cer(champion, target=True), self.cer(champion, target=False))

    def bad(self, corrected: Sequence[Line]) -> dict[str, dict[str, Any]]:
        """What the gate says of a challenger with shuffled texts, and of one that learnt the source alone, too hard."""
        texts = [line.sample.text for line in corrected]
        random.Random(1).shuffle(texts)
        shuffled = [
            Line(line.dataset, replace(line.sample, text=text)) for line, text in zip(corrected, texts, strict=True)
        ]
        said: dict[str, dict[str, Any]] = {}
        for number, (name, lines) in enumerate((("shuffled texts", shuffled), ("own source only", corrected))):
            self.way.begin(self.folder(f"bad-{number}"))
            challenger = self.way.learn(lines, 100 + number, spoilt=True)
            why = self.way.decide(challenger)
            target, others = self.cer(challenger, target=True), self.cer(challenger, target=False)
            said[name] = {"why": why, "target": asdict(target), "others": asdict(others)}
            print(f"{name}: CER {target} on its source, {others} on others: {why or 'PROMOTED'}", flush=True)
        return said


def _show(order: str, number: int, month: Month) -> None:
    """One month as a line."""
    decided = f"refused: {month.why}" if month.why else "promoted" if number else "start"
    print(f"{order} {number}: {month.lines} lines, {month.target}, others {month.others}, {decided}", flush=True)


def lines_to_reach(months: Sequence[Month], rate: float) -> float | None:
    """Corrected lines at which the CER first falls to a rate, between two months by a straight line."""
    for before, after in zip(months, months[1:], strict=False):
        if after.target.value <= rate:
            fall = before.target.value - after.target.value
            share = (before.target.value - rate) / fall if fall > 0 else 1.0
            return before.lines + share * (after.lines - before.lines)
    return None


def report(source: str, runs: Mapping[str, Sequence[Month]]) -> list[str]:
    """The table of a source, and what the orders come to."""
    rows = {}
    for order, months in runs.items():
        for number, month in enumerate(months):
            decided = "start" if not number else "refused" if month.why else "promoted"
            cells = (str(month.lines), str(month.typed), str(month.target), str(month.others), decided)
            rows[f"{order} {number}"] = cells
    heading = (source, "lines", "characters", "CER of its protected pages", "CER of the others", "gate")
    said = [figures.markdown(heading, rows)]
    for order, months in runs.items():
        start, last = months[0].target.value, months[-1].target.value
        kept = sum(not month.why for month in months[1:])
        said.append(
            f"{source}: CER falls by {1 - last / start:.0%} in order {order}, {kept} of {len(months) - 1} promoted"
        )
        usual = runs.get(f"random {order.rpartition(' ')[2]}")
        if usual and usual is not months:
            goal = max(last, usual[-1].target.value)
            needed, lines = lines_to_reach(months, goal), lines_to_reach(usual, goal)
            if needed and lines:
                share = f"{needed / lines:.0%}"
                said.append(
                    f"{source}: CER {goal:.3f} with {needed:.0f} lines in order {order}, {share} of {lines:.0f}"
                )
    return said


def main() -> None:
    """Simulate, print the tables, write the figures."""
    parser = figures.parser(__doc__, "loop.py ../shared/data --model runs/older --source names-fr -o runs/loop")
    parser.add_argument("data", type=existing, help="folder with a folder of each source")
    parser.add_argument("--model", default="bundled", help="bundle that has not seen the sources")
    parser.add_argument("--source", action="append", help="unseen source; may be given several times")
    parser.add_argument("--way", choices=sorted(WAYS), default="finetune", help="how the network is trained again")
    parser.add_argument("--order", action="append", choices=ORDERS, help="may be given several times")
    parser.add_argument("--no-gate", action="store_true", help="take each challenger")
    parser.add_argument("--seeds", type=int, default=1, help="of each order, and of the lines that could be corrected")
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--lines", type=int, default=50, help="corrected in a month")
    parser.add_argument("--pool", type=int, default=600, help="lines of the source that could be corrected")
    parser.add_argument("--gold", type=int, default=240, help="protected lines of the source")
    parser.add_argument("--documents", type=int, default=24, help="protected documents of the source, at least")
    parser.add_argument("--gold-others", type=int, default=40, help="protected lines of each known source")
    parser.add_argument("--known", type=int, default=60, help="lines of each known source that may be learnt again")
    parser.add_argument("--features", type=Path, help="folder where features are kept; else in that of the output")
    parser.add_argument("--steps", type=int, default=100, help="of each training")
    parser.add_argument("--rate", type=float, help="of each training; else the usual one of the way")
    parser.add_argument("--passes", type=int, default=3, help="over the lines, where the head learns")
    parser.add_argument("--output", "-o", type=Path, required=True, help="folder for datasets, bundles and registry")
    options = parser.parse_args()
    options.features = options.features or options.output / "features"
    for key in ("data", "output", "model", "features"):
        given = str(getattr(options, key))
        setattr(options, key, given if given == BUNDLED else Path(given).resolve())
    made: list[figures.Figure] = []
    details: dict[str, Any] = {}
    others = [line for name in KNOWN for line in lines_of(options.data, name, "val", options.gold_others, 1)]
    rehearsal = [line for name in KNOWN for line in lines_of(options.data, name, "train", options.known, 2)]
    for source in options.source or ["names-fr"]:
        train = lines_of(options.data, source, "train", options.pool * (2 if options.seeds > 1 else 1), 3)
        val = lines_of(options.data, source, "val", options.gold, 1)
        if not train:
            parser.error(f"{options.data / source / 'train'}: no transcribed lines here")
        gold, pool = parted(val, train, options.documents, options.gold)
        loop = Loop(options, source, pool, WAYS[options.way](options, [*gold, *others], rehearsal))
        runs: dict[str, list[Month]] = {}
        for seed in range(1, options.seeds + 1):
            for order in options.order or ORDERS[:2]:
                runs[f"{order} {seed}"], corrected = loop.run(order, seed)
        print(*report(source, runs), sep="\n", flush=True)
        said = {} if options.no_gate else loop.bad(corrected)
        details[source] = {order: [asdict(month) for month in months] for order, months in runs.items()} | {"bad": said}
        made += [
            figures.figure(
                f"CER in the closed loop ({options.way}), {order} order, after {month.lines} corrected lines, {where}",
                "%",
                value,
                dataset=source,
                split="val",
                documents=value.documents,
            )
            for order, months in runs.items()
            for month in (months[0], months[-1])
            for where, value in (("its protected pages", month.target), ("those of known sources", month.others))
        ]
    figures.write(options.json or options.output / "loop.json", made, months=details)


if __name__ == "__main__":
    run_command(main)
