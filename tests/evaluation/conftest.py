"""Transcribed pages, and a reader whose mistakes are known."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inkread.document import Line, Page, Region
from inkread.evaluation.compare import PageReader
from inkread.evaluation.sources import Source, open_sources
from inkread.formats import page as page_format
from inkread.formats import read_layout
from inkread.io.inputs import PageImage

MakeReader = Callable[..., PageReader]
TEXTS = {
    "letter_1": ["My dear Sir,", "the plants came safe", "and in good order."],
    "letter_2": ["Yours truly", "", "J. D. H."],
    "note_1": ["Kew, 3 May"],
}


class RecitingReader:
    """Knows every page by its file name and reads its lines as ``change`` says."""

    def __init__(
        self, source: Source, change: Callable[[Line], Line] = lambda line: line, *, backwards: bool = False
    ) -> None:
        self._pages = {page.image.name: read_layout(page.layout) for page in source.pages}
        self._change = change
        self._step = -1 if backwards else 1

    def read_pages(self, pages: Iterable[PageImage], layouts: Iterable[Page | None] | None = None) -> Iterator[Page]:
        for page, layout in zip(pages, layouts or iter(lambda: None, 0), strict=False):
            known = layout or self._pages[Path(page.source).name]
            lines = tuple(self._change(line) for line in known.lines)[:: self._step]
            yield replace(known, regions=(Region("all", (), lines),))


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Two documents on three pages in ``letters/val``, one line of them without transcription."""
    folder = tmp_path / "letters" / "val"
    folder.mkdir(parents=True)
    for stem, texts in TEXTS.items():
        lines = tuple(
            Line(f"l{i}", ((50, 100 + 80 * i), (750, 100 + 80 * i)), _box(60 + 80 * i), text)
            for i, text in enumerate(texts)
        )
        page = Page(800, 600, (Region("r1", _box(0), lines),))
        (folder / f"{stem}.xml").write_bytes(page_format.dump(page))
        Image.fromarray(np.full((600, 800), 255, np.uint8)).save(folder / f"{stem}.png")
    return folder.parent


@pytest.fixture
def source(letters: Path) -> Source:
    """The pages of ``letters``."""
    (found,) = open_sources(letters, split="val")
    return found


@pytest.fixture
def make_reader() -> MakeReader:
    """``make_reader(source, change)`` makes a ``RecitingReader``."""
    return RecitingReader


def _box(y: float) -> tuple[tuple[float, float], ...]:
    return ((50, y), (750, y), (750, y + 60), (50, y + 60))
