"""From strips to frame probabilities.

Usage: ``log_probs = Recognizer(bundle, Workers(2))([strip.image])``

Strips are padded to a multiple of ``WIDTH_STEP`` and only strips of one padded width share a batch. The network sees
the whole strip at once, padding included, so this keeps what is read in a line independent of the lines
that happen to be read with it.

Batches are small and run side by side, each on one thread: the layers are too small to be worth dividing, and the
caller can decode the first lines while the others are read (decision 0019).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.recognition.alphabet import BLANK
from inkread.runtime import PerProcess, Workers, open_session

WIDTH_STEP = 32
MIN_WIDTH = 64
MAX_WIDTH = 6400
OVERLAP = 640
BATCH_COLUMNS = 1024
WIDE = 3072
"""Columns of a strip beyond which one is read at a time: one of ``MAX_WIDTH`` takes about 100 MiB."""
MID_GREY = 128

Grey = NDArray[np.uint8]
LogProbs = NDArray[np.float32]


class Recognizer:
    """The recognition network of a bundle.

    Args:
        bundle: what to load.
        workers: what reads batches; None takes as many as this process may use processors.

    Raises:
        BundleError: the network cannot be run, or its classes do not fit the bundle's alphabet.
    """

    def __init__(self, bundle: Bundle, workers: Workers | None = None) -> None:
        self._workers = workers or Workers()
        self._session = open_session(bundle.recognizer, threads=1)
        self._one_wide_at_a_time = PerProcess(Lock)
        self._name = self._session.get().get_inputs()[0].name
        self._height = bundle.model.input.height
        self._stride = bundle.model.input.stride
        expected = len(bundle.model.alphabet) + 1
        classes = self._run(np.full((1, 1, self._height, MIN_WIDTH), MID_GREY, np.uint8)).shape[2]
        if classes != expected:
            raise BundleError(f"{bundle.recognizer}: {classes} classes, but the alphabet asks for {expected}")

    def __call__(self, strips: Sequence[Grey]) -> list[LogProbs]:
        """Read strips.

        Args:
            strips: uint8 [height, width], each with its own width; one wider than ``MAX_WIDTH`` is read in parts that
                overlap, joined where both see a blank.

        Returns:
            For each strip float32 [frames, classes]: natural log softmax, one frame every ``stride`` columns.
        """
        read = dict(self.each(strips))
        return [read[index] for index in range(len(strips))]

    def each(self, strips: Sequence[Grey]) -> Iterator[tuple[int, LogProbs]]:
        """Read strips, the widest first: the index of each with what ``__call__`` gives for it.

        Other threads go on reading while the caller works on one.
        """
        pieces = [(index, part) for index, strip in enumerate(strips) for part in _parts(strip)]
        missing = Counter(index for index, _ in pieces)
        read: dict[int, dict[int, LogProbs]] = defaultdict(dict)
        step = round((MAX_WIDTH - OVERLAP) / self._stride)
        for number, log_probs in self._each_part([part for _, part in pieces]):
            index, _ = pieces[number]
            read[index][number] = log_probs
            missing[index] -= 1
            if not missing[index]:
                yield index, _joined([part for _, part in sorted(read.pop(index).items())], step)

    def _each_part(self, strips: Sequence[Grey]) -> Iterator[tuple[int, LogProbs]]:
        batches = list(self._batches(strips))
        outputs = self._workers.map(lambda indices: self._run(self._pad([strips[index] for index in indices])), batches)
        for indices, output in zip(batches, outputs, strict=True):
            for index, log_probs in zip(indices, output, strict=True):
                yield index, log_probs[: int(-(-strips[index].shape[1] // self._stride))]

    def _run(self, batch: Grey) -> LogProbs:
        with self._one_wide_at_a_time.get() if batch.shape[3] > WIDE else nullcontext():
            return np.asarray(self._session.get().run(None, {self._name: batch})[0], np.float32)

    def _batches(self, strips: Sequence[Grey]) -> Iterator[list[int]]:
        buckets: dict[int, list[int]] = defaultdict(list)
        for index, strip in enumerate(strips):
            buckets[padded_width(strip.shape[1])].append(index)
        for width, indices in sorted(buckets.items(), reverse=True):
            size = max(BATCH_COLUMNS // width, 1)
            for start in range(0, len(indices), size):
                yield indices[start : start + size]

    def _pad(self, strips: Sequence[Grey]) -> Grey:
        width = padded_width(strips[0].shape[1])
        batch = np.full((len(strips), 1, self._height, width), MID_GREY, np.uint8)
        for row, strip in zip(batch, strips, strict=True):
            row[0, :, : strip.shape[1]] = strip
        return batch


def _parts(strip: Grey) -> list[Grey]:
    """A strip, or the parts of one that is too wide, each of which overlaps the next one by ``OVERLAP``."""
    width = strip.shape[1]
    starts = range(0, max(width - OVERLAP, 1), MAX_WIDTH - OVERLAP)
    return [strip[:, start : start + MAX_WIDTH] for start in starts]


def _joined(parts: Sequence[LogProbs], step: int) -> LogProbs:
    """The frames of a strip from those of its parts, which begin every ``step`` frames.

    Each overlap is cut where both parts are surest of a blank.
    """
    whole = parts[0]
    for number, part in enumerate(parts[1:], start=1):
        shared = min(len(whole) - number * step, len(part))
        blank = whole[-shared:, BLANK] + part[:shared, BLANK]
        # the ends of a part see no surroundings, and of equal places the middle is the best
        middle = np.abs(np.arange(shared) - shared / 2)
        cut = int(np.argmax(blank - 1e-3 * middle))
        whole = np.concatenate([whole[: len(whole) - shared + cut], part[cut:]])
    return whole


def padded_width(width: int) -> int:
    """Columns of the batch that a strip of ``width`` columns, ``MAX_WIDTH`` at most, is read in."""
    return max(-(-width // WIDTH_STEP) * WIDTH_STEP, MIN_WIDTH)
