"""Hands that fill in forms with real ink: words cut from scanned lines, pasted where they say what a field needs.

Usage: ``InkWriter.all(Path("data"), "test", Reader(threads=1))``

Lines of csafe-en are divided into words, and those of names-fr separated from their printed label, by aligning the
transcription with the network's frames; what the network would read does not matter. A writer says only what he or she
has written, so everything else on the form stays empty.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from form_hands import Values
from inkread import Reader
from inkread.cli.terminal import existing
from inkread.forms.frames import ink_of
from inkread.recognition.alphabet import BLANK, Alphabet
from inkread.recognition.decoding import LogProbs
from inkread.recognition.line_images import Grey, cut_lines
from inkread.synthesis.ink import Coverage

ELSE = 0.5
"""Natural log that a frame of printed text before the words costs more than the class the network takes it for."""
REACH, AROUND_LINE = 2.5, 60.0
"""How far the first word may begin before the middle of its first letter: in distances of letters, and in pixels."""
LEAST_GREY = 60
"""Ink from which a pixel belongs to a stroke."""
OTHERS = 0.25
"""Height of a stroke at the edge of the picture below which it belongs to another line, in heights of the picture."""
LEAST_DARKER = 12.0
"""Grey values between paper and ink."""
LEAST_INK = 30
"""Pixels."""
PUPILS = "pupils"
PEOPLE = ("Lloyd", "Parry", "Charles", "Fuller", "McQuaid", "Robert", "Unger", "Dorothy", "James", "Robert Unger")
TOWNS = ("London", "Vienna", "Berlin", "Turin", "Rome", "Athens", "Zermott")
NUMBERS = ("1496", "3580", "27", "2")
"""What the two texts of csafe-en name."""


@dataclass(frozen=True)
class InkWriter:
    """Somebody whose words were scanned.

    Attributes:
        name: who writes.
        words: ink by text, 255 where it is full, in the size it was scanned.
        capital: typical height of a capital or ascender in it, in pixels.
    """

    name: str
    words: Mapping[str, Sequence[Coverage]]
    capital: float

    @classmethod
    def all(cls, data: Path, split: str, reader: Reader) -> list[InkWriter]:
        """The writers of csafe-en, and for each some pupils of names-fr who add their names in block capitals."""
        names = [
            (text, ink)
            for folder, text, _ in _rows(data / "names-fr" / split)
            for _, ink in _words(folder, text, reader)
        ]
        lines: dict[str, list[tuple[Path, str]]] = {}
        for image, text, writer in _rows(data / "csafe-en" / split):
            lines.setdefault(writer, []).append((image, text))
        writers = [
            cls._of(name, [pair for line in mine for pair in _words(*line, reader)]) for name, mine in lines.items()
        ]
        pupils = [cls._of(f"{PUPILS} {number}", names[number :: len(writers)]) for number in range(len(writers))]
        return [*writers, *pupils]

    @classmethod
    def _of(cls, name: str, pairs: Sequence[tuple[str, Coverage]]) -> InkWriter:
        words: dict[str, list[Coverage]] = {}
        for text, ink in pairs:
            words.setdefault(text, []).append(ink)
        tall = [ink.shape[0] for text, ink in pairs if text[0].isupper()] or [ink.shape[0] for _, ink in pairs]
        return cls(name, words, float(np.median(tall)))

    def knows(self, text: str) -> bool:
        """Whether all words of a text were scanned."""
        return bool(text) and all(word in self.words for word in text.split())

    def sayable(self, name: str) -> list[str]:
        """What this writer can say of a list: people, towns, and for the other ones plain words."""
        if name == "town.txt":
            return [town for town in TOWNS if self.knows(town)]
        if name != "names.txt":
            return sorted(word for word in self.words if word.isalpha() and word.islower() and len(word) > 3)
        if self.name.startswith(PUPILS):
            return sorted(filter(str.isalpha, self.words))
        return [person for person in PEOPLE if self.knows(person)]

    def values(self, lists: Mapping[str, Sequence[str]], rng: np.random.Generator) -> Values:
        """What this writer can say; "" where that is nothing."""
        plain = self.sayable("")
        texts = [" ".join(map(str, rng.choice(plain, 6))) for _ in range(4)] if plain else [""]
        numbers = [number for number in NUMBERS if self.knows(number)]
        return Values({name: self.sayable(name) or [""] for name in lists}, texts, numbers=numbers or [""])

    def write(self, text: str, height: float, rng: np.random.Generator) -> Coverage | None:
        """Ink of a text whose words are all known; None else."""
        if not self.knows(text):
            return None
        parts = [self.words[word][int(rng.integers(len(self.words[word])))] for word in text.split()]
        scale = height / self.capital
        sized = [_sized(part, scale) for part in parts]
        gap, tallest = round(height * rng.uniform(0.3, 0.6)), max(part.shape[0] for part in sized)
        joined: list[Coverage] = []
        for part in sized:
            below = tallest - part.shape[0]
            joined += [np.pad(part, ((below, 0), (0, 0))), np.zeros((tallest, gap), np.uint8)]
        return np.hstack(joined[:-1])


def _sized(ink: Coverage, scale: float) -> Coverage:
    size = max(round(ink.shape[1] * scale), 1), max(round(ink.shape[0] * scale), 1)
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8)


def _rows(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Image, text and writer of each line."""
    with existing(folder / "lines.tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield folder / row["image"], row["text"], row.get("writer") or row["image"]


def _words(image: Path, text: str, reader: Reader) -> Iterator[tuple[str, Coverage]]:
    """The words of a line with their ink; marks at the ends of a word are left with it and named."""
    grey = np.asarray(cv2.imread(str(image), cv2.IMREAD_GRAYSCALE), np.uint8)
    alphabet = Alphabet(reader.bundle.model.alphabet)
    text = " ".join(text.split())
    if alphabet.unknown(text):
        return
    (strip,) = cut_lines(grey, height=reader.lines.height)
    (frames,) = reader.lines._network([strip.image])
    centres = aligned(frames, alphabet.encode(text))
    stride = strip.image.shape[1] / len(frames)
    page = [strip.to_page((centre + 0.5) * stride, 0)[0] for centre in centres]
    ink = _ink(grey)
    usual = float(np.median(np.diff(page))) if len(page) > 1 else AROUND_LINE
    ends = [page[0] - REACH * usual, *page, page[-1] + REACH * usual]
    start = 0
    for word in text.split(" "):
        stop = start + len(word)
        before, after = ends[max(start - 1, 0) if start else 0], ends[min(stop + 2, len(ends) - 1)]
        cut = _part(ink, _gap(ink, before, page[start]), _gap(ink, page[stop - 1], after))
        if cut is not None:
            yield word, cut
        start = stop + 1


def _gap(ink: Coverage, left: float, right: float) -> float:
    """The middle of the widest room without ink between two columns."""
    first, last = max(int(left), 0), min(int(right) + 1, ink.shape[1])
    empty = ~(ink[:, first:last] > LEAST_GREY).any(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]])))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    if not runs:
        return (left + right) / 2
    start, stop = max(runs, key=lambda run: run[1] - run[0])
    return float(first + (start + stop) / 2)


def aligned(log_probs: LogProbs, labels: Sequence[int]) -> list[float]:
    """The frame of each label on the best path (Viterbi), which may begin and end with other text."""
    states = [-1, BLANK]
    for label in labels:
        states += [label, BLANK]
    states.append(-1)
    emissions = np.stack(
        [log_probs.max(axis=1) - ELSE if state < 0 else log_probs[:, state] for state in states], axis=1
    )
    scores = np.full(len(states), -np.inf)
    scores[:3] = emissions[0, :3]
    back = np.zeros(emissions.shape, np.intp)
    skips = np.zeros(len(states), bool)
    for place in range(2, len(states)):
        skips[place] = states[place] > 0 and states[place] != states[place - 2]
    for frame in range(1, len(emissions)):
        steps = np.stack([scores, np.append(-np.inf, scores[:-1]), np.append([-np.inf] * 2, scores[:-2])])
        steps[2, ~skips] = -np.inf
        back[frame] = steps.argmax(axis=0)
        scores = steps.max(axis=0) + emissions[frame]
    place = len(states) - 3 + int(scores[-3:].argmax())
    path = [place]
    for frame in range(len(emissions) - 1, 0, -1):
        place -= int(back[frame, place])
        path.append(place)
    seen = np.array(path[::-1])
    return [float(np.mean(np.flatnonzero(seen == 2 + 2 * number))) for number in range(len(labels))]


def _ink(grey: Grey) -> Coverage:
    paper = float(np.percentile(grey, 90))
    dark = float(np.percentile(grey[ink_of(grey) > 0], 20)) if (ink_of(grey) > 0).any() else 0.0
    return np.asarray(
        np.clip((paper - 12 - grey.astype(np.float32)) / max(paper - 12 - dark, 1) * 255, 0, 255), np.uint8
    )


def _part(ink: Coverage, left: float, right: float) -> Coverage | None:
    """The strokes between two columns: those of other lines, at the upper and lower edge, and print above left out."""
    mask = (ink > LEAST_GREY).astype(np.uint8)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask)
    height = ink.shape[0]
    kept = np.zeros(count, bool)
    for number in range(1, count):
        top, down, area = stats[number, 1], stats[number, 3], stats[number, 4]
        beside = not left <= centres[number, 0] < right
        of_others = (top == 0 or top + down == height) and down < OTHERS * height
        kept[number] = not beside and not of_others and area >= 4
    own = _main_band(kept[labels])
    if np.count_nonzero(own) < LEAST_INK:
        return None
    near = cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    cut = np.where(near, ink, np.uint8(0))
    return np.ascontiguousarray(cut[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _main_band(own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The highest of the bands of rows that empty rows separate, with dots within a third of its height."""
    filled = own.any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]])))
    bands = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if not bands:
        return own
    top, bottom = max(bands, key=lambda band: band[1] - band[0])
    reach = (bottom - top) / 3
    near = [band for band in bands if band[1] > top - reach and band[0] < bottom + reach and band[1] - band[0] <= reach]
    result = np.zeros_like(own)
    for a, b in [(top, bottom), *near]:
        result[a:b] = own[a:b]
    return result
