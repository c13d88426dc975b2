import shutil
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.formats import read_layout
from inkread.io.inputs import load_pages
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.decoding import greedy
from inkread.recognition.line_images import cut_lines
from inkread.recognition.recognizer import MAX_WIDTH, WIDE, WIDTH_STEP, Recognizer, padded_width
from inkread.runtime import Workers

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer(Bundle.open(), Workers(1))


def strips(*widths: int) -> list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (48, width), dtype=np.uint8) for width in widths]


def test_frames_are_normalised_log_probabilities_one_a_stride(recognizer: Recognizer) -> None:
    model = Bundle.open().model
    (frames,) = recognizer(strips(400))
    assert frames.shape == (-(-400 // model.input.stride), len(model.alphabet) + 1)
    assert np.allclose(np.exp(frames).sum(axis=1), 1, atol=1e-3)


def test_a_line_reads_the_same_in_any_company(recognizer: Recognizer) -> None:
    several = strips(300, 310, 90, 700)
    together = recognizer(several)
    for index, strip in enumerate(several):
        assert np.allclose(recognizer([strip])[0], together[index], atol=1e-3)


def test_threads_change_nothing_but_the_order() -> None:
    several = strips(300, 90, 700, 310, 1500, 60)
    alone = Recognizer(Bundle.open(), Workers(1))(several)
    beside = dict(Recognizer(Bundle.open(), Workers(3)).each(several))
    assert sorted(beside) == list(range(len(several)))
    assert all(np.array_equal(beside[index], alone[index]) for index in beside)
    assert next(iter(beside)) == 4  # the widest first, so that no thread is left with it at the end


@pytest.mark.parametrize(("width", "most"), [(WIDE, 3), (WIDE + 1, 1)])
def test_wide_strips_are_read_one_at_a_time(width: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their memory would grow with the number of threads."""
    wide = Recognizer(Bundle.open(), Workers(3))
    running, seen, lock, together = 0, 0, threading.Lock(), threading.Barrier(3)

    def run(_: None, inputs: dict[str, Any]) -> list[Any]:
        nonlocal running, seen
        with lock:
            running += 1
            seen = max(seen, running)
        with suppress(threading.BrokenBarrierError):
            together.wait(30 if most == 3 else 0.2)  # the three meet, or nobody comes
        with lock:
            running -= 1
        (batch,) = inputs.values()
        return [np.zeros((len(batch), batch.shape[3] // 4, 2), np.float32)]

    session = SimpleNamespace(run=run)
    monkeypatch.setattr(wide, "_session", SimpleNamespace(get=lambda: session))
    assert len(wide(strips(width, width, width))) == 3
    assert seen == most


@pytest.mark.case
@pytest.mark.parametrize("more", [-1, 0, 1, 500, 2 * MAX_WIDTH])
def test_the_narrowest_and_the_widest_strips_are_read_to_their_end(recognizer: Recognizer, more: int) -> None:
    narrow, wide = recognizer(strips(1, MAX_WIDTH + more))
    stride = Bundle.open().model.input.stride
    assert len(narrow) == 1
    assert len(wide) * stride == pytest.approx(MAX_WIDTH + more, abs=2 * stride)


@pytest.mark.case
def test_a_line_longer_than_the_network_takes_is_read_as_its_parts_are() -> None:
    """Every part of a long line is read, and nothing twice where the parts overlap."""
    page = next(load_pages(EXAMPLES / "letter.png")).grey
    strips = [strip.image for strip in cut_lines(page, read_layout(EXAMPLES / "letter.xml").lines[2:8])] * 3
    reader, alphabet = Recognizer(Bundle.open(), Workers(1)), Alphabet(Bundle.open().model.alphabet)
    long = np.concatenate(strips, axis=1)
    assert long.shape[1] > 1.5 * MAX_WIDTH
    (frames,) = reader([long])
    parts = "".join(greedy(part, alphabet).text for part in reader(strips))
    assert Levenshtein.normalized_distance(greedy(frames, alphabet).text, parts) < 0.06


def test_no_strips_give_no_frames(recognizer: Recognizer) -> None:
    assert recognizer([]) == []


def test_padding_is_less_than_a_step() -> None:
    assert all(0 <= padded_width(width) - width < WIDTH_STEP for width in range(64, 1000))


def test_an_alphabet_of_another_network_is_refused(tmp_path: Path) -> None:
    bundle = Bundle.open()
    shutil.copy(bundle.recognizer, tmp_path / "recognizer.onnx")
    model = bundle.model.model_copy(update={"alphabet": "abc"})
    (tmp_path / "model.json").write_text(model.model_dump_json(), encoding="utf-8")
    with pytest.raises(BundleError, match="the alphabet asks for 4"):
        Recognizer(Bundle.open(tmp_path))
