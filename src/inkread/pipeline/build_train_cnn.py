"""Train the word classifier and the line recogniser.

Usage: ``python -m inkread.pipeline.build_train_cnn``
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from inkread.data.manifest import content_hash
from inkread.pipeline.params import Params
from inkread.pipeline.params import Recognizer as RecognizerParams
from inkread.pipeline.stage import Artifacts, read_json, run_stage, write_json
from inkread.recognition.bundle import Bundle
from inkread.training.mixture import MixturePlan
from inkread.training.module import Optimisation
from inkread.training.settings import CallbackSettings
from inkread.training.tracking import TrackingPlan
from inkread.training.train import TrainingPlan, train
from inkread.training.word_cnn import WordImages, save_word_cnn, train_word_cnn


def build_train_cnn(artifacts: Artifacts, params: Params) -> None:
    """Train both with the same callbacks; an interrupted run of the recogniser goes on."""
    callbacks = CallbackSettings.model_validate(read_json(artifacts.callbacks))
    _train_words(artifacts, params, callbacks)
    plan = recognizer_plan(artifacts, params.build_train_cnn.recognizer, callbacks)
    train(plan, artifacts.run)


def recognizer_plan(artifacts: Artifacts, chosen: RecognizerParams, callbacks: CallbackSettings) -> TrainingPlan:
    """The training plan that the parameters ask for, on the shards of the pipeline."""
    start = Bundle.open().folder if chosen.start == "bundled" else Path(chosen.start)
    weights = artifacts.run.parent / "line_weights.json"
    write_json(weights, read_json(artifacts.weights)["lines"])
    return TrainingPlan(
        mixture=MixturePlan(store=artifacts.shards, line_weights=weights, shares={}),
        optimisation=Optimisation(rate=chosen.rate, warm_up=chosen.warm_up, steps=chosen.steps),
        warm=chosen.start != "random",
        start=None if chosen.start in ("ppocr", "random") else start,
        average=callbacks.average,
        columns=chosen.columns,
        validate_every=chosen.validate_every,
        validation_lines=chosen.validation_lines,
        checkpoint_minutes=callbacks.checkpoint_minutes,
        seed=chosen.seed,
        alphabet=read_json(artifacts.alphabet)["characters"],
        tracking=TrackingPlan(data_hash=content_hash(artifacts.dataset)),
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


if __name__ == "__main__":
    run_stage(build_train_cnn)
