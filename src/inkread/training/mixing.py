"""How much of the starting weights stays in a trained network: new lines should gain, known sources should not lose.

Usage: ``share = share_of_start(plan, run / LAST, LineStore.open(lines / "val"))``

The trained weights are averaged with the starting ones in several shares (Wortsman et al. 2022), and each mixture reads
the same lines, which are neither learnt nor gold nor test. Where some of them are of known sources
(`MixturePlan.known`), only mixtures count that read these within half the margin of the gate. Of all that count, the
one with most of the start is chosen that keeps most of what the best of them gains on the other lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from inkread.data.store import LineStore
from inkread.evaluation.gate import MARGIN, RELATIVE_MARGIN
from inkread.recognition.alphabet import Alphabet
from inkread.training.scoring import Frames, read_lines, torch_frames
from inkread.training.train import TrainingPlan, starting_network, trained_network

SHARES_OF_START = (0.75, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0)
GAIN_TO_KEEP = 0.8
"""With 0.9 other hands lose more than they need to, see decision 0085."""
SHARE_OF_MARGIN = 0.5
"""Of the gate's margin that known lines may lose: on its gold pages they may lose more by chance, decision 0082."""
MOST_LINES = 200
"""Of a source that are read with each mixture."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a mixture reads wrong in the lines to check with.

    Attributes:
        new: character edits in the lines of new sources; of all sources where none is new or none is known.
        known: CER of the lines of known sources; None where there are none beside new ones.
    """

    new: int
    known: float | None = None


def choose_share(mixtures: Mapping[float, Checked], start: Checked) -> float | None:
    """The share of the starting weights to keep.

    Args:
        mixtures: by the share of the starting weights.
        start: the starting weights alone.

    Returns:
        None where no mixture gains anything on the new lines, or each that does makes the known ones worse.
    """
    gaining = {
        share: found.new for share, found in mixtures.items() if found.new < start.new and not _loses(found, start)
    }
    if not gaining:
        return None
    most = start.new - GAIN_TO_KEEP * (start.new - min(gaining.values()))
    return max(share for share, count in gaining.items() if count <= most)


def _loses(found: Checked, start: Checked) -> bool:
    if found.known is None or start.known is None:
        return False
    return found.known - start.known > SHARE_OF_MARGIN * max(MARGIN, RELATIVE_MARGIN * start.known)


def share_of_start(plan: TrainingPlan, checkpoint: Path, store: LineStore) -> float | None:
    """The share of the starting weights to keep in the averaged weights of a checkpoint; see `choose_share`.

    Args:
        plan: of the run; it names the known sources, and starts from a bundle.
        checkpoint: of the run.
        store: lines to check with, of which at most `MOST_LINES` of each source are read.
    """
    rng = np.random.default_rng(plan.seed)
    rows = [row for rows in store.by_source().values() for row in rng.permutation(rows)[:MOST_LINES]]
    chosen = {store.lines[row].sample_id for row in rows}
    store = store.where(lambda line: line.sample_id in chosen)
    alphabet, known = Alphabet(plan.alphabet), frozenset(plan.mixture.known)
    start = checked(torch_frames(starting_network(plan)), store, alphabet, known)
    mixtures = {
        share: checked(torch_frames(trained_network(plan, checkpoint, share)), store, alphabet, known)
        for share in SHARES_OF_START
    }
    return choose_share(mixtures, start)


def checked(frames: Frames, store: LineStore, alphabet: Alphabet, known: frozenset[str]) -> Checked:
    """What a network reads wrong in the lines of a store, greedily.

    Args:
        frames: of the network.
        store: the lines.
        alphabet: of the network.
        known: sources that should not be forgotten.
    """
    read = list(zip(store.lines, edits(frames, store, alphabet), strict=True))
    old = [(count, len(line.text)) for line, count in read if line.source in known]
    if len(old) in (0, len(read)):
        return Checked(sum(count for _, count in read))
    new = sum(count for line, count in read if line.source not in known)
    return Checked(new, sum(count for count, _ in old) / max(sum(length for _, length in old), 1))


def edits(frames: Frames, store: LineStore, alphabet: Alphabet) -> list[int]:
    """Character edits between the text of each line of a store and what a network reads in it, greedily."""
    readings = read_lines(frames, [store.image(index) for index in range(len(store))], alphabet)
    return [Levenshtein.distance(line.text, read) for line, read in zip(store.lines, readings, strict=True)]
