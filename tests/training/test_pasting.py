"""Pasted lines must show the words that they say, all of one hand."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from inkread.bundle import Bundle
from inkread.data.ingest import open_dataset
from inkread.data.store import CutSettings, LineStore, StoredLine, line_images, write_store
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import CONTEXT_ROWS, exact_part
from inkread.recognition.recognizer import Recognizer
from inkread.runtime import Workers
from inkread.training.data import MixturePlan, training_mixture
from inkread.training.pasting import PastedSource
from inkread.training.scoring import cer, onnx_frames, read_lines

PAGES = Path(__file__).parents[1] / "pages"
HANDS = ("travel-notes-1960-fr", "letter-1905-en")
BUNDLE = Bundle.open()
ALPHABET = Alphabet(BUNDLE.model.alphabet)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LineStore:
    """The lines of two pages by two hands, with context."""
    folder = tmp_path_factory.mktemp("hands")
    (folder / "train").mkdir()
    for name in HANDS:
        for ending in ("webp", "xml"):
            shutil.copy(PAGES / f"{name}.{ending}", folder / "train")
    dataset = open_dataset(folder, split="train")
    lines = [line for line in dataset.lines() if not ALPHABET.unknown(line.text)]
    return LineStore.open(write_store(folder / "store", line_images(dataset, lines, CutSettings(), context=True)))


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(BUNDLE, Workers(1))


def test_a_pasted_line_shows_its_text_in_one_hand(store: LineStore, recognizer: Recognizer) -> None:
    hands = store.documents(range(len(store)))
    assert len(hands) == len(HANDS)
    words = [{word for index in hand for word in store.lines[index].text.split()} for hand in hands]
    source = PastedSource(store, hands, recognizer, ALPHABET)
    made = [source.sample(np.random.default_rng(seed)) for seed in range(30)]
    lines = {line.text for line in store.lines}
    assert all(image.shape[0] == CONTEXT_ROWS for image, _ in made)
    assert all(any(set(text.split()) <= known for known in words) for _, text in made)
    assert sum(text not in lines for _, text in made) > 25, "lines that nobody wrote"
    frames = onnx_frames(BUNDLE.recognizer)
    read = cer([text for _, text in made], read_lines(frames, [exact_part(image) for image, _ in made], ALPHABET))
    whole = [exact_part(store.image(index)) for index in range(len(store))]
    usual = cer([line.text for line in store.lines], read_lines(frames, whole, ALPHABET))
    assert read < usual + 0.1, "words are cut where they begin and end"


def test_the_same_seed_gives_the_same_line(store: LineStore, recognizer: Recognizer) -> None:
    hands = store.documents(range(len(store)))
    first, again = (PastedSource(store, hands, recognizer, ALPHABET).sample(np.random.default_rng(3)) for _ in range(2))
    assert first[1] == again[1]
    assert np.array_equal(first[0], again[0])


def test_a_line_that_says_something_else_is_not_cut(store: LineStore, recognizer: Recognizer, tmp_path: Path) -> None:
    wrong = StoredLine("x", "letters", "x", "qui ne dit rien de cela", 0, *store.image(0).shape)
    only = LineStore.open(write_store(tmp_path / "store", [(wrong, store.image(0))]))
    image, text = PastedSource(only, [[0]], recognizer, ALPHABET).sample(np.random.default_rng(0))
    assert text == wrong.text
    assert np.array_equal(image, store.image(0))


def test_a_share_of_the_lines_of_each_source_is_pasted(stores: Path) -> None:
    sources, shares = training_mixture(MixturePlan(store=stores, pasted=0.3, shares={}), ALPHABET)
    assert [isinstance(source, PastedSource) for source in sources] == [False, True]
    assert shares == pytest.approx([0.7, 0.3])
