"""Calibrate the confidences on val, measure both models on test, and write the report.

Usage: ``python -m inkread.pipeline.evaluate_model``
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from inkread.document import Line, Word
from inkread.evaluation.classification import classification
from inkread.evaluation.confidences import figures, rated_words, word_error
from inkread.evaluation.coverage import risk_coverage
from inkread.evaluation.html import html_report
from inkread.evaluation.lines import ReadLine, compared
from inkread.evaluation.reliability import reliability
from inkread.evaluation.report import summarise
from inkread.evaluation.text import normalise
from inkread.evaluation.tuning import TuningLine, calibrate
from inkread.files import write_bytes
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.bundle import Confidences
from inkread.recognition.confidence import Calibration, line_confidence
from inkread.recognition.decode import Hypothesis, greedy
from inkread.recognition.words import words_of
from inkread.training.lines import LineStore
from inkread.training.release import read_plan, trained_network
from inkread.training.scoring import frames_of, torch_frames
from inkread.training.train import LAST
from inkread.training.word_cnn import classify, load_word_cnn

SPLIT = "test"


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
        **figures(kept),
        "word_ece_raw": word_error(rated_words(compare_lines(store, tested, Confidences()))),
        "word_cnn": {key: value for key, value in (baseline or {}).items() if key != "classification"},
    }
    write_json(artifacts.metrics, metrics)
    strips = {line.name: index for index, line in enumerate(store.lines)}
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
    lines = [TuningLine(line.source, line.document, line.text, nothing) for line in store.lines]
    return calibrate(lines, read_shard(artifacts, store))[0]


def read_shard(artifacts: Artifacts, store: LineStore) -> list[Hypothesis]:
    """What the trained network reads in the lines and words of a shard, without a language model."""
    plan = read_plan(artifacts.run)
    frames = torch_frames(trained_network(plan, artifacts.run / LAST))
    alphabet = Alphabet(plan.alphabet)
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
        read = Line(line.name, (), (), reading.text, of_line.apply(line_confidence(reading.confidences)), words)
        found.append(compared(line.text, read, line.document, line.name, line.name, line.source))
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


if __name__ == "__main__":
    run_stage(evaluate_model)
