"""The second choice: a neural language model weighs the candidates of the search anew, line after line of a page.

Usage: ``ranked, above = Rescorer(model, alphabet, decoding, settings)(candidates, log_probs, n_grams, above)``

The search asks for the probability of the next character thousands of times a line, so its language model knows no more
than the last six characters. The neural one knows words and the lines above, and is asked about a few whole texts. All
scores are added with weights (Chorowski and Jaitly, "Towards better decoding and language model integration", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inkread.bundle import Decoding, Rescoring
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import Hypothesis, LogProbs, aligned
from inkread.recognition.fusion import Fusion
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.neural_language_model import NOTHING_ABOVE, Above, NeuralLanguageModel


class Rescorer:
    """Chooses among the candidates of the search.

    Args:
        model: that weighs them.
        alphabet: of the recogniser.
        decoding: of the search.
        settings: weights.
    """

    def __init__(self, model: NeuralLanguageModel, alphabet: Alphabet, decoding: Decoding, settings: Rescoring) -> None:
        self.settings = settings
        self._model = model
        self._alphabet = alphabet
        self._decoding = decoding

    def __call__(
        self,
        candidates: Sequence[Hypothesis],
        log_probs: LogProbs,
        n_grams: LanguageModel,
        above: Above = NOTHING_ABOVE,
    ) -> tuple[list[Hypothesis], Above]:
        """The candidates with new scores, the best one first and placed in the frames, and what is above the next line.

        Args:
            candidates: what the search found, best first.
            log_probs: the frames of the line, float32 [frames, classes].
            n_grams: the language model of the search.
            above: the lines above on the page, and those of the page before.
        """
        weights = self.settings
        scores = np.array([each.score for each in candidates])
        near = len(scores) if weights.margin is None else int((scores >= scores[0] - weights.margin).sum())
        texts = [each.text for each in candidates[:near]]
        weighed = self._model.weigh(texts, above)
        gains = weights.weight * weighed.scores + weights.length_bonus * np.array([len(text) for text in texts])
        if weights.language_model_weight and near > 1:
            gains += weights.language_model_weight * np.array(n_grams.score_lines(texts))
        scores[:near] += gains
        scores[near:] += gains[0]  # as far below the best one of the search as before
        order = np.argsort(-scores, kind="stable").tolist()
        ranked = [replace(candidates[index], score=float(scores[index])) for index in order]
        if order[0]:
            ranked[0] = self._placed(ranked[0], candidates[0].plain, log_probs, n_grams)
        return ranked, weighed.chosen(order[0])

    def above(self, lines: Sequence[str]) -> Above:
        """What is above a line that follows these ones."""
        return self._model.after(lines) if lines else NOTHING_ABOVE

    def _placed(self, chosen: Hypothesis, plain: str | None, log_probs: LogProbs, n_grams: LanguageModel) -> Hypothesis:
        weight, bonus = self._decoding.language_model_weight, self._decoding.length_bonus
        fusion = Fusion.of(self._alphabet, n_grams, weight=weight, length_bonus=bonus)
        return replace(aligned(log_probs, self._alphabet, chosen.text, fusion), score=chosen.score, plain=plain)
