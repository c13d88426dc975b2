"""Pen strokes must become the ink their text says, or the model learns from wrong pictures."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inkread.errors import DatasetError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.synthesis.strokes import StrokeHands, Written, draw, plain

ALPHABET = Alphabet(LATIN)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    square = {"n": [5], "x": [7, 100, 0, -100, 0], "y": [9, 0, 100, 0, -100]}
    rows = [
        {"kind": "word", "text": "on", "writer": "a", **square},
        {"kind": "word", "text": "sea", "writer": "a", **square},
        {"kind": "text", "text": "two  words", "writer": "b", **square},
        {"kind": "word", "text": "λ", "writer": "b", **square},
    ]
    path = tmp_path / "strokes.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_words_of_one_writer_stand_on_one_line_and_do_not_overlap(parquet: Path) -> None:
    hands = StrokeHands.open(parquet, ALPHABET)
    for seed in range(20):
        written = hands.words(np.random.default_rng(seed))
        words = written.text.split()
        assert set(words) <= {"on", "sea"}
        assert len(written.strokes) == len(words)
        edges = [(stroke[:, 0].min(), stroke[:, 0].max()) for stroke in written.strokes]
        assert all(right < left for (_, right), (left, _) in zip(edges, edges[1:], strict=False))
        assert abs(written.box[3]) < 30


def test_texts_keep_their_words(parquet: Path) -> None:
    assert StrokeHands.open(parquet, ALPHABET).text(np.random.default_rng(0)).text == "two words"


def test_drawn_ink_has_the_size_and_place_that_was_asked_for() -> None:
    stroke = np.array([[0, -100], [300, -100], [300, 0], [0, 0]], np.float32)
    ink = draw(Written("box", (stroke, np.array([[10, -50]], np.float32))), scale=0.5, pen=2, margin=6)
    rows, columns = np.nonzero(ink.coverage > 128)
    assert np.ptp(columns) == pytest.approx(150, abs=4)
    assert np.ptp(rows) == pytest.approx(50, abs=4)
    assert ink.baseline[0][1] == pytest.approx(rows.max(), abs=3)
    assert ink.coverage[round(ink.baseline[0][1] - 25), 6 + 5] > 60, "a dot is drawn too"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="none.parquet"):
        StrokeHands.open(tmp_path / "none.parquet", ALPHABET)


def test_a_plain_line_fills_its_height_in_black_on_white() -> None:
    stroke = np.array([[0, -100], [300, -100], [300, 0], [0, 0]], np.float32)
    page = plain(Written("box", (stroke,)), height=64, pen=2)
    rows, columns = np.nonzero(page < 128)
    assert page.shape[0] == 64
    assert page.max() == 255
    assert np.ptp(rows) >= 58
    assert np.ptp(columns) == pytest.approx(3 * np.ptp(rows), rel=0.05)
