"""The second choice: a neural language model weighs the candidates of the search anew, line after line of a page.

Usage: ``order, scores, above = rescorer(texts, scores, above)``

The search needs the probability of each next character thousands of times a line, so its language model knows the last
six characters only. The neural one knows words and the lines above, and is asked about a few whole texts. Scores are
added with weights (Chorowski and Jaitly, "Towards better decoding and language model integration", 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inkread.bundle import Rescoring
from inkread.recognition.language_model import LanguageModel
from inkread.recognition.neural_language_model import NOTHING_ABOVE, Above, NeuralLanguageModel, Scores


class Rescorer:
    """Orders candidates.

    Args:
        model: that weighs them.
        settings: weights.
    """

    def __init__(self, model: NeuralLanguageModel, settings: Rescoring) -> None:
        self._model = model
        self._settings = settings

    def __call__(
        self, texts: Sequence[str], scores: Sequence[float], n_grams: LanguageModel, above: Above = NOTHING_ABOVE
    ) -> tuple[list[int], Scores, Above]:
        """The numbers of the candidates, the best one first; their new scores; and what stands above the next line.

        Args:
            texts: candidates, at least one.
            scores: of the search, natural logarithms.
            n_grams: that the search used.
            above: the lines above on the page.
        """
        weights = self._settings
        weighed = self._model.weigh(texts, above)
        new = np.array(scores) + weights.weight * weighed.scores
        new += weights.length_bonus * np.array([len(text) for text in texts])
        if weights.language_model_weight and len(texts) > 1:
            new += weights.language_model_weight * np.array([n_grams.score_line(text) for text in texts])
        order = np.argsort(-new, kind="stable").tolist()
        return order, new, weighed.chosen(order[0])
