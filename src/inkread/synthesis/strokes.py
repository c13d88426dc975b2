"""Lines of real modern hands, drawn from recorded pen strokes.

Usage: ``hands = StrokeHands.open(Path("unipen-en/train.parquet")); written = hands.words(rng)``

A row of the file is one item (a text, a word or a character) of one writer: its text, the number of points of each
stroke and the differences between points. A writer's items share one scale, at which a median word is 128 high, so
they can be joined to lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inkread.errors import DatasetError
from inkread.recognition.alphabet import Alphabet
from inkread.synthesis.ink import Coverage, Ink

Stroke = NDArray[np.float32]
UNIT = 128.0
DESCENDING = frozenset("gjpqyQ,;()[]{}/|@$_")
FRACTION_BITS = 4
SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True)
class Written:
    """A text and its strokes, each float32 [points, 2]; the baseline is y = 0, y points down, a word is 128 high."""

    text: str
    strokes: tuple[Stroke, ...]

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the points."""
        points = np.concatenate(self.strokes)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)


class StrokeHands:
    """The items of a parquet file, by writer and kind."""

    def __init__(self, rows: list[dict[str, object]], alphabet: Alphabet) -> None:
        self._rows = [row for row in rows if row["n"] and not alphabet.unknown(str(row["text"]))]
        self._kinds: dict[str, list[int]] = defaultdict(list)
        self._words: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(self._rows):
            self._kinds[str(row["kind"])].append(index)
            if row["kind"] == "word":
                self._words[str(row["writer"])].append(index)
        self._writers = sorted(self._words)

    @classmethod
    def open(cls, path: Path, alphabet: Alphabet) -> StrokeHands:
        """Read a parquet file of strokes.

        Raises:
            DatasetError: the file is missing or holds no strokes.
        """
        import pyarrow.parquet as pq  # only here, so that other synthesis does without the extra train

        try:
            rows = pq.read_table(path, columns=["kind", "text", "writer", "n", "x", "y"]).to_pylist()
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(f"{path}: no pen strokes can be read here") from error
        return cls(rows, alphabet)

    @property
    def items(self) -> range:
        """Numbers of all items."""
        return range(len(self._rows))

    @property
    def texts(self) -> tuple[int, ...]:
        """Numbers of the items that are whole texts."""
        return tuple(self._kinds["text"])

    def writer(self, index: int) -> str:
        """Who wrote an item."""
        return str(self._rows[index]["writer"])

    def item(self, index: int) -> Written:
        """An item as its writer wrote it."""
        row = self._rows[index]
        points = np.cumsum(np.array([row["x"], row["y"]], np.float32), axis=1).T
        lengths = np.asarray(row["n"], np.int64)
        text = " ".join(str(row["text"]).split())
        points[:, 0] -= points[:, 0].min()
        points[:, 1] -= _baseline(points[:, 1], text)
        return Written(text, tuple(np.split(points, np.cumsum(lengths)[:-1])))

    def text(self, rng: np.random.Generator) -> Written:
        """A random whole text."""
        return self.item(int(rng.choice(self._kinds["text"])))

    def words(self, rng: np.random.Generator, most: int = 9) -> Written:
        """One to ``most`` random words of one random writer in one line."""
        mine = self._words[self._writers[int(rng.integers(len(self._writers)))]]
        chosen = rng.choice(mine, int(rng.integers(1, most, endpoint=True)))
        gap, wander = UNIT * rng.uniform(0.25, 0.8), UNIT * rng.uniform(0, 0.08)
        strokes: list[Stroke] = []
        position = 0.0
        parts = [self.item(int(index)) for index in chosen]
        for part in parts:
            shift = np.array([position, rng.normal(0, 1) * wander], np.float32)
            strokes += [stroke + shift for stroke in part.strokes]
            position += part.box[2] + float(gap * rng.uniform(0.7, 1.4))
        return Written(" ".join(part.text for part in parts), tuple(strokes))


def draw(written: Written, scale: float, pen: float, slant: float = 0.0, margin: int = 8) -> Ink:
    """Draw strokes as ink.

    Args:
        written: the strokes.
        scale: pixels for one unit of the strokes.
        pen: width of the pen in pixels, 0.5 or more.
        slant: shift to the right for each unit of height.
        margin: empty pixels around the ink.
    """
    sheared = [stroke @ np.array([[1, 0], [-slant, 1]], np.float32) * scale for stroke in written.strokes]
    points = np.concatenate(sheared)
    left, top = points.min(axis=0) - margin
    right, bottom = points.max(axis=0) + margin
    width, height = int(np.ceil(right - left)), int(np.ceil(bottom - top))
    canvas = np.zeros((SUPERSAMPLING * height, SUPERSAMPLING * width), np.uint8)
    fixed = [_fixed_point(stroke - (left, top)) for stroke in sheared]
    thickness = max(round(SUPERSAMPLING * pen), 1)
    cv2.polylines(canvas, fixed, False, (255,), thickness, cv2.LINE_AA, FRACTION_BITS)
    coverage: Coverage = np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    baseline = float(-top)
    return Ink(coverage, ((float(margin), baseline), (float(width - margin), baseline)))


def plain(written: Written, height: int = 64, pen: float = 2.0) -> NDArray[np.uint8]:
    """Strokes in black on white, uint8 [height, width]: the ink fills the height but for half a pen at each edge."""
    _, top, _, bottom = written.box
    margin = 2
    ink = draw(written, (height - 2 * margin) / max(bottom - top, UNIT / 4), pen, margin=margin)
    page = 255 - ink.coverage
    return np.asarray(cv2.resize(page, (page.shape[1], height), interpolation=cv2.INTER_AREA), np.uint8)


def _fixed_point(stroke: Stroke) -> NDArray[np.int32]:
    points = np.repeat(stroke, 2, axis=0) if len(stroke) == 1 else stroke
    scaled = np.rint(points * SUPERSAMPLING * 2**FRACTION_BITS).reshape(-1, 1, 2)
    return np.asarray(scaled, np.int32)


def _baseline(rows: Sequence[float] | NDArray[np.float32], text: str) -> float:
    """Where the letters stand: near the lowest ink, unless letters go below the line."""
    below = sum(character in DESCENDING for character in text) / max(len(text), 1)
    return float(np.percentile(np.asarray(rows), 96 if below == 0 else 92 if below < 0.15 else 82))
