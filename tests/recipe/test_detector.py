from pathlib import Path

import numpy as np
import pytest
import torch

from inkread.bundle import Bundle
from inkread.document import Polyline
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.layout import Analyser
from inkread.layout.detector import Detector, TextMap
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts
from recipe.detector import OnnxGraph, Sampler, loss, train
from recipe.print_pages import printed_page
from recipe.ribbons import Crop, Example, facing, ribbons, show_through

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def detector() -> Path:
    path = Bundle.open().detector
    assert path is not None
    return path


@pytest.fixture(scope="module")
def letter(detector: Path) -> Example:
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    baselines = [line.baseline for line in read_layout(EXAMPLES / "letter.xml").lines]
    return Example.of(grey, baselines, Analyser(Detector(detector, threads=1)).look(grey)[0])


def test_torch_computes_what_onnxruntime_does(detector: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 255, (96, 128), np.uint8)
    expected = Detector(detector, threads=1)(grey, side=128).probability
    with torch.no_grad():
        logits = OnnxGraph(detector)(torch.from_numpy((grey.astype(np.float32) / 127.5 - 1)[None, None]))
    np.testing.assert_allclose(torch.sigmoid(logits)[0, 0].numpy(), expected, atol=1e-4)


def loss_on(graph: OnnxGraph, example: Example) -> float:
    crop = Sampler({"letters": [example]}, np.random.default_rng(1), side=96).draw()
    with torch.no_grad():
        logits = graph(torch.from_numpy(crop.grey / 127.5 - 1)[None, None])
    return float(loss(logits[0, 0], torch.from_numpy(crop.text), torch.from_numpy(crop.weights())))


def test_training_lowers_the_loss_and_writes_a_detector(detector: Path, letter: Example, tmp_path: Path) -> None:
    graph = OnnxGraph(detector)
    with torch.no_grad():
        for weight in graph.weights:
            weight.mul_(0.97)  # it marks too little
    first = loss_on(graph, letter)
    weights = train(graph, Sampler({"letters": [letter]}, np.random.default_rng(2), side=96), 12, lambda _: None)
    assert loss_on(graph, letter) < first
    (tmp_path / "detector.onnx").write_bytes(graph.file(weights))
    grey = np.full((96, 128), 255, np.uint8)
    marked, before = (
        Detector(path, threads=1)(grey, 128).probability for path in (tmp_path / "detector.onnx", detector)
    )
    assert marked.mean() != before.mean()


def line(y: float, left: float = 10, right: float = 190) -> Polyline:
    return ((left, y), (right, y))


def blank_map() -> TextMap:
    return TextMap(np.zeros((100, 200), np.float32), np.full((100, 200), 255, np.uint8), 1.0, 1.0)


def test_an_inserted_word_leaves_paper_between_its_ribbon_and_that_of_the_line_below() -> None:
    below, inserted = ribbons([line(60), line(46, 80, 120)], blank_map())
    bottom = (inserted.centre - inserted.up * inserted.thickness / 2)[:, 1].max()
    top = (below.centre + below.up * below.thickness / 2)[:, 1].min()
    assert bottom < top
    assert below.centre[:, 1].max() < 60


def crop(text: float) -> Crop:
    side = (64, 64)
    grey = np.full(side, 200, np.float32)
    grey[30:34] = 20
    return Crop(grey, np.full(side, text, np.float32), np.full(side, bool(text)))


def test_what_shows_through_is_darker_paper_and_no_text() -> None:
    page = crop(0)
    show_through(page, crop(1), np.random.default_rng(1))
    assert page.grey[:28].mean() == pytest.approx(200, abs=1)
    assert page.grey[32].mean() < 20
    assert not page.text.any()


def test_no_line_crosses_a_fold() -> None:
    page = crop(1)
    facing(page, crop(1), np.random.default_rng(1))
    assert (page.text.min(axis=0) == 0).sum() == 6
    assert page.text[:, 0].all()


def test_where_nobody_transcribed_anything_the_starting_detector_tells_what_to_mark(detector: Path) -> None:
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    untranscribed = Example.of(grey, [], Analyser(Detector(detector, threads=1)).look(grey)[0])
    assert untranscribed.crop(np.random.default_rng(1)).text.max() > 0.9


def test_printed_pages_are_drawn_for_their_share_and_marked_as_before(detector: Path) -> None:
    grey = printed_page(find_fonts(), read_texts(), np.random.default_rng(1))
    page = Example.of(grey, [], Analyser(Detector(detector, threads=1)).look(grey)[0])
    written = Example(np.full_like(page.grey, 255), np.zeros_like(page.marked), [])
    sampler = Sampler({"printed": [page], "letters": [written]}, np.random.default_rng(2), side=64)
    marked = [sampler.draw().text.max() > 0.5 for _ in range(60)]
    assert 0.1 < np.mean(marked) < 0.6
