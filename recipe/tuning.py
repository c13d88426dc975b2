"""Choose the weight of the language model, the length bonus and the calibrations of a bundle.

Usage: ``python -m recipe.tuning --bundle BUNDLE --lm lm.bin --data DATA``

All val documents choose weight and bonus, and fit the calibrations and the confidences for ``--max-cer``. The printed
figures are measured in folds of documents: each fold with what the others chose and fitted. The values to put into
``model.json`` stand in the output; ``--write`` puts them there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from inkread.bundle import Bundle, Confidences, Decoding
from inkread.cli.terminal import existing, run_command
from inkread.data.cleaning import FilterSettings
from inkread.data.dataset import Sample
from inkread.data.ingest import open_dataset
from inkread.data.store import CutSettings, line_images, usable_lines
from inkread.errors import DatasetError
from inkread.evaluation.calibration import FOLDS, TuningLine, calibrate, fold_of
from inkread.evaluation.text import Errors, character_errors, word_errors
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, LogProbs, beam_search, greedy
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.line_images import Grey
from inkread.recognition.recognizer import Recognizer
from inkread.training.bundling import add_language_model

WEIGHTS = (0.35, 0.5, 0.65)
BONUSES_PER_WEIGHT = (1.4, 1.8, 2.2)
"""The bonus makes up for what the language model takes from each character, so it grows with the weight."""

L = TypeVar("L", "TuningLine", Sample)

Decode = Callable[[LogProbs], Hypothesis]
Point = tuple[float, float]
"""Weight of the language model and length bonus."""


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and its figures, measured in folds of documents."""

    beam_width: int
    language_model_weight: float
    length_bonus: float
    temperature: float
    confidences: Confidences
    greedy: Confidences
    measured: dict[str, float]

    def values(self) -> dict[str, object]:
        """The fields of ``model.json``, and ``measured``."""
        return {
            "decoding": {
                "beam_width": self.beam_width,
                "language_model_weight": self.language_model_weight,
                "length_bonus": self.length_bonus,
                "temperature": self.temperature,
            },
            **self.confidences.model_dump(),
            "greedy": self.greedy.model_dump(),
            "measured": self.measured,
        }


def tune(
    lines: Sequence[TuningLine],
    alphabet: Alphabet,
    language_model: LanguageModel,
    *,
    width: int = 48,
    most: int = 60,
    temperature: float = 1.0,
    keep: Decoding | None = None,
) -> Tuning:
    """Search the grid for the least CER on ``most`` lines of each source, and fit the calibrations on all lines.

    With ``keep`` there is no search: weight and bonus stay as they are.

    Raises:
        DatasetError: all lines are of one fold, so that none can be measured with what others chose.
    """
    few = _first(lines, most)
    if len({fold_of(line) for line in few}) < 2:
        raise DatasetError(f"{len(lines)} lines of too few documents: tuning measures in folds, name more pages")

    def decoder(weight: float, bonus: float) -> Decode:
        return lambda log_probs: beam_search(
            log_probs,
            alphabet,
            width=width,
            language_model=language_model,
            weight=weight,
            length_bonus=bonus,
            temperature=temperature,
        )[0]

    grid = [(weight, round(weight * ratio, 2)) for weight in WEIGHTS for ratio in BONUSES_PER_WEIGHT]
    if keep is not None:
        grid = [(keep.language_model_weight, keep.length_bonus)]
    bar = track(grid, "Searching", console=Console(stderr=True), disable=not sys.stderr.isatty())
    texts = {point: [reading.text for reading in read(few, decoder(*point))] for point in bar}
    (weight, bonus), crosswise = choose(few, texts)
    measured = _measure(few, [reading.text for reading in read(few, partial(greedy, alphabet=alphabet))], "greedy")
    measured |= _measure(few, crosswise, f"beam, {FOLDS} folds,")
    confidences, errors = calibrate(lines, read(lines, decoder(weight, bonus)))
    greedy_confidences, greedy_errors = calibrate(lines, read(lines, partial(greedy, alphabet=alphabet)))
    measured |= errors | {f"greedy {name}": value for name, value in greedy_errors.items()}
    return Tuning(width, weight, bonus, temperature, confidences, greedy_confidences, measured)


def choose(lines: Sequence[TuningLine], texts: Mapping[Point, Sequence[str]]) -> tuple[Point, list[str]]:
    """The point with the least CER over all lines, and each line as it is read with what the other folds chose.

    Args:
        lines: what was read.
        texts: by point, what was read in each of the lines.
    """
    edits = {
        point: [character_errors(line.text, text).edits for line, text in zip(lines, read_texts, strict=True)]
        for point, read_texts in texts.items()
    }

    def best(indices: Iterable[int]) -> Point:
        chosen = list(indices)
        return min(edits, key=lambda point: sum(edits[point][index] for index in chosen))

    folds = [fold_of(line) for line in lines]
    by_fold = {fold: best(i for i, other in enumerate(folds) if other != fold) for fold in set(folds)}
    return best(range(len(lines))), [texts[by_fold[fold]][index] for index, fold in enumerate(folds)]


def read(lines: Iterable[TuningLine], decode: Decode) -> list[Hypothesis]:
    """What a decoder makes of the lines."""
    return [decode(line.log_probs) for line in lines]


def error_rates(lines: Sequence[TuningLine], texts: Sequence[str]) -> tuple[float, float]:
    """CER and WER of what was read, over all lines."""
    pairs = [(line.text, text) for line, text in zip(lines, texts, strict=True)]
    characters = sum((character_errors(*pair) for pair in pairs), start=Errors())
    words = sum((word_errors(*pair) for pair in pairs), start=Errors())
    return characters.rate, words.rate


def collect(bundle: Bundle, sources: Iterable[Path], *, limit: int) -> list[TuningLine]:
    """Lines of the val split of ``sources`` as the bundle's network sees them, ``limit`` of each source.

    Raises:
        DatasetError: there is no line.
    """
    recognizer = Recognizer(bundle)
    found: list[tuple[Sample, Grey]] = []
    for source in sources:
        with suppress(DatasetError):  # a source without val lines
            dataset = open_dataset(source, split="val")
            lines, _ = usable_lines(dataset, Alphabet(bundle.model.alphabet), FilterSettings())
            found += line_images(dataset, _first(lines, limit), CutSettings(), context=False)
    if not found:
        raise DatasetError("no source has transcribed lines of val, name a folder of such sources")
    log_probs = recognizer([image for _, image in found])
    return [
        TuningLine(sample.source, sample.document_id, sample.text, seen, sample.image)
        for (sample, _), seen in zip(found, log_probs, strict=True)
    ]


def _first(lines: Sequence[L], most: int) -> list[L]:
    """At most ``most`` lines of each source: as many of each document, those at its start."""
    documents: dict[str, dict[str, list[L]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        documents[line.source][line.document_id if isinstance(line, Sample) else line.document].append(line)
    chosen: list[L] = []
    for own in documents.values():
        each = -(-most // len(own))
        chosen += [line for document in own.values() for line in document[:each]][:most]
    return chosen


def _measure(lines: Sequence[TuningLine], texts: Sequence[str], name: str) -> dict[str, float]:
    figures = dict(zip((f"{name} CER", f"{name} WER"), error_rates(lines, texts), strict=True))
    for source in sorted({line.source for line in lines}):
        own = [index for index, line in enumerate(lines) if line.source == source]
        figures[f"{name} CER {source}"] = error_rates([lines[i] for i in own], [texts[i] for i in own])[0]
    return {key: round(value, 4) for key, value in figures.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``python -m recipe.tuning``."""
    parser = argparse.ArgumentParser(prog="python -m recipe.tuning", description="Tune a bundle's decoder.")
    parser.add_argument("--bundle", type=Path, help="bundle folder; left out, the one that ships with Inkread")
    parser.add_argument("--lm", type=existing, required=True, help="language model")
    parser.add_argument("--data", type=existing, required=True, help="folder of sources, each with val pages")
    parser.add_argument("--limit", type=int, default=60, help="lines of a source that choose weight and bonus")
    parser.add_argument("--all", type=int, default=400, help="lines of a source that fit the calibrations")
    parser.add_argument("--write", action="store_true", help="put the language model and the values into the bundle")
    parser.add_argument("--temperature", type=float, help="of the network's probabilities; left out, as in the bundle")
    parser.add_argument("--width", type=int, default=48, help="beam width")
    parser.add_argument("--keep-decoding", action="store_true", help="fit the confidences only, without a search")
    options = parser.parse_args(arguments)
    bundle = Bundle.open(options.bundle)
    lines = collect(bundle, sorted(options.data.glob("*")), limit=max(options.all, options.limit))
    language_model = LanguageModel.load(options.lm)
    decoding = bundle.model.decoding
    tuning = tune(
        lines,
        Alphabet(bundle.model.alphabet),
        language_model,
        width=options.width,
        most=options.limit,
        temperature=options.temperature or decoding.temperature,
        keep=decoding if options.keep_decoding else None,
    )
    if options.write:
        add_language_model(
            bundle.folder,
            options.lm,
            Decoding(
                beam_width=tuning.beam_width,
                language_model_weight=tuning.language_model_weight,
                length_bonus=tuning.length_bonus,
                temperature=tuning.temperature,
            ),
            tuning.confidences,
            tuning.greedy,
        )
    json.dump(tuning.values(), sys.stdout, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    run_command(main)
