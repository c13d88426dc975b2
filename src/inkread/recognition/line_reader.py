"""From strips to lines of text with words, positions and confidences.

Usage: ``lines = LineReader(bundle)(page.lines, strips)``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inkread.document import Alternative, Line
from inkread.errors import BundleError
from inkread.imaging.strip import Strip
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.beam import beam_search
from inkread.recognition.bundle import Bundle, CalibrationValues
from inkread.recognition.confidence import Calibration, line_confidence, shares
from inkread.recognition.decode import Hypothesis, LogProbs, greedy
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.positions import place_words
from inkread.recognition.recognizer import Grey, Recognizer
from inkread.workers import Workers

ALTERNATIVES = 4


class LineReader:
    """Network, decoder and calibration of a bundle.

    Args:
        bundle: what to load.
        workers: what runs the network; None takes as many as this process may use processors.
        language_model: search with the bundle's language model instead of taking the best path; None where it has one.

    Raises:
        BundleError: a part of the bundle is missing or does not fit.
    """

    def __init__(self, bundle: Bundle, workers: Workers | None = None, *, language_model: bool | None = None) -> None:
        model = bundle.model
        self._network = Recognizer(bundle, workers)
        self.height = model.input.height
        self._alphabet = Alphabet(model.alphabet)
        self._stride = model.input.stride
        self._decoding = model.decoding
        self._language_model: LanguageModel | None = None
        if language_model and bundle.language_model is None:
            raise BundleError(f"{bundle.folder}: this bundle has no language model; read without --lm")
        if language_model is not False and bundle.language_model is not None:
            self._language_model = LanguageModel.load(bundle.language_model)
        confidences = model.confidences(language_model=self._language_model is not None)
        self._word_calibration = _calibration(confidences.word_calibration)
        self._line_calibration = _calibration(confidences.line_calibration)

    @property
    def uses_language_model(self) -> bool:
        """Whether lines are decoded with a language model."""
        return self._language_model is not None

    def __call__(self, lines: Sequence[Line], strips: Sequence[Strip]) -> list[Line]:
        """The lines with their text.

        Args:
            lines: with geometry.
            strips: the image of each line.
        """
        read = {
            index: self._fill(lines[index], strips[index], log_probs)
            for index, log_probs in self._network.each([strip.image for strip in strips])
        }
        return [read[index] for index in range(len(lines))]

    def legibility(self, images: Sequence[Grey]) -> float:
        """How sure the network is of some strips, without a language model: mean confidence of the characters.

        A quick answer to whether they lie the right way up; 0.0 where nothing is read.
        """
        frames = self._network(images)
        return line_confidence([c for log_probs in frames for c in greedy(log_probs, self._alphabet).confidences])

    def _fill(self, line: Line, strip: Strip, log_probs: LogProbs) -> Line:
        best, *others = self._decode(log_probs)
        hypothesis = tidy(best)
        ranked = shares([best.score, *(other.score for other in others)])[1:]
        texts = {hypothesis.text: 1.0}
        for other, share in zip(others, ranked, strict=True):
            texts.setdefault(tidy_text(other.text), share)
        del texts[hypothesis.text]
        return replace(
            line,
            text=hypothesis.text,
            confidence=self._line_calibration.apply(line_confidence(hypothesis.confidences)),
            words=place_words(hypothesis, strip, self._stride, self._word_calibration),
            alternatives=tuple(Alternative(text, share) for text, share in texts.items()),
        )

    def _decode(self, log_probs: LogProbs) -> list[Hypothesis]:
        if self._language_model is None:
            return [greedy(log_probs, self._alphabet)]
        return beam_search(
            log_probs,
            self._alphabet,
            width=self._decoding.beam_width,
            language_model=self._language_model,
            weight=self._decoding.language_model_weight,
            length_bonus=self._decoding.length_bonus,
            temperature=self._decoding.temperature,
            n_best=ALTERNATIVES + 1,
        )


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


def _calibration(values: CalibrationValues) -> Calibration:
    return Calibration(**values.model_dump())
