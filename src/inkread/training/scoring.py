"""Greedy CER of a network on cut lines.

Usage: ``cer_by_source(sources, texts, read_lines(torch_frames(network), images, alphabet))``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.line_images import Grey
from inkread.training.network import MEAN, Recognizer

Frames = Callable[[Grey], NDArray[np.float32]]
PADDING = round(MEAN)
BATCH_PIXELS = 8192


def pad_batch(images: Sequence[Grey], multiple: int = 8) -> Grey:
    """Strips of one height as one array [batch, 1, height, width], padded on the right with mid grey."""
    widest = max(image.shape[1] for image in images)
    batch = np.full((len(images), 1, images[0].shape[0], -(-widest // multiple) * multiple), PADDING, np.uint8)
    for row, image in zip(batch, images, strict=True):
        row[0, :, : image.shape[1]] = image
    return batch


def torch_frames(network: Recognizer) -> Frames:
    """A network as a function from a batch of strips to log-probabilities."""

    def run(batch: Grey) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(batch)).numpy(), np.float32)

    network.eval()
    return run


def onnx_frames(path: Path, threads: int = 2) -> Frames:
    """An exported network as a function from a batch of strips to log-probabilities."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: np.asarray(session.run(None, {name: batch})[0], np.float32)


def read_lines(frames: Frames, images: Sequence[Grey], alphabet: Alphabet) -> list[str]:
    """Greedy text of each strip, in the order given."""
    return [greedy_text(log_probs.argmax(1), alphabet) for log_probs in frames_of(frames, images)]


def frames_of(frames: Frames, images: Sequence[Grey]) -> list[NDArray[np.float32]]:
    """Log-probabilities [frames, classes] of each strip, its padding included; read in batches of like widths."""
    found: dict[int, NDArray[np.float32]] = {}
    waiting: list[int] = []
    order = sorted(range(len(images)), key=lambda index: images[index].shape[1])
    for position, index in enumerate(order):
        waiting.append(index)
        last = position + 1 == len(order)
        if last or (len(waiting) + 1) * images[order[position + 1]].shape[1] > BATCH_PIXELS:
            found.update(zip(waiting, frames(pad_batch([images[i] for i in waiting])), strict=True))
            waiting = []
    return [found[index] for index in range(len(images))]


def greedy_text(best: NDArray[np.int64], alphabet: Alphabet) -> str:
    """Text of the best class of each frame: repeats merged, blanks dropped (Graves et al. 2006)."""
    fresh = np.r_[True, best[1:] != best[:-1]] & (best != BLANK)
    return " ".join(alphabet.decode(best[fresh].tolist()).split())


def cer(truths: Sequence[str], readings: Sequence[str]) -> float:
    """Edit distance over all lines, divided by the characters of the truths; 0 without any."""
    wrong = sum(Levenshtein.distance(truth, reading) for truth, reading in zip(truths, readings, strict=True))
    return wrong / max(sum(map(len, truths)), 1)


def cer_by_source(sources: Sequence[str], truths: Sequence[str], readings: Sequence[str]) -> dict[str, float]:
    """CER of each source in order of name, and of all lines together under ``all``."""
    result = {}
    for source in sorted(set(sources)):
        chosen = [index for index, name in enumerate(sources) if name == source]
        result[source] = cer([truths[i] for i in chosen], [readings[i] for i in chosen])
    return result | {"all": cer(truths, readings)}
