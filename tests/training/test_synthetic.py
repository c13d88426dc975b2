"""Synthetic lines must show all of their text, in the form of real ones."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import CONTEXT_ROWS
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.strokes import StrokeHands
from inkread.training.synthetic import FontSource, StrokeSource

ALPHABET = Alphabet(LATIN)


@pytest.fixture
def hands(tmp_path: Path) -> StrokeHands:
    rows = [
        {"kind": kind, "text": text, "writer": "a", "n": [4], "x": [0, 120, 0, -120], "y": [0, 0, 110, 0]}
        for kind, text in (("word", "on"), ("word", "so"), ("text", "so on"))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "strokes.parquet")
    return StrokeHands.open(tmp_path / "strokes.parquet", ALPHABET)


@pytest.mark.parametrize(("joined", "plain"), [(False, False), (True, False), (False, True)])
def test_stroke_lines_have_context_rows_and_visible_ink(hands: StrokeHands, joined: bool, plain: bool) -> None:
    for seed in range(10):
        image, text = StrokeSource(hands, joined, plain).sample(np.random.default_rng(seed))
        assert image.shape[0] == CONTEXT_ROWS
        assert set(text.split()) <= {"on", "so"}
        assert image.max() - int(image.min()) > 50
        if plain:
            assert set(np.unique(image[0])) == {255}, "black on white, nothing above the line"


@pytest.mark.parametrize("printed", [False, True])
def test_font_lines_are_of_our_alphabet_even_in_capitals(printed: bool) -> None:
    source = FontSource(find_fonts(), ["ẽ ſ ⁊", "Dear Sir, où est la clef?"], ALPHABET, printed)
    for seed in range(20):
        image, text = source.sample(np.random.default_rng(seed))
        assert image.shape[0] == CONTEXT_ROWS
        assert not ALPHABET.unknown(text)
        assert "⁊" not in text, "no bundled font can write it"
