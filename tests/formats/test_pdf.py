import shutil
import subprocess
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from inkread.document import Document, Line, Page, Region, Word
from inkread.formats import pdf, read_layout
from inkread.formats.geometry import box_of
from inkread.io.images import PageImage, Pixels, turn
from inkread.io.inputs import load_pages


def written(document: Document, images: Iterable[PageImage]) -> bytes:
    stream = BytesIO()
    pdf.write(document, images, stream)
    return stream.getvalue()


def blank(page: Page) -> PageImage:
    return PageImage(np.full((page.height, page.width), 200, np.uint8), page.source, page.index, page.dpi)


def page_of(*lines: Line) -> Page:
    return Page(600, 400, (Region("r", (), lines),), dpi=100)


def text_of(data: bytes, page: int = 0) -> str:
    with pypdfium2.PdfDocument(data) as document:
        return str(document[page].get_textpage().get_text_range())


def found_boxes(data: bytes, needle: str, scale: float) -> list[tuple[float, float, float, float]]:
    """Where a viewer highlights what it found, in page pixels: left, top, right, bottom."""
    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        height = page.get_height()
        text = page.get_textpage()
        search = text.search(needle, match_case=True, match_whole_word=True)
        boxes = []
        while hit := search.get_next():
            rects = [text.get_rect(index) for index in range(text.count_rects(*hit))]
            lefts, bottoms, rights, tops = zip(*rects, strict=True)
            boxes.append(
                (min(lefts) * scale, (height - max(tops)) * scale, max(rights) * scale, (height - min(bottoms)) * scale)
            )
        return boxes


def test_words_are_found_where_they_are_written(sample: Document, scan: PageImage) -> None:
    """Search highlights the wrong place otherwise; also on lines that run upwards."""
    data = written(sample, [scan])
    for line in sample.pages[0].lines:
        for word in line.words:
            (found,) = found_boxes(data, word.text, 150 / 72)
            assert found == pytest.approx(box_of(word.polygon), abs=15), word.text


def test_text_comes_in_reading_order_with_spaces(sample: Document, scan: PageImage) -> None:
    text = text_of(written(sample, [scan]))
    assert text.split() == sample.text.split()
    assert "a line without words" in text


def test_words_that_touch_keep_their_space() -> None:
    words = (Word("in", ((100, 60), (160, 60), (160, 100), (100, 100))), Word("to", ((155, 60), (200, 60), (200, 100))))
    page = page_of(Line("l", ((100, 90), (200, 90)), (), "in to", words=words))
    assert text_of(written(Document((page,)), [blank(page)])).strip() == "in to"


def test_the_page_looks_like_the_scan(sample: Document, scan: PageImage) -> None:
    data = written(sample, [scan])
    with pypdfium2.PdfDocument(data) as document:
        image = document[0].render(scale=150 / 72, grayscale=True).to_numpy()
    assert image.shape == scan.pixels.shape
    assert np.abs(image.astype(int) - scan.pixels).mean() < 3


@pytest.mark.parametrize(("dpi", "size"), [(100.0, (432, 288)), (None, (216, 144)), (1.0, (216, 144))])
def test_paper_has_its_true_size(dpi: float | None, size: tuple[float, float]) -> None:
    page = replace(page_of(), dpi=dpi)
    with pypdfium2.PdfDocument(written(Document((page,)), [blank(page)])) as document:
        assert document[0].get_size() == size


def test_huge_pages_stay_within_what_a_pdf_may_measure() -> None:
    page = Page(30_000, 2, dpi=72)
    with pypdfium2.PdfDocument(written(Document((page,)), [blank(page)])) as document:
        assert document[0].get_width() == pytest.approx(14_400)


@pytest.mark.case
@pytest.mark.parametrize("height", [14_401, 14_407, 14_414, 14_417])
def test_no_rounding_error_carries_a_page_beyond_that_limit(height: int) -> None:
    page = Page(10, height, dpi=72.0)
    with pikepdf.open(BytesIO(written(Document((page,)), [blank(page)]))) as document:
        assert document.pages[0].MediaBox[3] <= 14_400


def test_a_viewer_shows_title_and_maker(sample: Document, scan: PageImage) -> None:
    with pikepdf.open(BytesIO(written(sample, [scan]))) as document:
        assert document.docinfo["/Title"] == "letter"
        assert document.docinfo["/Creator"] == "inkread 0.1.0"
        assert document.check_pdf_syntax() == []


def test_many_pages_keep_their_order_and_are_held_one_by_one() -> None:
    """A thousand pages held at once would not fit into memory."""
    pages = [replace(page_of(Line("l", ((10, 90), (200, 90)), (), f"page{index}")), index=index) for index in range(20)]
    pixels: list[weakref.ref[Pixels]] = []

    def images() -> Iterator[PageImage]:
        for page in pages:
            image = blank(page)
            pixels.append(weakref.ref(image.pixels))
            yield image
            del image
            assert sum(reference() is not None for reference in pixels) <= 1

    data = written(Document(tuple(pages)), images())
    assert len(pixels) == 20
    assert [text_of(data, index).strip() for index in range(20)] == [f"page{index}" for index in range(20)]
    with pikepdf.open(BytesIO(data)) as document:
        assert document.check_pdf_syntax() == []


def test_pages_and_images_must_match(sample: Document) -> None:
    with pytest.raises(ValueError, match="shorter"):
        written(sample, [])


def test_a_document_without_pages_is_a_pdf() -> None:
    with pikepdf.open(BytesIO(written(Document(), []))) as document:
        assert len(document.pages) == 0


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_can_be_written(documents: st.SearchStrategy[Document], scan: PageImage, data: st.DataObject) -> None:
    document = data.draw(documents)
    with pikepdf.open(BytesIO(written(document, [scan]))) as result:
        assert result.check_pdf_syntax() == []


@pytest.mark.parametrize("text", ["Zoé", "naïve œuvre", "ſtraße", "⁊c", "𐍈𐌰", "Ωμέγα"])
def test_text_of_any_script_is_copied(text: str) -> None:
    page = page_of(Line("l", ((10, 90), (500, 90)), (), text))
    assert text_of(written(Document((page,)), [blank(page)])).strip() == text


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
@pytest.mark.parametrize("options", [[], ["-raw"], ["-layout"]])
def test_pdftotext_finds_real_lines(shared_data: Path, tmp_path: Path, options: list[str]) -> None:
    """The tool that archives index with."""
    layout = sorted((shared_data / "hooker-en" / "val").glob("*.xml"))[0]
    page = read_layout(layout)
    with Image.open(layout.with_suffix(".webp")) as picture:
        pixels = np.asarray(picture.convert("L"), np.uint8)
    file = tmp_path / "letter.pdf"
    file.write_bytes(written(Document((page,)), [PageImage(pixels)]))
    run = subprocess.run(["pdftotext", *options, file, "-"], check=True, capture_output=True, text=True)
    assert run.stderr == ""
    assert run.stdout.split() == page.text.split()


@pytest.mark.case
@pytest.mark.parametrize("orientation", [0, 90, 180, 270])
def test_a_page_that_lay_on_its_side_is_shown_upright(orientation: int) -> None:
    grey = np.full((60, 40), 255, np.uint8)
    grey[:10, :10] = 0
    page = Page(40, 60, orientation=orientation, dpi=72.0)
    data = written(Document((page,)), [PageImage(grey)])
    [shown] = load_pages(data)
    upright = turn(grey, orientation)
    assert (shown.height, shown.width) == upright.shape
    assert np.abs(shown.grey.astype(int) - upright).max() < 40
