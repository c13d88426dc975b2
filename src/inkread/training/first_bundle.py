"""The bundle before any training of our own: the PP-OCRv6 small recogniser, cut to our alphabet.

Usage: ``python -m inkread.training.first_bundle STORE FOLDER``; STORE is what `inkread.data.store` wrote.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
import typer

from inkread.bundle import DataSource, InputFormat, Model, file_sha256
from inkread.data.store import LineStore, exact_part
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import HEIGHT
from inkread.training.bundling import write_bundle
from inkread.training.network import Recognizer
from inkread.training.warm_start import DETECTOR_FILE, RECOGNIZER_FILE, ppocr_model, warm_start

CALIBRATION_LINES = 64


def first_bundle(store: Path, folder: Path) -> None:
    """Write the bundle of the untrained recogniser."""
    path, alphabet = ppocr_model(RECOGNIZER_FILE), Alphabet(LATIN)
    network = Recognizer(len(alphabet) + 1)
    network.load_state_dict(warm_start(path, alphabet, network))
    model = Model(
        name="inkread-start",
        version="0.1.0",
        summary="The small recogniser of PP-OCRv6, its head cut to a Latin alphabet, not yet trained on handwriting.",
        alphabet=LATIN,
        input=InputFormat(height=HEIGHT, stride=network.stride),
        sources=starting_sources(),
        training_command="python -m inkread.training.first_bundle STORE FOLDER",
    )
    write_bundle(network, model, folder, calibration_strips(LineStore.open(store)))


def starting_sources() -> tuple[DataSource, ...]:
    """Where the detector and the starting weights of the recogniser come from."""
    return tuple(
        DataSource(
            name=f"PP-OCRv6 small {part}",
            kind=kind,
            licence="Apache-2.0",
            origin=f"PaddlePaddle/PaddleOCR, {file} in the wheel of rapidocr {version('rapidocr')}",
            sha256=file_sha256(ppocr_model(file)),
        )
        for part, kind, file in (
            ("recogniser", "starting weights", RECOGNIZER_FILE),
            ("detector", "network", DETECTOR_FILE),
        )
    )


def calibration_strips(store: LineStore, count: int = CALIBRATION_LINES, seed: int = 5) -> list[np.ndarray]:
    """A fixed choice of training lines for measuring int8 ranges."""
    chosen = np.random.default_rng(seed).choice(len(store), min(count, len(store)), replace=False)
    return [exact_part(store.image(int(index))) for index in sorted(chosen)]


if __name__ == "__main__":
    typer.run(first_bundle)
