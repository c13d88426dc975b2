import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from inkread.bundle import Bundle
from inkread.errors import BundleError
from inkread.io.inputs import load_pages
from inkread.layout.detector import MARGIN, STEP, TILE, Detector, _parts

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def detector() -> Detector:
    path = Bundle.open().detector
    assert path is not None
    return Detector(path, threads=1)


def test_text_is_told_from_paper(detector: Detector) -> None:
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    text_map = detector(grey, side=640)
    rows, columns = text_map.probability.shape
    assert max(rows, columns) == 640
    assert text_map.grey.shape == (rows, columns)
    assert 0.02 < (text_map.probability > 0.5).mean() < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (10, 3000), (3000, 10), (33, 47)])
def test_pages_of_any_shape_are_mapped(detector: Detector, shape: tuple[int, int]) -> None:
    text_map = detector(np.full(shape, 255, np.uint8), side=640)
    assert all(length % STEP == 0 for length in text_map.probability.shape)
    assert (text_map.probability < 0.5).all()


def test_a_network_of_another_kind_is_refused(tmp_path: Path) -> None:
    shutil.copy(Bundle.open().recognizer, tmp_path / "detector.onnx")
    with pytest.raises(BundleError, match="not a text detector"):
        Detector(tmp_path / "detector.onnx")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_the_memory_of_a_map_is_given_back(detector: Detector) -> None:
    """Otherwise it stays with the process in pieces, and the next large map takes as much again."""

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    detector(grey, side=320)
    before = resident()
    detector(grey, side=TILE)
    assert resident() - before < 60


@pytest.mark.case
def test_a_large_map_is_made_of_tiles_and_is_that_of_the_whole(
    detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory of the network grows with the map that it makes at once."""
    grey = next(load_pages(EXAMPLES / "letter.png")).grey
    whole = detector(grey, side=960).probability > 0.3
    monkeypatch.setattr("inkread.layout.detector.TILE", 512)
    tiled = detector(grey, side=960).probability > 0.3
    assert (whole & tiled).sum() / (whole | tiled).sum() > 0.9


@pytest.mark.parametrize("length", [32, 1024, 1056, 2400, 9600])
def test_tiles_cover_a_side_once_with_surroundings(length: int) -> None:
    parts = list(_parts(length))
    assert [begin for begin, *_ in parts] == [0, *(end for _, end, _ in parts[:-1])]
    assert parts[-1][1] == length
    for begin, end, tile in parts:
        assert tile % STEP == 0
        assert tile + (MARGIN - STEP if begin else 0) <= begin
        assert end <= min(tile + TILE, length) - (MARGIN - STEP if end < length else 0)
