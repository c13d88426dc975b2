"""Choose how the neural language model of a bundle weighs candidates, and calibrate the confidences for it.

Usage: ``python -m recipe.rescoring --lm lm.onnx --data DATA [--bundle BUNDLE] [--write]``

All val documents choose the weights; the printed CER is measured in folds of documents, each fold with what the others
chose. ``--write`` puts file and values into the bundle.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from inkread.bundle import Bundle, Decoding, Rescoring
from inkread.cli.terminal import existing, run_command
from inkread.errors import InkreadError
from inkread.evaluation.calibration import FOLDS, TuningLine, calibrate, fold_of
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, beam_search
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.line_reader import tidy_text
from inkread.recognition.neural_language_model import NOTHING_ABOVE, Above, NeuralLanguageModel
from inkread.recognition.rescoring import Rescorer
from inkread.training.bundling import add_neural_language_model
from recipe.tuning import collect

WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
LANGUAGE_MODEL_WEIGHTS = (0.0, -0.1, -0.2, -0.3, -0.4)
BONUSES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8)
CANDIDATES = 8
MARGIN = 2.5
"""On 5,018 val lines 8.318 % CER with a fifth fewer pieces to weigh; 8.309 without a margin, 8.323 with 2."""
USUAL = 0.4
"""Weight that decides which candidate stands above the next line while the weights are chosen."""

Values = NDArray[np.float64]
Made = TypeVar("Made")


@dataclass(frozen=True)
class Choice:
    """The candidates of one line: what speaks for each, and its character edits."""

    line: TuningLine
    scores: Values
    neural: Values
    n_grams: Values
    lengths: Values
    edits: Values

    def edits_with(self, settings: Rescoring) -> float:
        """Of the candidate that these weights choose."""
        far = self.scores < self.scores[0] - (np.inf if settings.margin is None else settings.margin)
        total = self.scores + settings.weight * self.neural + settings.length_bonus * self.lengths
        total += settings.language_model_weight * self.n_grams
        return float(self.edits[int(np.argmax(np.where(far, -np.inf, total)))])


def searched(
    lines: Sequence[TuningLine], alphabet: Alphabet, model: LanguageModel, decoding: Decoding
) -> list[list[Hypothesis]]:
    """The candidates of each line."""
    return [
        beam_search(
            line.log_probs,
            alphabet,
            width=decoding.beam_width,
            language_model=model,
            weight=decoding.language_model_weight,
            length_bonus=decoding.length_bonus,
            temperature=decoding.temperature,
            n_best=CANDIDATES,
        )
        for line in lines
    ]


def down_the_pages(
    lines: Sequence[TuningLine],
    found: Sequence[Sequence[Hypothesis]],
    each: Callable[[TuningLine, Sequence[Hypothesis], Above], tuple[Made, Above]],
) -> Iterator[Made]:
    """What ``each`` makes of the lines, in order.

    Args:
        lines: page after page.
        found: the candidates of each line.
        each: takes a line, its candidates and what is above it on its page; also returns what is above the next line.
    """
    above, page = NOTHING_ABOVE, None
    for line, hypotheses in zip(lines, found, strict=True):
        if (line.source, line.page) != page:
            above, page = NOTHING_ABOVE, (line.source, line.page)
        made, above = each(line, hypotheses, above)
        yield made


def weighed(
    lines: Sequence[TuningLine],
    found: Sequence[Sequence[Hypothesis]],
    neural: NeuralLanguageModel,
    n_grams: LanguageModel,
) -> Iterator[Choice]:
    """What speaks for each candidate, with the lines above as they are read."""

    def weigh(line: TuningLine, hypotheses: Sequence[Hypothesis], above: Above) -> tuple[Choice, Above]:
        texts = [each.text for each in hypotheses]
        scores = np.array([each.score for each in hypotheses])
        new = neural.weigh(texts, above)
        choice = Choice(
            line,
            scores,
            new.scores,
            np.array(n_grams.score_lines(texts)),
            np.array([float(len(text)) for text in texts]),
            np.array([float(Levenshtein.distance(tidy_text(text), tidy_text(line.text))) for text in texts]),
        )
        return choice, new.chosen(int(np.argmax(scores + USUAL * new.scores)))

    return down_the_pages(lines, found, weigh)


def read(
    lines: Sequence[TuningLine],
    found: Sequence[Sequence[Hypothesis]],
    rescorer: Rescorer,
    n_grams: LanguageModel,
) -> Iterator[Hypothesis]:
    """The reading of each line."""

    def best(line: TuningLine, hypotheses: Sequence[Hypothesis], above: Above) -> tuple[Hypothesis, Above]:
        ranked, below = rescorer(hypotheses, line.log_probs, n_grams, above)
        return ranked[0], below

    return down_the_pages(lines, found, best)


def choose(choices: Sequence[Choice]) -> tuple[Rescoring, dict[str, float]]:
    """The weights with the fewest edits over all lines, and figures in folds of documents."""
    points = [
        Rescoring(candidates=CANDIDATES, margin=MARGIN, weight=weight, language_model_weight=less, length_bonus=bonus)
        for weight, less, bonus in product(WEIGHTS, LANGUAGE_MODEL_WEIGHTS, BONUSES)
    ]
    edits = np.array([[choice.edits_with(point) for choice in choices] for point in points])
    folds = np.array([fold_of(choice.line) for choice in choices])
    crosswise = np.zeros(len(choices))
    for fold in range(FOLDS):
        own = folds == fold
        crosswise[own] = edits[int(edits[:, ~own].sum(axis=1).argmin())][own]
    first = np.array([choice.edits[0] for choice in choices])
    least = np.array([choice.edits.min() for choice in choices])
    lengths = np.array([len(choice.line.text) for choice in choices])
    sources = np.array([choice.line.source for choice in choices])
    measured = {}
    for source in ("", *sorted(set(sources.tolist()))):
        own = sources == source if source else np.ones(len(choices), bool)
        for name, values in (("first", first), (f"{FOLDS} folds", crosswise), ("best", least)):
            measured[f"CER {source} {name}".replace("  ", " ")] = round(
                float(values[own].sum() / lengths[own].sum()), 4
            )
    return points[int(edits.sum(axis=1).argmin())], measured


def main(arguments: Sequence[str] | None = None) -> None:
    """The command ``python -m recipe.rescoring``."""
    parser = argparse.ArgumentParser(prog="python -m recipe.rescoring", description="Tune the choice of candidates.")
    parser.add_argument("--bundle", type=Path, help="bundle folder; left out, the one that ships with Inkread")
    parser.add_argument("--lm", type=existing, required=True, help="neural language model")
    parser.add_argument("--data", type=existing, required=True, help="folder of sources, each with val pages")
    parser.add_argument("--limit", type=int, default=400, help="lines of a source")
    parser.add_argument("--write", action="store_true", help="put the model and the values into the bundle")
    options = parser.parse_args(arguments)
    bundle = Bundle.open(options.bundle)
    if bundle.language_model is None:
        raise InkreadError(f"{bundle.folder}: the candidates come from a search with lm.bin, add that first")
    alphabet, decoding = Alphabet(bundle.model.alphabet), bundle.model.decoding
    n_grams, neural = LanguageModel.load(bundle.language_model), NeuralLanguageModel(options.lm)
    lines = collect(bundle, sorted(options.data.glob("*")), limit=options.limit)
    found = searched(lines, alphabet, n_grams, decoding)
    rescoring, measured = choose(list(weighed(lines, found, neural, n_grams)))
    confidences, errors = calibrate(
        lines, list(read(lines, found, Rescorer(neural, alphabet, decoding, rescoring), n_grams))
    )
    if options.write:
        add_neural_language_model(bundle.folder, options.lm, rescoring, confidences)
    values = {"rescoring": rescoring.model_dump(), **confidences.model_dump(), "measured": measured | errors}
    json.dump(values, sys.stdout, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    run_command(main)
