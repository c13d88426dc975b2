"""Read line images: text, words with boxes, confidences and alternatives.

Usage: ``lines = LineReader(bundle, workers)(lines, strips)``
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from inkread.bundle import Bundle, CalibrationValues, Decoding
from inkread.document import Alternative, Character, Line, Polygon, Setting, Word
from inkread.errors import BundleError
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.confidence import (
    DIGITS,
    IDENTITY,
    Calibration,
    line_confidence,
    shares,
    word_confidence,
    word_ranges,
)
from inkread.recognition.decoding import Hypothesis, LogProbs, beam_search, greedy
from inkread.recognition.digits import DigitHead
from inkread.recognition.fields import AS_SEEN, CORRECTED, FieldReading, of_cells, read_field, without_spaces
from inkread.recognition.language_model import LanguageModel, languages_of
from inkread.recognition.line_images import Strip
from inkread.recognition.neural_language_model import NOTHING_ABOVE, NeuralLanguageModel
from inkread.recognition.patterns import Pattern
from inkread.recognition.recognizer import Grey, Recognizer
from inkread.recognition.rescoring import Rescorer
from inkread.recognition.word_list import WordList
from inkread.runtime import PerProcess, Workers


@dataclass(frozen=True, slots=True)
class ReadWord:
    """Characters ``start`` to ``stop`` of a text.

    Attributes:
        start, stop: first character and one past the last.
        probability: raw, of all its characters being right.
        changed: edits from it to the nearest word that is read without the language model, for each of its
            characters, at most 1; what the language model had to change much is more often wrong than its
            characters say.
    """

    start: int
    stop: int
    probability: float
    changed: float = 0.0

    def confidence(self, calibration: Calibration) -> float:
        """The calibrated probability that the word is right."""
        return calibration.apply(self.probability, self.stop - self.start, self.changed)


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What the search found in a line image.

    Attributes:
        candidates: readings, best first.
        legible: what `LineReader.legibility` says of the image.
        log_probs: the frames, float32 [frames, classes], where a second choice needs them.
        language: that the line was said to be in.
    """

    candidates: list[Hypothesis]
    legible: float
    log_probs: LogProbs | None
    language: str | None


def words_of(hypothesis: Hypothesis) -> list[ReadWord]:
    """What stands between the spaces of a text, in order."""
    plain = None if hypothesis.plain is None else hypothesis.plain.split()
    return [
        ReadWord(
            start,
            stop,
            word_confidence(hypothesis.confidences[start:stop]),
            0.0 if plain is None else _changed(hypothesis.text[start:stop], plain),
        )
        for start, stop in word_ranges(hypothesis.text)
    ]


def _changed(word: str, plain: Sequence[str]) -> float:
    edits = min((Levenshtein.distance(word, other) for other in plain), default=len(word))
    return min(edits / len(word), 1.0)


def place_words(
    hypothesis: Hypothesis, strip: Strip, stride: float, calibration: Calibration = IDENTITY
) -> tuple[Word, ...]:
    """Words of a text with their characters, as quadrilaterals on the page.

    The network marks a character at a peak of one or two frames, so a character's box reaches from half way to
    its left neighbour to half way to its right one.

    Args:
        hypothesis: text with the frames of its characters.
        strip: the straightened line, with the way back to the page.
        stride: strip pixels a frame.
        calibration: of word confidences.
    """
    height, width = strip.image.shape
    edges = _edges(hypothesis, stride, width)
    tops, bottoms = ([(round(x, 1), round(y, 1)) for x, y in strip.points(edges, row)] for row in (0.0, float(height)))

    def box(start: int, stop: int) -> Polygon:
        return tops[start], tops[stop], bottoms[stop], bottoms[start]

    words = []
    for word in words_of(hypothesis):
        start, stop = word.start, word.stop
        characters = tuple(
            Character(hypothesis.text[i], box(i, i + 1), _rounded(hypothesis.confidences[i]))
            for i in range(start, stop)
        )
        words.append(
            Word(hypothesis.text[start:stop], box(start, stop), _rounded(word.confidence(calibration)), characters)
        )
    return tuple(words)


def _edges(hypothesis: Hypothesis, stride: float, width: int) -> list[float]:
    """Where each character begins and the last one ends, in strip pixels."""
    centres = [(start + stop) / 2 * stride for start, stop in hypothesis.spans]
    if not centres:
        return []
    borders = [(a + b) / 2 for a, b in pairwise(centres)]
    reach = _median([b - a for a, b in pairwise(centres)], default=2 * stride) / 2
    first, last = max(centres[0] - reach, 0.0), min(centres[-1] + reach, float(width))
    return [first, *borders, last]


def _median(values: list[float], default: float) -> float:
    return sorted(values)[len(values) // 2] if values else default


def _rounded(confidence: float) -> float:
    return round(confidence, DIGITS)


FAST_WIDTH, FAST_TEMPERATURE = 8, 1.2
FAST_FLOORS = {"class_floor": 0.03, "prefix_floor": 0.01}
"""A search that takes 4.6 instead of 10.9 ms a line; on 540 lines of val 8.5 instead of 8.0 % CER, greedy 12.0."""

STRETCH = 1.4
"""How much wider a field of digits is made for its second reading: narrow digits get more frames (decision 0070)."""

RESCORING_WEIGHTS = ("weight", "language_model_weight", "length_bonus")
"""Fields of `Rescoring` that change with the weight of the language model."""


class LineReader:
    """Network, decoder and calibration of a bundle.

    Args:
        bundle: what to load.
        workers: what runs the network; None takes as many as this process may use processors.
        language_model: search with the bundle's language model instead of taking the best path; None where it has one.
        language_model_weight: how much it counts, and the bonus for each character with it; None as the bundle says.
        language: ISO 639-1 code of the language of the lines, one of ``languages``; None for any.
        words: that the language model takes for likelier than it would.
        fast: search less with the language model, and leave out the neural one.
        alternatives: other readings to keep for each line, at most; without a language model there are none.

    Attributes:
        languages: that can be named.

    Raises:
        BundleError: a part of the bundle is missing or does not fit.
    """

    def __init__(
        self,
        bundle: Bundle,
        workers: Workers | None = None,
        *,
        language_model: bool | None = None,
        language_model_weight: float | None = None,
        language: str | None = None,
        words: WordList | None = None,
        fast: bool = False,
        alternatives: int = 4,
    ) -> None:
        model = bundle.model
        self._network = Recognizer(bundle, workers)
        self._digits = DigitHead.of(bundle)
        self.height = model.input.height
        self._alphabet = Alphabet(model.alphabet)
        self._stride = model.input.stride
        self._decoding = _weighted(model.decoding, language_model_weight)
        self._words = words
        self._floors: dict[str, float] = {}
        if fast:
            temperature = min(FAST_TEMPERATURE, self._decoding.temperature)
            update = {"beam_width": FAST_WIDTH, "temperature": temperature, "rescoring": None}
            self._decoding = self._decoding.model_copy(update=update)
            self._floors = FAST_FLOORS
        self._alternatives = alternatives
        self._language_model: PerProcess[LanguageModel] | None = None
        path = bundle.language_model
        if language_model and path is None:
            raise BundleError(f"{bundle.folder}: this bundle has no language model; read without --lm")
        if (words is not None or language_model_weight is not None) and (language_model is False or path is None):
            raise BundleError("a list of words and a weight need the language model; read with it, or without them")
        if language_model is not False and path is not None:
            self._language_model = PerProcess(partial(LanguageModel.load, path))
        self._rescorer = self._rescorer_of(bundle)
        self.languages = () if self._language_model is None or path is None else languages_of(path)
        self.check_language(language)
        self._language = language
        confidences = model.confidences(language_model=self._language_model is not None)
        self._word_calibration = _calibration(confidences.word_calibration)
        self._line_calibration = _calibration(confidences.line_calibration)

    @property
    def uses_language_model(self) -> bool:
        """Whether lines are decoded with a language model."""
        return self._language_model is not None

    @property
    def settings(self) -> dict[str, Setting]:
        """For provenance: height of line images in pixels, and how they are decoded."""
        decoding = self._decoding.model_dump(exclude={"rescoring"}) if self.uses_language_model else {}
        if self._rescorer is not None:
            decoding |= {f"rescoring_{name}": value for name, value in self._rescorer.settings}
        noted: dict[str, Setting] = {} if self._words is None else {"words": self._words.digest}
        if self._language is not None:
            noted["language"] = self._language
        return {"height": self.height, "language_model": self.uses_language_model, **decoding, **self._floors, **noted}

    def check_language(self, language: str | None) -> None:
        """Raise BundleError where the language cannot be named."""
        if language is None or language in self.languages:
            return
        if not self.languages:
            raise BundleError(f"the language {language} cannot be named: the language model has no single languages")
        raise BundleError(
            f"the language {language} cannot be named, only {', '.join(self.languages)}; leave it out for any other"
        )

    def __call__(self, lines: Sequence[Line], strips: Sequence[Strip]) -> list[Line]:
        """The lines with their text, each read alone.

        Args:
            lines: with geometry.
            strips: the image of each line.
        """
        searched = self.search(strips)
        each = zip(lines, strips, searched, strict=True)
        return [self.choose([line], [strip], [found])[0] for line, strip, found in each]

    def search(self, strips: Sequence[Strip], languages: Sequence[str | None] | None = None) -> list[Searched]:
        """What may stand in some line images, of one page or of several; `choose` makes lines of it.

        Args:
            strips: the image of each line.
            languages: of each line; None, or a None among them, as the reader was made.
        """
        named = languages or [None] * len(strips)
        found: dict[int, Searched] = {}
        for index, log_probs in self._network.each([strip.image for strip in strips]):
            candidates, legible = self._decode(log_probs, named[index]), self._legibility([log_probs])
            kept = None if self._rescorer is None else log_probs
            found[index] = Searched(candidates, legible, kept, named[index])
        return [found[index] for index in range(len(strips))]

    def choose(
        self, lines: Sequence[Line], strips: Sequence[Strip], searched: Sequence[Searched], before: Sequence[str] = ()
    ) -> list[Line]:
        """The lines of a page with their text; those above help to read the next one.

        Args:
            lines: with geometry, in reading order.
            strips: the image of each line.
            searched: what `search` found in each line.
            before: texts of the lines that stand before the first one, those of the page before.
        """
        above = NOTHING_ABOVE if self._rescorer is None else self._rescorer.above(before)
        chosen = []
        for line, strip, found in zip(lines, strips, searched, strict=True):
            candidates = found.candidates
            if self._rescorer is not None and found.log_probs is not None:
                n_grams = self._n_grams(found.language)
                candidates, above = self._rescorer(candidates, found.log_probs, n_grams, above)
            chosen.append(self._fill(line, strip, candidates[: self._alternatives + 1]))
        return chosen

    def read_fields(
        self,
        images: Sequence[Grey],
        patterns: Sequence[Pattern],
        cells: Mapping[int, Sequence[Grey | None]] | None = None,
    ) -> list[FieldReading]:
        """What stands in some fields.

        A field with cells is read as a line and cell by cell, a kind of digits also stretched; see
        `inkread.recognition.fields`.

        Args:
            images: a line image each.
            patterns: of each what may stand there.
            cells: of the fields that are combs, by their number, a line image for each cell; None for an empty one.

        Raises:
            PatternError: the model cannot write what a pattern allows.
        """
        combs = cells or {}
        of_digits = [bool(pattern.length_bonus) for pattern in patterns]
        stretched = [index for index, digits in enumerate(of_digits) if digits and index not in combs]
        lines = self._network(images)
        views = [[self._with_digits(line) if digits else line] for line, digits in zip(lines, of_digits, strict=True)]
        for index, view in zip(
            stretched, self._network([_stretched(images[index]) for index in stretched]), strict=True
        ):
            views[index].append(self._with_digits(view))
        alone = iter(self._network([cell for comb in combs.values() for cell in comb if cell is not None]))
        for index, comb in combs.items():
            seen = [None if cell is None else next(alone) for cell in comb]
            if of_digits[index]:
                seen = [None if cell is None else self._with_digits(cell) for cell in seen]
            views[index].append(of_cells(seen, self._alphabet))
        return [
            read_field(
                seen,
                self._alphabet,
                pattern,
                tidy_text(self._decode(line)[0].text),
                alternatives=self._alternatives,
                scales=CORRECTED if digits and self._digits else AS_SEEN,
            )
            for line, seen, pattern, digits in zip(lines, views, patterns, of_digits, strict=True)
        ]

    def _with_digits(self, log_probs: LogProbs) -> LogProbs:
        """Frames of a field of digits, corrected where the bundle has the recogniser that this was taught with."""
        frames = without_spaces(log_probs, self._alphabet)
        return frames if self._digits is None else self._digits(frames, self._alphabet)

    def legibility(self, images: Sequence[Grey]) -> float:
        """How sure the network is of some strips, without a language model: mean confidence of the characters.

        A quick answer to whether they lie the right way up; 0.0 where nothing is read.
        """
        return self._legibility(self._network(images))

    def legibilities(self, images: Sequence[Grey]) -> list[float]:
        """As `legibility`, of each strip alone."""
        return [self._legibility([log_probs]) for log_probs in self._network(images)]

    def _legibility(self, frames: Iterable[LogProbs]) -> float:
        return line_confidence([c for log_probs in frames for c in greedy(log_probs, self._alphabet).confidences])

    def log_probability(self, context: str, text: str) -> float:
        """Natural logarithm of the probability of a text after a context by the language model; 0.0 without one."""
        if self._language_model is None:
            return 0.0
        model = self._language_model.get()
        return sum(model.score(context + text[:number], character) for number, character in enumerate(text))

    def language_gains(self, text: str) -> dict[str, float]:
        """For each of ``languages``, how much its n-grams add to the log probability of a line, in nats."""
        if not text or self._language_model is None or not self.languages:
            return {}
        model = self._language_model.get()
        general = model.score_line(text)
        return {code: model.of(code).score_line(text) - general for code in self.languages}

    def _fill(self, line: Line, strip: Strip, hypotheses: Sequence[Hypothesis]) -> Line:
        best, *others = hypotheses
        hypothesis = tidy(best)
        ranked = shares([best.score, *(other.score for other in others)])[1:]
        texts = {hypothesis.text: 1.0}
        for other, share in zip(others, ranked, strict=True):
            texts.setdefault(tidy_text(other.text), share)
        del texts[hypothesis.text]
        return replace(
            line,
            text=hypothesis.text,
            confidence=_rounded(self._line_calibration.apply(line_confidence(hypothesis.confidences))),
            words=place_words(hypothesis, strip, self._stride, self._word_calibration),
            alternatives=tuple(Alternative(text, _rounded(share)) for text, share in texts.items()),
        )

    def _decode(self, log_probs: LogProbs, language: str | None = None) -> list[Hypothesis]:
        if self._language_model is None:
            return [greedy(log_probs, self._alphabet)]
        candidates = 1 if self._rescorer is None else self._rescorer.settings.candidates
        return beam_search(
            log_probs,
            self._alphabet,
            width=self._decoding.beam_width,
            language_model=self._n_grams(language),
            weight=self._decoding.language_model_weight,
            length_bonus=self._decoding.length_bonus,
            temperature=self._decoding.temperature,
            words=self._words,
            n_best=max(self._alternatives + 1, candidates),
            **self._floors,
        )

    def _n_grams(self, language: str | None) -> LanguageModel:
        assert self._language_model is not None
        return self._language_model.get().of(language or self._language)

    def _rescorer_of(self, bundle: Bundle) -> Rescorer | None:
        """None also with a list of words, which the neural model does not know."""
        path, rescoring = bundle.neural_language_model, self._decoding.rescoring
        if path is None or rescoring is None or self._language_model is None or self._words is not None:
            return None
        return Rescorer(NeuralLanguageModel(path), self._alphabet, self._decoding, rescoring)


def _stretched(strip: Grey) -> Grey:
    size = round(STRETCH * strip.shape[1]), strip.shape[0]
    return np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def tidy_text(text: str) -> str:
    """``tidy_text(" a  b ") == "a b"``."""
    return " ".join(text.split())


def tidy(hypothesis: Hypothesis) -> Hypothesis:
    """Without spaces at the ends and with single ones between words."""
    text = hypothesis.text
    kept = [
        i
        for i, character in enumerate(text)
        if character != " " or (text[:i].strip() and text[i + 1 : i + 2] != " " and text[i + 1 :].strip())
    ]
    if len(kept) == len(text):
        return hypothesis
    return replace(
        hypothesis,
        text="".join(text[i] for i in kept),
        spans=tuple(hypothesis.spans[i] for i in kept),
        confidences=tuple(hypothesis.confidences[i] for i in kept),
    )


def _weighted(decoding: Decoding, weight: float | None) -> Decoding:
    """With another weight of the language model, and a bonus that makes up for it as before."""
    if weight is None:
        return decoding
    usual = decoding.language_model_weight
    bonus = decoding.length_bonus * weight / usual if usual else decoding.length_bonus
    rescoring = decoding.rescoring
    if rescoring is not None and usual:
        values = {name: value * weight / usual for name, value in rescoring if name in RESCORING_WEIGHTS}
        rescoring = rescoring.model_copy(update=values)
    update = {"language_model_weight": weight, "length_bonus": bonus, "rescoring": rescoring}
    return decoding.model_copy(update=update)


def _calibration(values: CalibrationValues) -> Calibration:
    return Calibration(**values.model_dump())
