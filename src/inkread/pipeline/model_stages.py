"""The stages from shards to a registered model, named as in ``dvc.yaml``.

Usage: ``python -m inkread.pipeline build_train_cnn``, in the folder of ``params.yaml``
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from inkread.bundle import Bundle, Confidences
from inkread.data.dataset import Dataset
from inkread.data.protected import gold_folder
from inkread.data.store import LineStore
from inkread.document import Line, Word
from inkread.evaluation.calibration import TuningLine, calibrate, rated_words, reliability, word_error
from inkread.evaluation.compare import ReadLine, compared
from inkread.evaluation.coverage import risk_coverage
from inkread.evaluation.drift import reference_of, write_reference
from inkread.evaluation.gold import gold_lines, gold_of_store
from inkread.evaluation.html import html_report
from inkread.evaluation.report import confidence_figures, summarise
from inkread.evaluation.statistics import classification
from inkread.evaluation.text import normalise
from inkread.io.files import write_bytes
from inkread.io.images import PageImage
from inkread.pipeline.params import Params
from inkread.pipeline.params import Recognizer as RecognizerParams
from inkread.pipeline.stage import Artifacts, read_json, write_json
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.confidence import Calibration, line_confidence
from inkread.recognition.decoding import Hypothesis, greedy
from inkread.recognition.line_reader import words_of
from inkread.registry import Registry, compare_with_champion
from inkread.training.bundling import Release, describe, release
from inkread.training.data import MixturePlan, data_sources, retraining_sources
from inkread.training.export import measure_parity
from inkread.training.mixing import share_of_start
from inkread.training.module import Optimisation
from inkread.training.network import Recognizer
from inkread.training.scoring import frames_of, torch_frames
from inkread.training.settings import CallbackSettings
from inkread.training.tracking import TrackingPlan
from inkread.training.train import LAST, TrainingPlan, read_plan, train, trained_network
from inkread.training.word_cnn import WordImages, classify, load_word_cnn, save_word_cnn, train_word_cnn


def setup_callbacks(artifacts: Artifacts, params: Params) -> None:
    """Write the checked settings."""
    write_json(artifacts.callbacks, params.setup_callbacks.model_dump())


def build_train_cnn(artifacts: Artifacts, params: Params) -> None:
    """Train both with the same callbacks; an interrupted run of the recogniser continues.

    The val lines decide how much of the starting weights is kept: all of them if no mixture reads these lines better.
    """
    callbacks = CallbackSettings.model_validate(read_json(artifacts.callbacks))
    _train_words(artifacts, params, callbacks)
    plan = recognizer_plan(artifacts, params.build_train_cnn.recognizer, callbacks)
    checkpoint = train(plan, artifacts.run)
    share = share_of_start(plan, checkpoint, LineStore.open(artifacts.shards / "val")) if plan.start else 0.0
    write_json(artifacts.run / SHARE, {"start_share": 1.0 if share is None else share})


def kept_share(artifacts: Artifacts) -> float:
    """The share of the starting weights in the network of the run."""
    return float(read_json(artifacts.run / SHARE)["start_share"])


def kept_network(artifacts: Artifacts) -> Recognizer:
    """The network of the run."""
    return trained_network(read_plan(artifacts.run), artifacts.run / LAST, kept_share(artifacts))


def recognizer_plan(artifacts: Artifacts, chosen: RecognizerParams, callbacks: CallbackSettings) -> TrainingPlan:
    """The training plan that the parameters ask for, on the shards of the pipeline."""
    dataset = Dataset.open(artifacts.dataset)
    start = Bundle.open(chosen.start) if chosen.start else None
    weights = artifacts.run.parent / "line_weights.json"
    write_json(weights, read_json(artifacts.weights)["lines"])
    mixture = MixturePlan(
        store=artifacts.shards,
        line_weights=weights,
        shares={},
        known=start.known if start else (),
        known_share=chosen.known_share,
    )
    return TrainingPlan(
        mixture=mixture,
        optimisation=Optimisation(rate=chosen.rate, warm_up=chosen.warm_up, steps=chosen.steps),
        start=chosen.start,
        average=callbacks.average,
        columns=chosen.columns,
        validate_every=chosen.validate_every,
        validation_lines=chosen.validation_lines,
        checkpoint_minutes=callbacks.checkpoint_minutes,
        seed=chosen.seed,
        alphabet=read_json(artifacts.alphabet)["characters"],
        tracking=TrackingPlan(data_hash=dataset.content_hash),
        sources=retraining_sources(dataset, start) if start else data_sources([dataset]),
    )


def _train_words(artifacts: Artifacts, params: Params, callbacks: CallbackSettings) -> None:
    shutil.rmtree(artifacts.word_cnn, ignore_errors=True)
    artifacts.word_cnn.mkdir(parents=True)
    words = read_json(artifacts.one_hot / "words.json")["words"]
    weights = read_json(artifacts.weights)["words"]
    figures: dict[str, float] = {}
    if words:
        network, figures = train_word_cnn(
            known_words(artifacts, "train"),
            known_words(artifacts, "val"),
            [weights[word] for word in words],
            params.build_train_cnn.word_cnn,
            callbacks,
            artifacts.word_cnn,
        )
        save_word_cnn(artifacts.word_cnn / "word_cnn.safetensors", network, words)
    write_json(artifacts.word_cnn / "training.json", figures)


def known_words(artifacts: Artifacts, split: str) -> WordImages:
    """The words of a split that are in the vocabulary."""
    with (
        np.load(artifacts.shards / split / "words.npz") as words,
        np.load(artifacts.one_hot / f"{split}.npz") as labels,
    ):
        known = labels["one_hot"].sum(axis=1) > 0
        return WordImages(words["images"][known], labels["one_hot"][known])


SPLIT = "test"
SHARE = "share.json"


def evaluate_model(artifacts: Artifacts, params: Params) -> None:
    """Read the test lines greedily; compare the classifier with the recogniser on the same words."""
    confidences = calibrate_on_val(artifacts)
    write_json(artifacts.calibration, confidences.model_dump())
    store = LineStore.open(artifacts.shards / SPLIT)
    tested = read_shard(artifacts, store)
    lines = compare_lines(store, tested, confidences)
    kept = lines[:: max(-(-len(lines) // params.evaluate_model.most_lines), 1)]
    baseline = word_baseline(artifacts, {line.id: line for line in lines})
    summary = summarise(SPLIT, SPLIT, kept, [])
    assert summary.cer is not None and summary.wer is not None
    metrics = {
        "cer": summary.cer.value,
        "cer_low": summary.cer.low,
        "cer_high": summary.cer.high,
        "wer": summary.wer.value,
        "lines": summary.lines,
        "documents": summary.documents,
        **confidence_figures(kept),
        "word_ece_raw": word_error(rated_words(compare_lines(store, tested, Confidences()))),
        "word_cnn": {key: value for key, value in (baseline or {}).items() if key != "classification"},
    }
    write_json(artifacts.metrics, metrics)
    strips = {line.sample_id: index for index, line in enumerate(store.lines)}
    page = html_report(
        "pipeline run", kept, {"split": SPLIT}, baseline, picture_of=lambda line: store.image(strips[line.id])
    )
    write_bytes(artifacts.report, page.encode())
    curve = risk_coverage(kept)
    _write_table(artifacts, "risk_coverage", ("coverage", "cer"), [(point.coverage, point.cer) for point in curve])
    bins = reliability(rated_words(kept))
    _write_table(artifacts, "reliability", ("confidence", "right"), [(row.confidence, row.right) for row in bins])


def calibrate_on_val(artifacts: Artifacts) -> Confidences:
    """Fit the calibrations of words and lines on the val shard."""
    store = LineStore.open(artifacts.shards / "val")
    nothing = np.zeros((0, 0), np.float32)
    lines = [TuningLine(line.source, line.document_id, line.text, nothing) for line in store.lines]
    return calibrate(lines, read_shard(artifacts, store))[0]


def read_shard(artifacts: Artifacts, store: LineStore) -> list[Hypothesis]:
    """What the trained network reads in the lines and words of a shard, without a language model."""
    frames = torch_frames(kept_network(artifacts))
    alphabet = Alphabet(read_plan(artifacts.run).alphabet)
    return [greedy(seen, alphabet) for seen in frames_of(frames, [store.image(index) for index in range(len(store))])]


def compare_lines(store: LineStore, readings: Sequence[Hypothesis], confidences: Confidences) -> list[ReadLine]:
    """The lines of a shard beside what was read, with calibrated confidences."""
    of_word, of_line = (
        Calibration(**values.model_dump()) for values in (confidences.word_calibration, confidences.line_calibration)
    )
    found = []
    for line, reading in zip(store.lines, readings, strict=True):
        words = tuple(
            Word(reading.text[word.start : word.stop], (), word.confidence(of_word)) for word in words_of(reading)
        )
        read = Line(line.sample_id, (), (), reading.text, of_line.apply(line_confidence(reading.confidences)), words)
        found.append(compared(line.text, read, line.document_id, line.sample_id, line.sample_id, line.source))
    return found


def word_baseline(artifacts: Artifacts, read: dict[str, ReadLine]) -> dict[str, Any] | None:
    """What the classifier and the recogniser make of the test words; None where there is no classifier."""
    path = artifacts.word_cnn / "word_cnn.safetensors"
    if not path.is_file():
        return None
    network, vocabulary = load_word_cnn(path)
    with np.load(artifacts.shards / SPLIT / "words.npz") as words:
        images, texts, names = words["images"], words["texts"].tolist(), words["names"].tolist()
    answers = [vocabulary[number] for number in classify(network, images)]
    by_recognizer = [normalise(read[name].read) for name in names]
    known = [index for index, text in enumerate(texts) if text in vocabulary]
    return {
        "vocabulary": len(vocabulary),
        "words": len(texts),
        "known": len(known),
        "accuracy_all": _share_right(texts, answers, range(len(texts))),
        "accuracy_known": _share_right(texts, answers, known),
        "recognizer_accuracy_all": _share_right(texts, by_recognizer, range(len(texts))),
        "recognizer_accuracy_known": _share_right(texts, by_recognizer, known),
        "classification": classification([texts[i] for i in known], [answers[i] for i in known]).as_dict(),
    }


def _share_right(written: Sequence[str], answered: Sequence[str], chosen: Iterable[int]) -> float:
    picked = list(chosen)
    return sum(written[index] == answered[index] for index in picked) / max(len(picked), 1)


def _write_table(artifacts: Artifacts, name: str, header: tuple[str, str], rows: Iterable[tuple[float, float]]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{first:.5f}", f"{second:.5f}"] for first, second in rows)
    write_bytes(artifacts.plots / f"{name}.csv", stream.getvalue().encode())


def export_model(artifacts: Artifacts, params: Params) -> None:
    """Export, compare the exported networks with the one that was trained, and write the reference for drift."""
    shutil.rmtree(artifacts.bundle, ignore_errors=True)
    chosen = params.export_model
    named = Release(version=chosen.version, name=chosen.name, start_share=kept_share(artifacts))
    model = release(artifacts.run, artifacts.bundle, named)
    confidences = Confidences.model_validate(read_json(artifacts.calibration))
    describe(model.model_copy(update=dict(confidences)), artifacts.bundle)
    write_json(artifacts.parity, measure_parity(kept_network(artifacts), artifacts.bundle, artifacts.shards / "val"))
    bundle = Bundle.open(artifacts.bundle)
    reference = reference_of(bundle, learnt_pages(artifacts, chosen.reference_pages))
    if reference is not None:
        write_reference(bundle, reference)


def learnt_pages(artifacts: Artifacts, most: int) -> Iterator[PageImage]:
    """So many pages of the documents of train and val, spread over the dataset."""
    stores = [LineStore.open(artifacts.shards / split) for split in ("train", "val")]
    documents = {line.document_id for store in stores for line in store.lines}
    dataset = Dataset.open(artifacts.dataset)
    pages = [sample for sample in dataset.samples if sample.kind == "page" and sample.document_id in documents]
    chosen = pages[:: max(-(-len(pages) // most), 1)] if most else []
    return (dataset.image(sample) for sample in chosen)


def register_model(artifacts: Artifacts, params: Params) -> None:
    """Store bundle, report and figures as a new version, and compare it with the champion.

    They are compared on the gold pages, or on the test lines where there are none.
    """
    chosen = params.register_model
    metrics = read_json(artifacts.metrics)
    registry = Registry(chosen.tracking_uri or None, chosen.name)
    version = registry.register(
        artifacts.bundle,
        report=artifacts.report,
        data_hash=Dataset.open(artifacts.dataset).content_hash,
        metrics={name: metrics[name] for name in ("cer", "wer")},
    )
    gold = gold_folder()
    lines = gold_lines(gold, SPLIT) if gold else gold_of_store(LineStore.open(artifacts.shards / SPLIT))
    compare_with_champion(registry, version, lines)
    write_json(artifacts.registered, {"name": chosen.name, "version": version, "tracking_uri": registry.uri})
