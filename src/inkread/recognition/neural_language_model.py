"""How probable the candidates for a line are after the lines above it, by a small transformer over word pieces.

Usage: ``model = NeuralLanguageModel(path); weighed = model.weigh(["my dear Sir", "my clear Sir"], NOTHING_ABOVE)``

Candidates for one line begin alike. So they are weighed as a tree of pieces in one call: what several share is computed
once, and a mask lets each piece see only those that lead to it (Miao et al., "SpecInfer", 2024). Keys and values of the
lines above are kept from the calls that weighed them. `recipe.neural_lm` makes the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkread.errors import BundleError
from inkread.recognition.word_pieces import LINE_END, WordPieces
from inkread.runtime import open_session

INPUTS = ("pieces", "positions", "mask", "keys", "values")
OUTPUTS = ("log_probs", "new_keys", "new_values")
PIECES = "pieces"
"""Property of the graph: the vocabulary, a piece a line, without the special ones."""
MOST_ABOVE = 96
"""Pieces of the lines above that are seen, some seven lines."""
HIDDEN = np.float32(-1e9)

Scores = NDArray[np.float64]
States = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Above:
    """The lines above: keys and values float32 [blocks, heads, pieces, size], and pieces since the top of the page."""

    keys: States | None = None
    values: States | None = None
    position: int = 0


NOTHING_ABOVE = Above()


@dataclass(frozen=True, slots=True)
class Weighed:
    """Candidates with their scores: natural log of the probability of each one, its end included."""

    scores: Scores
    _tree: _Tree
    _above: Above
    _keys: States
    _values: States

    def chosen(self, candidate: int) -> Above:
        """What stands above the next line if this candidate is the reading."""
        path = self._tree.path(candidate)
        above = self._above
        keys, values = self._keys[:, :, path], self._values[:, :, path]
        if above.keys is not None and above.values is not None:
            keys = np.concatenate([above.keys, keys], axis=2)
            values = np.concatenate([above.values, values], axis=2)
        return Above(keys[:, :, -MOST_ABOVE:], values[:, :, -MOST_ABOVE:], above.position + len(path))


class NeuralLanguageModel:
    """The network of a bundle's ``lm.onnx`` with its word pieces.

    Args:
        path: of the file.

    Raises:
        BundleError: the file cannot be run, or has no vocabulary.
    """

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, threads=1)
        session = self._session.get()
        listed = session.get_modelmeta().custom_metadata_map.get(PIECES)
        if listed is None:
            raise BundleError(f"{path}: this is no neural language model, it has no word pieces; copy the bundle again")
        self.pieces = WordPieces.of(listed)
        _, _, _, keys, _ = session.get_inputs()
        self._nothing = np.zeros([size if isinstance(size, int) else 0 for size in keys.shape], np.float32)

    def weigh(self, candidates: Sequence[str], above: Above = NOTHING_ABOVE) -> Weighed:
        """The probability of each candidate after the lines above.

        Args:
            candidates: texts for one line, at least one.
            above: what `Weighed.chosen` gave for the line above.
        """
        return self._weighed([self.pieces.encode(text) for text in candidates], above)

    def after(self, lines: Sequence[str]) -> Above:
        """What stands above a line that follows these ones, at least one; only the last ones are looked at."""
        pieces: list[int] = []
        for line in reversed(lines):
            if len(pieces) >= MOST_ABOVE:
                break
            pieces = [LINE_END, *self.pieces.encode(line), *pieces]
        # a tree begins with a line end of its own
        return self._weighed([pieces[1:][1 - MOST_ABOVE :]], NOTHING_ABOVE).chosen(0)

    def _weighed(self, sequences: Sequence[Sequence[int]], above: Above) -> Weighed:
        tree = _Tree(sequences)
        keys = self._nothing if above.keys is None else above.keys
        values = self._nothing if above.values is None else above.values
        mask = np.hstack([np.zeros((len(tree.pieces), keys.shape[2]), np.float32), tree.mask()])
        inputs = (tree.pieces, above.position + tree.depths, mask, keys, values)
        log_probs, new_keys, new_values = self._session.get().run(OUTPUTS, dict(zip(INPUTS, inputs, strict=True)))
        return Weighed(tree.totals(log_probs), tree, above, new_keys, new_values)


class _Tree:
    """Sequences of pieces that share their beginnings; node 0 is the end of the line above.

    Attributes:
        pieces, parents, depths: of each node, int64; a parent has a smaller number than its children.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        pieces, parents, depths = [LINE_END], [-1], [0]
        known: dict[tuple[int, int], int] = {}
        self._leaves = []
        for sequence in sequences:
            node = 0
            for piece in sequence:
                child = known.setdefault((node, piece), len(pieces))
                if child == len(pieces):
                    pieces.append(piece)
                    parents.append(node)
                    depths.append(depths[node] + 1)
                node = child
            self._leaves.append(node)
        self.pieces, self.parents, self.depths = (np.array(values, np.int64) for values in (pieces, parents, depths))

    def path(self, sequence: int) -> list[int]:
        """The nodes of a sequence, node 0 first."""
        path, node = [], self._leaves[sequence]
        while node >= 0:
            path.append(node)
            node = int(self.parents[node])
        return path[::-1]

    def mask(self) -> States:
        """float32 [nodes, nodes]: 0 for what leads to a node and itself, `HIDDEN` for all others."""
        mask = np.full((len(self.pieces), len(self.pieces)), HIDDEN, np.float32)
        for node, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                mask[node] = mask[parent]
            mask[node, node] = 0
        return mask

    def totals(self, log_probs: States) -> Scores:
        """Log probability of each sequence with a line end after it; log_probs float32 [nodes, vocabulary]."""
        totals = np.zeros(len(self.pieces))
        for node, (piece, parent) in enumerate(zip(self.pieces.tolist(), self.parents.tolist(), strict=True)):
            if parent >= 0:
                totals[node] = totals[parent] + log_probs[parent, piece]
        return totals[self._leaves] + log_probs[self._leaves, LINE_END]
