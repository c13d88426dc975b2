"""New lines of a hand, put together from words of its lines.

Usage: ``image, text = PastedSource(store, [[0, 1, 2]], Recognizer(Bundle.open(), Workers(1)), alphabet).sample(rng)``

A recogniser learns training lines by heart, words of a hand in one order. A pasted line shows the same words in
another order. Words are found by aligning the transcription with the frames of a recogniser that has learnt before
(Viterbi). A line is cut in the middle of the gaps between its words, so that the spaces are those of the hand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein

from inkread.data.store import LineStore
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import align, greedy
from inkread.recognition.line_images import BESIDE, Grey, exact_part
from inkread.recognition.recognizer import Recognizer
from inkread.training.synthetic import Sample

MOST_WORDS = 3
"""Neighbouring words of a line that stay together, at most."""
MISREAD = 0.35
"""Share of characters that may be misread in a line that is cut; beyond it, its words are not where they seem."""
PAPER = 80
"""Percentile of the grey levels that is taken for the paper of a line."""


class PastedSource:
    """Lines of words of one hand.

    Args:
        store: lines with context.
        hands: line numbers of each hand; every line is as probable as any other.
        recognizer: finds the words; its height is that of the line images.
        alphabet: of the recogniser.
    """

    def __init__(
        self, store: LineStore, hands: Sequence[Sequence[int]], recognizer: Recognizer, alphabet: Alphabet
    ) -> None:
        self._store, self._hands = store, hands
        self._recognizer, self._alphabet = recognizer, alphabet
        lines = np.array([len(hand) for hand in hands], np.float64)
        self._shares = lines / lines.sum()
        self._edges: dict[int, list[int]] = {}

    def sample(self, rng: np.random.Generator) -> Sample:
        """Return a line about as wide as one of the hand's, uint8 [65, width], with its text."""
        hand = self._hands[int(rng.choice(len(self._hands), p=self._shares))]
        width = self._store.lines[int(rng.choice(hand))].width
        pieces: list[Grey] = []
        words: list[str] = []
        while not pieces or sum(piece.shape[1] for piece in pieces) < width:
            piece, some = self._piece(int(rng.choice(hand)), rng)
            pieces.append(piece if not pieces else _on_paper_of(pieces[0], piece))
            words += some
        return np.hstack(pieces), " ".join(words)

    def _piece(self, index: int, rng: np.random.Generator) -> tuple[Grey, list[str]]:
        image, words = self._store.image(index), self._store.lines[index].text.split()
        edges = self._word_edges(index, image)
        if len(edges) != len(words) + 1:
            return image, words
        first = int(rng.integers(len(words)))
        last = min(first + int(rng.integers(1, MOST_WORDS + 1)), len(words))
        return image[:, edges[first] : edges[last]], words[first:last]

    def _word_edges(self, index: int, image: Grey) -> list[int]:
        """Columns where the words of a line begin, and its end; only its ends where it cannot be divided."""
        if index not in self._edges:
            gaps = self._gaps(exact_part(image), self._store.lines[index].text)
            self._edges[index] = [0, *(BESIDE + column for column in gaps), image.shape[1]]
        return self._edges[index]

    def _gaps(self, image: Grey, text: str) -> list[int]:
        (log_probs,) = self._recognizer([image])
        read = greedy(log_probs, self._alphabet).text
        if self._alphabet.unknown(text) or Levenshtein.distance(read, text) > MISREAD * len(text):
            return []
        spans = align(log_probs, self._alphabet.encode(text))
        stride = image.shape[1] / len(log_probs)
        middles = [
            (spans[place - 1][1] + spans[place + 1][0]) / 2
            for place, character in enumerate(text)
            if character == " " and 0 < place < len(text) - 1
        ]
        return [round(stride * middle) for middle in middles]


def _on_paper_of(first: Grey, piece: Grey) -> Grey:
    """A piece whose paper is as bright as that of the first one."""
    change = float(np.percentile(first, PAPER)) - float(np.percentile(piece, PAPER))
    return np.asarray(np.clip(piece.astype(np.float32) + change, 0, 255), np.uint8)
