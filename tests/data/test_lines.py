"""Lines cut differently for training than for reading make a model that reads worse than it learnt."""

from pathlib import Path

import numpy as np
import pytest

from inkread.data.cleaning import Cleaner
from inkread.data.store import CONTEXT_ROWS, LineStore, build_store, exact_part
from inkread.errors import DatasetError
from inkread.formats.reading import read_layout
from inkread.io.inputs import load_pages
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.line_images import HEIGHT, cut_strip, line_bands


def test_a_store_gives_back_what_the_reader_would_cut(pages: Path, stores: Path) -> None:
    store = LineStore.open(stores / "val")
    layout = read_layout(pages / "val" / "one.xml")
    grey = next(iter(load_pages(pages / "val" / "one.png"))).grey
    bands = line_bands([line.baseline for line in layout.lines], [line.polygon for line in layout.lines])
    kept = [(line, band) for line, band in zip(layout.lines, bands, strict=True) if line.text.isascii()]
    assert [line.text for line in store.lines] == [line.text for line, _ in kept]
    for number, (line, band) in enumerate(kept):
        strip = cut_strip(grey, line.baseline, ascent=band.ascent, descent=band.descent, height=HEIGHT)
        assert np.array_equal(store.image(number), strip.image)


def test_the_middle_of_a_training_strip_is_the_exact_strip(stores: Path) -> None:
    train, val = LineStore.open(stores / "train"), LineStore.open(stores / "val")
    for number in range(len(val)):
        context, exact = train.image(number), val.image(number)
        middle = exact_part(context)
        assert context.shape[0] == CONTEXT_ROWS
        assert abs(middle.shape[1] - exact.shape[1]) <= 3
        width = min(middle.shape[1], exact.shape[1])
        difference = middle[:, :width].astype(float) - exact[:, :width]
        assert np.abs(difference).mean() < 12, "the same picture up to a pixel of rounding"


def test_lines_are_found_by_source(stores: Path) -> None:
    assert LineStore.open(stores / "train").by_source() == {"letters": [0, 1, 2, 3, 4]}


def test_what_is_missing_is_named(tmp_path: Path, pages: Path) -> None:
    with pytest.raises(DatasetError, match="no cut lines"):
        LineStore.open(tmp_path)
    with pytest.raises(DatasetError, match="no transcribed line"):
        build_store([pages], "test", tmp_path / "empty", Cleaner(Alphabet(LATIN)))
    assert not list((tmp_path / "empty").iterdir())
