"""Lines and words of a data set are read with the model that is measured."""

from pathlib import Path

import cv2
import pytest

from inkread.data.dataset import Sample, write_manifest
from inkread.errors import DatasetError
from inkread.evaluation.run import is_dataset, read_samples, samples_of
from inkread.io.inputs import load_pages
from inkread.reader import Reader

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    grey = next(iter(load_pages(EXAMPLES / "letter.png"))).grey
    from inkread.formats import read_layout

    line = max(read_layout(EXAMPLES / "letter.xml").lines, key=lambda line: len(line.text))
    x, y = zip(*line.polygon, strict=True)
    cv2.imwrite(str(tmp_path / "a.png"), grey[int(min(y)) : int(max(y)), int(min(x)) : int(max(x))])
    write_manifest(
        tmp_path,
        [
            Sample("a", "a.png", line.text, "line", "s", "d", "w", split="val"),
            Sample("b", "a.png", " ", "line", "s", "d", split="val"),
            Sample("c", "a.png", "x", "line", "s", "e", split="train"),
        ],
    )
    return tmp_path


def test_a_line_is_read_and_compared(dataset: Path) -> None:
    assert is_dataset(dataset)
    assert not is_dataset(EXAMPLES)
    samples = samples_of(dataset, "val")
    counted: list[int] = []
    (line,) = read_samples(Reader(language_model=False).lines, dataset, samples, lambda: counted.append(1))
    assert [sample.sample_id for sample in samples] == ["a"]
    assert len(counted) == 1
    assert sum(a == b for a, b in zip(line.read, line.written, strict=False)) > 5
    assert (line.source, line.writer, line.document) == ("s", "w", "d")
    assert len(line.words) == len(line.read.split())


def test_a_split_that_is_not_there_is_named(dataset: Path) -> None:
    with pytest.raises(DatasetError, match="split test"):
        samples_of(dataset, "test")
