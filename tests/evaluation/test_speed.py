"""Speed is that of the reader on these pages: what is timed, and what is left out, decides."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from inkread.document import Document, Line, Page, Region
from inkread.errors import InputError
from inkread.evaluation.speed import measure
from inkread.formats import page as page_format
from inkread.io.inputs import PageImage, load_pages
from inkread.reader import Reader


class SlowReader:
    """Takes as many seconds for a page as the page is hundreds of pixels wide, half of them for pages read together."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self, sources: Iterable[Path], *, on_page: Callable[[Page], None]) -> Iterator[Document]:
        for source in sources:
            pages = tuple(self._page(image, 0.5) for image in load_pages(source))
            for page in pages:
                on_page(page)
            yield Document(pages)

    def read_pages(self, pages: Iterable[PageImage]) -> Iterator[Page]:
        return (self._page(page, 1.0) for page in pages)

    def _page(self, image: PageImage, share: float) -> Page:
        self.now += share * image.width / 100
        line = Line("l", ((0, 9), (9, 9)), (), "tea")
        return Page(image.width, image.height, (Region("r", (), (line, line)),))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    slow = SlowReader()
    monkeypatch.setattr("inkread.evaluation.speed.time.perf_counter", lambda: slow.now)
    return cast(Reader, slow)


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Files of 1, 2, 3 and 4 seconds; the third has two such pages, the first is transcribed."""
    files = []
    for number in range(1, 5):
        image = Image.fromarray(np.full((40, 100 * number), 255, np.uint8))
        files.append(tmp_path / f"{number}.tif")
        image.save(files[-1], save_all=True, append_images=[image] if number == 3 else [])
    written = Line("l", ((0, 9), (9, 9)), ((0, 0), (9, 0), (9, 9)), "tea tee")
    (tmp_path / "1.xml").write_bytes(page_format.dump(Page(100, 40, (Region("r", (), (written,)),))))
    return files


def test_pages_are_timed_together_and_alone(reader: Reader, scans: list[Path]) -> None:
    seen: list[None] = []
    found = measure(reader, scans, runs=2, on_page=lambda: seen.append(None))
    assert (found.pages, found.lines, found.lines_a_page) == (5, 10, 2)
    assert found.pages_a_second == pytest.approx(5 / 6.5)
    assert found.seconds_a_page == pytest.approx((3, 3.8)), "percentiles of 1, 2, 3, 3 and 4"
    assert len(seen) == 15
    assert found.transcribed_pages == 1
    assert found.page_cer is not None
    assert found.page_cer.value == 1 / 7, "tea tea was read"


def test_what_cannot_be_read_is_left_out_or_raised(reader: Reader, scans: list[Path]) -> None:
    scans[1].write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"2\.tif"):
        measure(reader, scans)
    reasons: list[InputError] = []
    assert measure(reader, scans, on_error=reasons.append).pages == 4
    assert len(reasons) == 1
    with pytest.raises(InputError, match="none of the files"):
        measure(reader, scans[1:2], on_error=reasons.append)
