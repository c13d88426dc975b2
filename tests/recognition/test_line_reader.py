from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.recognition.decoding import Hypothesis
from inkread.recognition.line_images import Strip, cut_strip, line_bands
from inkread.recognition.line_reader import LineReader, tidy, tidy_text
from inkread.runtime import Workers

EXAMPLES = Path(__file__).parents[2] / "examples"


def example_lines() -> tuple[list[str], list[Strip]]:
    page = read_layout(EXAMPLES / "letter.xml")
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    bands = line_bands([line.baseline for line in page.lines], [line.polygon for line in page.lines])
    strips = [
        cut_strip(grey, line.baseline, ascent=band.ascent, descent=band.descent, height=48)
        for line, band in zip(page.lines, bands, strict=True)
    ]
    return [line.text for line in page.lines], strips


def test_lines_get_text_words_positions_and_confidence() -> None:
    _, strips = example_lines()
    page = read_layout(EXAMPLES / "letter.xml")
    empty = [replace(line, text="") for line in page.lines]
    for line in LineReader(Bundle.open(), Workers(1))(empty, strips):
        assert " ".join(word.text for word in line.words) == line.text
        assert line.confidence is not None
        assert 0 <= line.confidence <= 1
        assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in line.words)
        assert all(len(word.polygon) == 4 for word in line.words)


def test_a_bundle_without_language_model_says_so(tmp_path: Path) -> None:
    bundle = Bundle.open()
    for name in ("model.json", "recognizer.onnx"):
        (tmp_path / name).write_bytes((bundle.folder / name).read_bytes())
    with pytest.raises(BundleError, match="no language model"):
        LineReader(Bundle.open(tmp_path), language_model=True)


@given(st.text(st.sampled_from("ab  ")))
def test_tidying_keeps_characters_with_their_frames(text: str) -> None:
    spans = tuple((i, i + 1) for i in range(len(text)))
    tidied = tidy(Hypothesis(text, spans, tuple(0.5 for _ in text), 0.0))
    assert tidied.text == tidy_text(text) == " ".join(text.split())
    assert [text[start] for start, _ in tidied.spans] == list(tidied.text)
    assert len(tidied.confidences) == len(tidied.text)


def test_how_legible_a_line_is_is_told_with_its_text_as_without() -> None:
    """So that a line need not be read twice to compare it with its mirror image."""
    _, strips = example_lines()
    reader, images = LineReader(Bundle.open(), Workers(1)), [strip.image for strip in strips[:2]]
    told = [found.legible for found in reader.search(strips[:2])]
    assert told == reader.legibilities(images) == [reader.legibility([image]) for image in images]
    assert all(
        mirrored < legible
        for mirrored, legible in zip(
            reader.legibilities([np.ascontiguousarray(image[:, ::-1]) for image in images]), told, strict=True
        )
    )
