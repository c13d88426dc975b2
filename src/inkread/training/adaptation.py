"""Adapt a bundle to the hand of a document, without a transcription.

Usage: ``report = adapt(Bundle.open(), [Path("letters")], Path("adapted"))``

The pages are read once. With the language model, many words are right that the network alone reads wrong. The network
learns from the lines whose confidence is high (self-training, Scudder 1965; for handwriting Das and Jawahar 2020). Only
its neck and head learn, a ninth of the weights: the features before them are computed once, so that adapting takes
about as long as reading. Some of the sure lines are first kept to check with. If the language model changes little in
them, or the network does not read them better after learning from the others, the output is the starting bundle,
unchanged; else it learns from all of them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz.distance import Levenshtein
from torch import Tensor
from torch.nn import functional as F

from inkread.bundle import Bundle
from inkread.document import Line, Page
from inkread.errors import BundleError, InputError, OutputError
from inkread.formats import fit
from inkread.io.images import PageImage
from inkread.io.inputs import Input, each_input, load_pages, load_readable_pages
from inkread.reader import OnError, OnPage, Reader
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.line_images import Grey, cut_lines
from inkread.training.bundling import CALIBRATION_LINES, content_version, copy_language_models, describe, write_bundle
from inkread.training.network import Recognizer, load_network
from inkread.training.scoring import Frames, pad_batch, read_lines, torch_frames
from inkread.version import code_commit

REPORT = "adapt.json"
LEARNT = ("neck.", "head.")
"""Parts of the network that learn: what joins the features of a line, and what names its characters."""


class AdaptSettings(BaseModel):
    """How a bundle is adapted. The values were chosen on pages of hands that the network had not learnt.

    Attributes:
        confidence: least confidence of a line to learn from. Above 0.9 too little is left that the network misreads.
        characters: fewest of a line to learn from; short readings are often noise.
        least_lines: with fewer lines to learn from, the bundle stays as it is.
        most_lines: lines to learn from at most, the surest ones; bounds time and memory.
        least_difference: share of characters of the lines to check with in which the network must differ from the first
            reading; with less, the language model had little to mend, and there is little to learn.
        least_gain: share by which these differences must fall; less may be chance.
        check_every: each such line, of those to learn from, is kept to check with.
        passes: over the lines to learn from. With more, the network learns the errors of the first reading by heart,
            and the language model no longer corrects them.
        rate: highest learning rate.
        batch: lines a step.
        seed: of the order of lines, and of dropout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confidence: float = Field(0.75, ge=0, le=1)
    characters: int = Field(8, ge=1)
    least_lines: int = Field(24, ge=2)
    most_lines: int = Field(400, ge=2)
    least_difference: float = Field(0.08, ge=0, le=1)
    least_gain: float = Field(0.05, ge=0, le=1)
    check_every: int = Field(5, ge=2)
    passes: int = Field(2, ge=1)
    rate: float = Field(1e-3, gt=0)
    batch: int = Field(8, ge=1)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class AdaptReport:
    """What came out.

    Attributes:
        pages, lines: read.
        learnt, checked: sure lines that were learnt from first, and checked with then.
        before, after: share of characters of the checked lines in which the network without the language model differs
            from the first reading with it; equal where nothing was learnt, 0.0 each where there are too few lines.
        improved: whether the output is a new model; otherwise it is the starting one.
        reason: why not; empty where it is.
    """

    pages: int
    lines: int
    learnt: int
    checked: int
    before: float
    after: float
    improved: bool
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line image, uint8 [height, width], and what was read in it."""

    image: Grey
    text: str
    confidence: float


def adapt(
    bundle: Bundle,
    inputs: Input | Iterable[Input],
    output: Path,
    settings: AdaptSettings | None = None,
    *,
    on_error: OnError | None = None,
    on_page: OnPage | None = None,
) -> AdaptReport:
    """Adapt a bundle to pages of one hand, into a bundle at ``output``.

    Args:
        bundle: one with a language model.
        inputs: what `Reader.read` takes; all of them are one document.
        output: folder, made by this call; an earlier result of it is replaced.
        settings: how.
        on_error: see `Reader.read`.
        on_page: called with each page of the first reading.

    Raises:
        BundleError: the bundle has no language model, or its weights are missing.
        InputError: an input cannot be read and there is no ``on_error``.
        OutputError: ``output`` holds something else than an adapted bundle.
    """
    chosen = settings or AdaptSettings()
    if bundle.language_model is None:
        raise BundleError(f"{bundle.folder}: only a bundle with a language model can adapt to a hand")
    if output.exists() and not (output / REPORT).is_file():
        raise OutputError(f"{output}: this is no bundle that adapting made, name a new folder")
    pages = 0
    lines: list[ReadLine] = []
    for page_lines in _first_reading(Reader(bundle), inputs, on_error, on_page):
        pages += 1
        lines += page_lines
    sure = [line for line in lines if line.confidence >= chosen.confidence and len(line.text) >= chosen.characters]
    sure = _surest(sure, chosen.most_lines)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as made:
        folder = Path(made) / "bundle"
        report = _learn_and_write(bundle, sure, folder, chosen, AdaptReport(pages, len(lines), 0, 0, 0.0, 0.0, False))
        (folder / REPORT).write_text(json.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(output, ignore_errors=True)
        folder.rename(output)
    return report


def _first_reading(
    reader: Reader, inputs: Input | Iterable[Input], on_error: OnError | None, on_page: OnPage | None
) -> Iterator[list[ReadLine]]:
    """The lines of each page; the images of no more pages are kept than the reader reads together."""
    greys: deque[Grey] = deque()

    def remembered() -> Iterator[PageImage]:
        for image in _images(inputs, on_error):
            greys.append(image.grey)
            yield image

    for page in reader.read_pages(remembered()):
        if on_page is not None:
            on_page(page)
        yield _lines_of(page, greys.popleft(), reader.lines.height)


def _images(inputs: Input | Iterable[Input], on_error: OnError | None) -> Iterator[PageImage]:
    for each in each_input(inputs):
        if on_error is None:
            yield from load_pages(each)
            continue
        try:
            yield from load_readable_pages(each, on_bad_page=partial(on_error, each))
        except InputError as error:
            on_error(each, error)


def _lines_of(page: Page, grey: Grey, height: int) -> list[ReadLine]:
    height_of_image, width = grey.shape
    lines: list[Line] = list(fit(page, width, height_of_image).lines)  # a very large page is read at less resolution
    return [
        ReadLine(strip.image, line.text, line.confidence or 0.0)
        for line, strip in zip(lines, cut_lines(grey, lines, height=height), strict=True)
    ]


def _surest(lines: Sequence[ReadLine], most: int) -> list[ReadLine]:
    kept = sorted(range(len(lines)), key=lambda index: -lines[index].confidence)[:most]
    return [lines[index] for index in sorted(kept)]


def _learn_and_write(
    bundle: Bundle, sure: Sequence[ReadLine], folder: Path, settings: AdaptSettings, report: AdaptReport
) -> AdaptReport:
    checked = sure[:: settings.check_every]
    learnt = [line for number, line in enumerate(sure) if number % settings.check_every]
    report = replace(report, learnt=len(learnt), checked=len(checked))

    def unchanged(reason: str) -> AdaptReport:
        shutil.copytree(bundle.folder, folder, ignore=shutil.ignore_patterns(REPORT))
        return replace(report, reason=reason)

    if len(learnt) < settings.least_lines:
        return unchanged(
            f"{len(learnt)} sure lines are too few, {settings.least_lines} are needed; add pages of this hand"
        )
    alphabet = Alphabet(bundle.model.alphabet)
    start = partial(load_network, bundle.weights, alphabet, bundle.model.input.stride)
    before = difference(torch_frames(start()), checked, alphabet)
    report = replace(report, before=before, after=before)
    if before < settings.least_difference:
        return unchanged(
            f"the language model changes only {before:.1%} of what the network reads in the sure lines, so there is "
            "little to learn from it"
        )
    after = difference(torch_frames(learn(start(), learnt, alphabet, settings)), checked, alphabet)
    report = replace(report, after=after, improved=after < (1 - settings.least_gain) * before)
    if not report.improved:
        return unchanged("the lines to check with were not read better")
    described = bundle.model.model_copy(
        update={
            "metrics": (),
            "training_command": f"inkread read --adapt with {bundle.model.name} {bundle.model.version}: "
            f"{len(sure)} lines of {report.pages} pages, as read ({settings.model_dump_json()})",
            "code_commit": code_commit(),
        }
    )
    network = learn(start(), sure, alphabet, settings)  # what was checked with is learnt too
    some = [line.image for line in sure[:: 1 + len(sure) // CALIBRATION_LINES]]
    described = write_bundle(network, described, folder, some, bundle.detector)
    copy_language_models(bundle, folder)
    describe(described.model_copy(update={"version": content_version(described.version, folder, ())}), folder)
    return report


def difference(frames: Frames, lines: Sequence[ReadLine], alphabet: Alphabet) -> float:
    """Character edits between what a network reads greedily and the texts of the lines, a character of these."""
    read = read_lines(frames, [line.image for line in lines], alphabet)
    wrong = sum(Levenshtein.distance(line.text, text) for line, text in zip(lines, read, strict=True))
    return wrong / max(sum(len(line.text) for line in lines), 1)


def learn(network: Recognizer, lines: Sequence[ReadLine], alphabet: Alphabet, settings: AdaptSettings) -> Recognizer:
    """The network after learning the texts of some lines; it is changed in place."""
    features = [line_features(network, line.image) for line in lines]
    return learn_head(network, features, [line.text for line in lines], alphabet, settings)


def learn_head(
    network: Recognizer, features: Sequence[Tensor], texts: Sequence[str], alphabet: Alphabet, settings: AdaptSettings
) -> Recognizer:
    """The network after its neck and head learnt some texts; it is changed in place.

    Args:
        network: its convolutions stay as they are.
        features: of each line, see `line_features`.
        texts: what is written in them.
        alphabet: of the network.
        settings: those of the training count.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(settings.seed)
        return _learn(network, features, texts, alphabet, settings)


def _learn(
    network: Recognizer, features: Sequence[Tensor], texts: Sequence[str], alphabet: Alphabet, settings: AdaptSettings
) -> Recognizer:
    learning = []
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(LEARNT))
        if parameter.requires_grad:
            learning.append(parameter)
    rng = np.random.default_rng(settings.seed)
    batches = [batch for _ in range(settings.passes) for batch in _batches(features, rng, settings.batch)]
    optimiser = torch.optim.AdamW(learning, lr=settings.rate, weight_decay=0.01)
    warm_up = max(len(batches) // 10, 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm_up, 1) * (1 - step / len(batches))
    )
    network.train()
    for batch in batches:
        widest = max(features[index].shape[3] for index in batch)
        padded = torch.cat([F.pad(features[i], (0, widest - features[i].shape[3])) for i in batch])
        log_probs = network.named(padded)
        frames = torch.tensor([features[index].shape[3] for index in batch])
        targets = [alphabet.encode(texts[index]) for index in batch]
        loss = F.ctc_loss(
            log_probs.transpose(0, 1),
            torch.tensor([label for target in targets for label in target]),
            frames,
            torch.tensor([len(target) for target in targets]),
            blank=BLANK,
            reduction="sum",
            zero_infinity=True,
        ) / sum(len(target) for target in targets)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learning, 5.0)
        optimiser.step()
        schedule.step()
    return network.eval()


def line_features(network: Recognizer, image: Grey) -> Tensor:
    """What the convolutions make of a line image, [1, 384, 1, frames]; it does not depend on neck and head."""
    network.eval()
    with torch.inference_mode():
        features = network.features(torch.from_numpy(pad_batch([image])))
    return features[..., : network.frames(image.shape[1])].clone()


def _batches(features: Sequence[Tensor], rng: np.random.Generator, size: int) -> list[list[int]]:
    """Batches of lines of about one width, in random order."""
    widths = [feature.shape[3] * rng.uniform(0.8, 1.2) for feature in features]
    order = sorted(range(len(features)), key=widths.__getitem__)
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    rng.shuffle(batches)
    return batches
