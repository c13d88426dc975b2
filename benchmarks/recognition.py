"""Lines a second of the recogniser alone, beside that of RapidOCR, on the same cut lines in turns.

Usage: ``python benchmarks/recognition.py runs/lines/val --lines 300 --runs 5``

Both read strips of 48 rows in memory with the same number of threads and decode greedily; each gets all lines in one
call and batches them as it does in production. Page loading, line finding and the language model are left out.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import figures
from inkread.bundle import Bundle
from inkread.cli.terminal import existing, run_command
from inkread.data.store import LineStore
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import greedy
from inkread.recognition.recognizer import Recognizer
from inkread.runtime import Workers
from inkread.training.scoring import cer
from worker import rapidocr_engine

Grey = NDArray[np.uint8]
Read = Callable[[list[Grey]], list[str]]


def inkread_reader(model: Path | None, threads: int) -> Read:
    """The bundle's int8 network with greedy decoding."""
    bundle = Bundle.open(model)
    network, alphabet = Recognizer(bundle, Workers(threads)), Alphabet(bundle.model.alphabet)
    return lambda strips: [greedy(log_probs, alphabet).text for log_probs in network(strips)]


def rapidocr_reader(threads: int) -> Read:
    """The recogniser in RapidOCR's wheel, PP-OCRv6 small, as RapidOCR runs it."""
    from rapidocr.ch_ppocr_rec.typings import TextRecInput

    engine: Any = rapidocr_engine(threads)
    engine(np.full((48, 96, 3), 255, np.uint8), use_det=False, use_cls=False)  # newer ones load the model only now
    recognise = engine.text_rec

    def read(strips: list[Grey]) -> list[str]:
        images = [cv2.cvtColor(strip, cv2.COLOR_GRAY2BGR) for strip in strips]
        return list(recognise(TextRecInput(img=images)).txts or ())

    return read


def main() -> None:
    """Time both and print medians and error rates."""
    parser = figures.parser(__doc__, "recognition.py runs/lines/val --lines 300 --runs 5")
    parser.add_argument("store", type=existing, help="folder of cut lines, exact ones, such as runs/lines/val")
    parser.add_argument("--model", type=Path, help="bundle folder; the bundled one where left out")
    parser.add_argument("--lines", type=int, default=300, help="spread evenly over the store")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    store = LineStore.open(options.store)
    picked = range(0, len(store), max(len(store) // options.lines, 1))
    strips, texts = [store.image(index) for index in picked], [store.lines[index].text for index in picked]
    readers = {
        "inkread": inkread_reader(options.model, options.threads),
        "rapidocr": rapidocr_reader(options.threads),
    }
    rates: dict[str, list[float]] = {name: [] for name in readers}
    errors = {name: cer(texts, read(strips)) for name, read in readers.items()}
    with figures.bar("reading", options.runs * len(readers)) as advance:
        for _ in range(options.runs):
            for name, read in readers.items():
                start = time.perf_counter()
                read(strips)
                rates[name].append(len(strips) / (time.perf_counter() - start))
                advance(1)
    speeds = {name: statistics.median(values) for name, values in rates.items()}
    rows = {
        name: (f"{speed:.1f}", f"{speed / speeds['rapidocr']:.2f}", f"{100 * errors[name]:.2f}")
        for name, speed in speeds.items()
    }
    print(f"{len(strips)} lines, median of {options.runs} runs, {options.threads} threads\n")
    print(figures.markdown(("engine", "lines/s", "times rapidocr", "CER, %"), rows))
    make = partial(figures.figure, dataset=str(options.store.resolve().name), lines=len(strips))
    made = [make("recognition speed", "lines/s", speed, system=name) for name, speed in speeds.items()]
    made += [make("CER of cut lines, greedy", "%", 100 * rate, system=name) for name, rate in errors.items()]
    figures.write(options.json, made, runs=rates, threads=options.threads)


if __name__ == "__main__":
    run_command(main)
