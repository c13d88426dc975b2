"""The stages from raw data to shards of line images, named as in ``dvc.yaml``.

Usage: ``python -m inkread.pipeline filter_data``, in the folder of ``params.yaml``
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.data.cleaning import Cleaner, filter_rows
from inkread.data.dataset import Row, expand, read_manifest, read_rows, write_rows
from inkread.data.ingest import IngestOptions, ingest, unpacked
from inkread.data.split import class_weights, line_weights, split_rows
from inkread.data.store import CutLine, LineStore, exact_part, named, row_strips, write_store
from inkread.errors import DatasetError
from inkread.io.archives import is_archive
from inkread.io.inputs import load_pages
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, read_json, write_json
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.synthesis.iam import IamPlan, render_archive
from inkread.training.word_cnn import word_image


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
    """Make the data set; what could not be used is in its ``ingest.json``."""
    chosen = params.load_dataset
    name = chosen.source or Path(params.extract_raw_data.source).name or "iam-synthetic"
    licence = chosen.licence or ("" if params.extract_raw_data.source else "Apache-2.0 (rendered)")
    ingest(artifacts.raw, artifacts.dataset, IngestOptions(name, licence, chosen.language, chosen.format))


def filter_data(artifacts: Artifacts, params: Params) -> None:
    """Take pages apart into lines, filter, and count the reasons."""
    rows = expand(artifacts.dataset, read_manifest(artifacts.dataset))
    kept, reasons = filter_rows(artifacts.dataset, rows, params.filter_data)
    write_rows(artifacts.filtered, kept)
    write_json(artifacts.filter_report, {"kept": len(kept), "left_out": dict(sorted(reasons.items()))})


def clean_data(artifacts: Artifacts, params: Params) -> None:
    """Keep the rows whose cleaned text the alphabet can write, and count what was changed and dropped."""
    chosen = params.clean_data.alphabet
    cleaner = Cleaner(Alphabet(LATIN if chosen == "latin" else chosen))
    rows = [replace(row, text=text) for row in read_rows(artifacts.filtered) if (text := cleaner(row.text)) is not None]
    write_rows(artifacts.cleaned, rows)
    write_json(artifacts.clean_report, dict(sorted(cleaner.counts.items())))


def encode_data(artifacts: Artifacts, params: Params) -> None:
    """Write the alphabet, and the rows with the class of each character."""
    characters = LATIN if params.clean_data.alphabet == "latin" else params.clean_data.alphabet
    alphabet = Alphabet(characters)
    rows = [replace(row, labels=tuple(alphabet.encode(row.text))) for row in read_rows(artifacts.cleaned)]
    write_rows(artifacts.encoded, rows)
    write_json(artifacts.alphabet, {"characters": characters})


def prepare_features(artifacts: Artifacts, _: Params) -> None:
    """Write one strip with context a row, and the exact image of each word for the baseline."""
    rows = read_rows(artifacts.encoded)
    write_store(artifacts.features / "strips", row_strips(artifacts.dataset, rows))
    words = [row for row in rows if row.kind == "word"]
    if words:
        write_store(artifacts.features / "words", _words(artifacts.dataset, words))


def _words(dataset: Path, rows: Iterable[Row]) -> Iterator[CutLine]:
    for row in rows:
        yield named(row, next(iter(load_pages(dataset / row.image))).grey)


def split_data(artifacts: Artifacts, params: Params) -> None:
    """Write the split of each row by its id, with the sizes."""
    splits = split_rows(read_rows(artifacts.encoded), params.split_data)
    write_json(artifacts.splits, {"sizes": dict(sorted(Counter(splits.values()).items())), "splits": splits})


def reshape_data(artifacts: Artifacts, params: Params) -> None:
    """Write ``train`` (with context), ``val`` and ``test`` (exact), each sorted by bucket of width."""
    splits = read_json(artifacts.splits)["splits"]
    features = LineStore.open(artifacts.features / "strips")
    for split in ("train", "val", "test"):
        write_store(artifacts.shards / split, _shard(features, splits, split, params.reshape_data.bucket))
    folder = artifacts.features / "words"
    words = LineStore.open(folder) if folder.is_dir() else None
    for split in ("train", "val", "test"):
        chosen = [i for i, line in enumerate(words.lines) if splits[line.name] == split] if words else []
        images = [word_image(words.image(i)) for i in chosen] if words else []
        np.savez_compressed(
            artifacts.shards / split / "words.npz",
            images=np.array(images, np.uint8).reshape(-1, params.reshape_data.word_side, params.reshape_data.word_side),
            texts=np.array([words.lines[i].text for i in chosen] if words else [], np.str_),
            names=np.array([words.lines[i].name for i in chosen] if words else [], np.str_),
        )


def _shard(features: LineStore, splits: Mapping[str, str], split: str, bucket: int) -> Iterator[CutLine]:
    chosen = [index for index, line in enumerate(features.lines) if splits[line.name] == split]
    for index in sorted(chosen, key=lambda index: (features.lines[index].width // bucket, index)):
        line, image = features.lines[index], features.image(index)
        yield CutLine(
            line.source, line.document, line.text, image if split == "train" else exact_part(image), line.name
        )


def calculate_class_weights(artifacts: Artifacts, params: Params) -> None:
    """Write the weight of each training row by its name, and of each word of training."""
    splits = read_json(artifacts.splits)["splits"]
    rows = [row for row in read_rows(artifacts.encoded) if splits[row.row_id] == "train"]
    weights = line_weights(rows, params.calculate_class_weights)
    with np.load(artifacts.shards / "train" / "words.npz") as words:
        texts = words["texts"].tolist()
    names = [row.row_id for row in rows]
    write_json(artifacts.weights, {"lines": dict(zip(names, weights, strict=True)), "words": class_weights(texts)})


def one_hot_encode_labels(artifacts: Artifacts, params: Params) -> None:
    """Choose the vocabulary on training words and write the labels of each split; a row of zeros is another word."""
    chosen = params.one_hot_encode_labels
    texts = {split: _texts(artifacts, split) for split in ("train", "val", "test")}
    counts = Counter(texts["train"]).most_common(chosen.most_words)
    words = sorted(word for word, count in counts if count >= chosen.min_count)
    for split, written in texts.items():
        (artifacts.one_hot).mkdir(parents=True, exist_ok=True)
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
