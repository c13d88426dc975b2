"""The stages from raw data to shards of line images, named as in ``dvc.yaml``.

Usage: ``python -m inkread.pipeline filter_data``, in the folder of ``params.yaml``
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.data.cleaning import Cleaner, filter_samples
from inkread.data.dataset import Dataset, read_samples, write_samples
from inkread.data.ingest import IngestOptions, ingest, unpacked
from inkread.data.split import class_weights, line_weights, split_samples
from inkread.data.store import LineStore, StoredLine, line_images, write_store
from inkread.errors import DatasetError
from inkread.io.archives import is_archive
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, write_json
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import Grey, exact_part
from inkread.synthesis.iam import IamPlan, render_archive


def extract_raw_data(artifacts: Artifacts, params: Params) -> None:
    """Leave a folder with the source's files; archives in it are unpacked."""
    chosen = params.extract_raw_data
    shutil.rmtree(artifacts.raw, ignore_errors=True)
    artifacts.raw.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=artifacts.raw.parent) as work:
        place = Path(work) / "unpacked"
        if not chosen.source:
            packed = Path(work) / "iam"
            render_archive(packed, IamPlan(writers=chosen.writers, forms=chosen.forms, seed=chosen.seed))
            unpacked(packed, place).rename(artifacts.raw)
            return
        source = artifacts.root / chosen.source
        if not source.exists():
            raise DatasetError(f"{source}: there is no such source; name it in params.yaml, extract_raw_data.source")
        found = unpacked(source, place)
        if found.is_file():
            found = found.parent
        if is_archive(source) or found == place:
            found.rename(artifacts.raw)
        else:
            shutil.copytree(found, artifacts.raw)


def load_dataset(artifacts: Artifacts, params: Params) -> None:
    """Make the dataset; what could not be used is in its ``ingest.json``."""
    chosen = params.load_dataset
    name = chosen.source or Path(params.extract_raw_data.source).name or "iam-synthetic"
    licence = chosen.licence or ("" if params.extract_raw_data.source else "Apache-2.0 (rendered)")
    options = IngestOptions(name, licence, chosen.language, chosen.format, add=chosen.add)
    ingest(artifacts.raw, artifacts.dataset, options)


def filter_data(artifacts: Artifacts, params: Params) -> None:
    """Take pages apart into lines, filter, and count the reasons."""
    dataset = Dataset.open(artifacts.dataset)
    kept, reasons = filter_samples(dataset, dataset.lines(), params.filter_data)
    write_samples(artifacts.filtered, kept)
    write_json(artifacts.filter_report, {"kept": len(kept), "left_out": dict(sorted(reasons.items()))})


def clean_data(artifacts: Artifacts, params: Params) -> None:
    """Keep the lines whose cleaned text the alphabet can write, and count what was changed and dropped."""
    cleaner = Cleaner(_alphabet(params))
    cleaned = ((sample, cleaner(sample.text)) for sample in read_samples(artifacts.filtered))
    write_samples(artifacts.cleaned, [replace(sample, text=text) for sample, text in cleaned if text is not None])
    write_json(artifacts.clean_report, dict(sorted(cleaner.counts.items())))


def encode_data(artifacts: Artifacts, params: Params) -> None:
    """Write the characters in the order of their classes, and in how many lines each occurs."""
    alphabet = _alphabet(params)
    counts = Counter(character for sample in read_samples(artifacts.cleaned) for character in set(sample.text))
    lines = {character: counts[character] for character in alphabet.characters}
    write_json(artifacts.alphabet, {"characters": alphabet.characters, "lines": lines})


def _alphabet(params: Params) -> Alphabet:
    chosen = params.clean_data.alphabet
    return Alphabet(LATIN if chosen == "latin" else chosen)


def prepare_features(artifacts: Artifacts, params: Params) -> None:
    """Write the image of each line and word with its context."""
    samples = read_samples(artifacts.cleaned)
    dataset = Dataset(artifacts.dataset, samples)
    write_store(artifacts.features, line_images(dataset, samples, params.prepare_features, context=True))


def split_data(artifacts: Artifacts, params: Params) -> None:
    """Write the split of each line by its id, with the sizes."""
    splits = split_samples(read_samples(artifacts.cleaned), params.split_data)
    write_json(artifacts.splits, {"sizes": dict(sorted(Counter(splits.values()).items())), "splits": splits})


def reshape_data(artifacts: Artifacts, params: Params) -> None:
    """Write ``train`` (with context), ``val`` and ``test`` (as they are read), each sorted by bucket of width.

    Beside each lie its words for the word classifier.
    """
    from inkread.training.word_cnn import word_image  # brings PyTorch, which the other stages start without

    splits = read_json(artifacts.splits)["splits"]
    words = {sample.sample_id for sample in read_samples(artifacts.cleaned) if sample.kind == "word"}
    features = LineStore.open(artifacts.features)
    for split in ("train", "val", "test"):
        write_store(artifacts.shards / split, _shard(features, splits, split, params.reshape_data.bucket))
        chosen = [
            i for i, line in enumerate(features.lines) if line.sample_id in words and splits[line.sample_id] == split
        ]
        images = [word_image(exact_part(features.image(i))) for i in chosen]
        side = params.reshape_data.word_side
        np.savez_compressed(
            artifacts.shards / split / "words.npz",
            images=np.array(images, np.uint8).reshape(-1, side, side),
            texts=np.array([features.lines[i].text for i in chosen], np.str_),
            names=np.array([features.lines[i].sample_id for i in chosen], np.str_),
        )


def _shard(
    features: LineStore, splits: Mapping[str, str], split: str, bucket: int
) -> Iterator[tuple[StoredLine, Grey]]:
    chosen = [index for index, line in enumerate(features.lines) if splits[line.sample_id] == split]
    for index in sorted(chosen, key=lambda index: (features.lines[index].width // bucket, index)):
        image = features.image(index)
        yield features.lines[index], image if split == "train" else exact_part(image)


def calculate_class_weights(artifacts: Artifacts, params: Params) -> None:
    """Write the weight of each training line by its id, and of each word of training."""
    splits = read_json(artifacts.splits)["splits"]
    lines = [sample for sample in read_samples(artifacts.cleaned) if splits[sample.sample_id] == "train"]
    weights = line_weights(lines, params.calculate_class_weights)
    by_id = {sample.sample_id: weight for sample, weight in zip(lines, weights, strict=True)}
    write_json(artifacts.weights, {"lines": by_id, "words": class_weights(_texts(artifacts, "train"))})


def one_hot_encode_labels(artifacts: Artifacts, params: Params) -> None:
    """Choose the vocabulary on training words and write the labels of each split; a row of zeros is another word."""
    chosen = params.one_hot_encode_labels
    texts = {split: _texts(artifacts, split) for split in ("train", "val", "test")}
    counts = Counter(texts["train"]).most_common(chosen.most_words)
    words = sorted(word for word, count in counts if count >= chosen.min_count)
    for split, written in texts.items():
        artifacts.one_hot.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(artifacts.one_hot / f"{split}.npz", one_hot=one_hot(written, words))
    covered = {split: sum(text in words for text in written) for split, written in texts.items()}
    write_json(artifacts.one_hot / "words.json", {"words": words, "covered": covered})


def one_hot(texts: list[str], words: list[str]) -> NDArray[np.uint8]:
    """uint8 [texts, words]: 1 where the text is the word."""
    places = {word: place for place, word in enumerate(words)}
    labels = np.zeros((len(texts), len(words)), np.uint8)
    for row, text in enumerate(texts):
        if text in places:
            labels[row, places[text]] = 1
    return labels


def _texts(artifacts: Artifacts, split: str) -> list[str]:
    with np.load(artifacts.shards / split / "words.npz") as words:
        return [str(text) for text in words["texts"]]
