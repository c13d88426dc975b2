"""Adapting to a hand gives a model that reads it better, or the one that it was given."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread.bundle import Bundle
from inkread.errors import BundleError, OutputError
from inkread.reader import Reader
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import cut_lines
from inkread.training.adaptation import REPORT, AdaptSettings, ReadLine, adapt, difference, learn
from inkread.training.network import load_network
from inkread.training.scoring import onnx_frames

PAGES = Path(__file__).parents[1] / "pages"
FEW = AdaptSettings(least_lines=8, least_difference=0.05)


NOTEBOOK = PAGES / "notebook-1893-fr.webp"
LETTER = PAGES / "letter-1700-fr.webp"


@pytest.mark.system
def test_a_hand_is_read_better_without_a_transcription(tmp_path: Path) -> None:
    seen: list[int] = []
    report = adapt(Bundle.open(), NOTEBOOK, tmp_path / "adapted", FEW, on_page=lambda page: seen.append(page.index))
    assert report.improved, report
    assert report.after < report.before
    assert report.pages == len(seen) == 1
    bundle = Bundle.open(tmp_path / "adapted")
    bundle.verify()
    assert bundle.model.version.startswith(f"{Bundle.open().model.version.partition('+')[0]}+")
    assert bundle.model.version != Bundle.open().model.version
    assert bundle.model.decoding == Bundle.open().model.decoding, "the search is as it was tuned"
    document = next(Reader(bundle).read(NOTEBOOK))
    assert document.provenance is not None
    assert document.provenance.model_version == bundle.model.version, "a result says that its reader was adapted"
    assert json.loads((tmp_path / "adapted" / REPORT).read_text())["learnt"] == report.learnt


def test_too_little_writing_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    blank = np.full((400, 600), 255, np.uint8)
    report = adapt(Bundle.open(), blank, tmp_path / "adapted")
    assert not report.improved
    assert report.reason == "0 sure lines are too few, 24 are needed; add pages of this hand"
    assert Bundle.open(tmp_path / "adapted").identity == Bundle.open().identity


@pytest.mark.system
def test_a_hand_that_is_read_well_is_left_alone(tmp_path: Path) -> None:
    report = adapt(Bundle.open(), LETTER, tmp_path / "adapted", FEW)
    assert not report.improved
    assert "the language model changes only" in report.reason
    assert Bundle.open(tmp_path / "adapted").identity == Bundle.open().identity


@pytest.mark.system
def test_what_does_not_help_gives_back_the_start(tmp_path: Path) -> None:
    unchanged = FEW.model_copy(update={"rate": 1e-9, "passes": 1})
    report = adapt(Bundle.open(), NOTEBOOK, tmp_path / "adapted", unchanged)
    assert not report.improved
    assert report.reason == "the lines to check with were not read better"
    assert Bundle.open(tmp_path / "adapted").identity == Bundle.open().identity


def test_learning_is_repeatable_and_leaves_the_convolutions_alone() -> None:
    bundle = Bundle.open()
    alphabet = Alphabet(bundle.model.alphabet)
    grey = np.asarray(Image.open(NOTEBOOK).convert("L"))
    page = next(Reader(bundle).read(NOTEBOOK)).pages[0]
    lines = [
        ReadLine(strip.image, line.text, 1.0)
        for line, strip in zip(page.lines, cut_lines(grey, page.lines), strict=True)
    ][:6]
    before = load_network(bundle.weights, alphabet, bundle.model.input.stride)
    learnt = [
        learn(load_network(bundle.weights, alphabet, bundle.model.input.stride), lines, alphabet, FEW).state_dict()
        for _ in range(2)
    ]
    for name, weights in before.state_dict().items():
        assert learnt[0][name].equal(learnt[1][name])
        assert learnt[0][name].equal(weights) == (not name.startswith(("neck.", "head."))), name


def test_only_what_adapting_made_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "only-copy.txt").write_text("dear")
    with pytest.raises(OutputError, match="letters: this is no bundle that adapting made"):
        adapt(Bundle.open(), NOTEBOOK, tmp_path / "letters")
    assert (tmp_path / "letters" / "only-copy.txt").is_file()


def test_without_a_language_model_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    bundle = Bundle.open()
    for path in bundle.folder.iterdir():
        if path.name != "lm.bin":
            (folder / path.name).write_bytes(path.read_bytes())
    described = json.loads((folder / "model.json").read_text())
    del described["files"]["lm.bin"]
    (folder / "model.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match="only a bundle with a language model can adapt"):
        adapt(Bundle.open(folder), tmp_path, tmp_path / "adapted")


def test_the_figure_compares_what_is_read_with_the_texts() -> None:
    bundle = Bundle.open()
    blank = np.full((48, 200), 255, np.uint8)
    assert (
        difference(onnx_frames(bundle.recognizer), [ReadLine(blank, "four", 1.0)], Alphabet(bundle.model.alphabet))
        == 1.0
    )
