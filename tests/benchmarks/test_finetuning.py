"""A writer who is measured on the lines that were learnt looks better read than he is."""

from pathlib import Path

import numpy as np

from finetuning import page_of, take_pages
from inkread.data.dataset import Sample
from inkread.data.store import LineStore, write_store
from inkread.document import Line, Page, Region
from inkread.formats.page import dump


def written(folder: Path, name: str, lines: int) -> None:
    """A transcribed page without an image."""
    box = ((0.0, 0.0), (90.0, 0.0), (90.0, 90.0), (0.0, 90.0))
    rows = tuple(Line(f"l{number}", ((0.0, 50.0), (90.0, 50.0)), box, "tea") for number in range(lines))
    (folder / f"{name}.xml").write_bytes(dump(Page(90, 90, (Region("r", box, rows),), f"{name}.png")))


def line(page: str) -> Sample:
    """The first line of a page in a store that was cut from a dataset."""
    return Sample(f"letters/page/{page}#0000", f"{page}.png", "tea", "line", "letters", page)


def test_the_lines_of_the_pages_that_were_learnt_are_not_measured(tmp_path: Path) -> None:
    for name in ("a_1", "a_2", "b_1"):
        written(tmp_path, name, 3)
    lines, learnt = take_pages(tmp_path, 4, tmp_path / "taken")
    assert lines == 6
    assert set(learnt) == {"a_1", "a_2"}
    assert {path.name for path in (tmp_path / "taken").iterdir()} == {"a_1.xml", "a_2.xml"}
    image = np.zeros((48, 20), np.uint8)
    kept = [(line(page), image + mark) for mark, page in enumerate(("a_1", "b_1"))]
    store = LineStore.open(write_store(tmp_path / "val", kept)).where(lambda line: page_of(line) not in learnt)
    assert [line.sample_id for line in store.lines] == ["letters/page/b_1#0000"]
    assert store.image(0).max() == 1, "each line keeps its own image"
