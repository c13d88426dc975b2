import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from inkread.document import Document, Line, Page, Region
from inkread.errors import InputNotFoundError, LayoutFileError
from inkread.formats import alto, json, page, read_document, read_layout
from inkread.formats import reading as layout_files
from inkread.formats.reading import layout_of, placements
from inkread.io.images import EXIF_ORIENTATION, UPRIGHT, from_stored
from inkread.io.inputs import load_pages, page_shape

# Lines of val in the README of the real pages.
VAL_LINES = {
    "hooker-en": 643,
    "copiste-fr": 482,
    "testaments-fr": 308,
    "mss18-fr": 819,
    "mss20-fr": 15,
    "fondue18-fr": 680,
    "peraire-fr": 182,
    "repertoires-fr": 144,
    "romance": 130,
}


@pytest.mark.parametrize("source", VAL_LINES)
def test_every_line_of_real_pages_is_read(shared_data: Path, source: str) -> None:
    """Files of Transkribus and eScriptorium are what people come with."""
    pages = [read_layout(path) for path in sorted((shared_data / source / "val").glob("*.xml"))]
    lines = [line for page_read in pages for line in page_read.lines]
    assert len(lines) == VAL_LINES[source]
    assert all(len(line.baseline) >= 2 and len(line.polygon) >= 3 for line in lines)


def test_the_content_decides(sample: Document, tmp_path: Path) -> None:
    """Files come with any name: page.xml, alto.xml, json without a suffix."""
    path = tmp_path / "file"
    first = sample.pages[0]
    for data in (json.dump(sample), alto.dump(first), page.dump(first), b"\xef\xbb\xbf" + alto.dump(first)):
        path.write_bytes(data)
        assert read_layout(path).text == sample.text
    path.write_bytes(json.dump(sample))
    assert read_document(str(path)) == sample


def test_a_file_of_several_pages_is_a_document(sample: Document, tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_bytes(json.dump(Document(sample.pages * 2)))
    assert len(read_document(path).pages) == 2
    with pytest.raises(LayoutFileError, match=r"two\.json: the file describes 2 pages"):
        read_layout(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<html/>",
        b"<alto><Layout><Page/></Layout></alto>",
        b"<PcGts><Page imageWidth='x'/></PcGts>",
        b'{"format":"inkread-document","version":1,"pages":[{"width":0,"height":5}]}',
        b'{"format":"inkread-document","version":1,"pages":[{"width":5,"height":5,"regions":'
        b'[{"id":"r","polygon":[[NaN,1]]}]}]}',
    ],
)
def test_unusable_files_are_named_in_one_sentence(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.xml"
    path.write_bytes(data)
    with pytest.raises(LayoutFileError, match=rf"^{re.escape(str(path))}: [^\n]+$"):
        read_layout(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match=r"none\.xml"):
        read_layout(tmp_path / "none.xml")
    with pytest.raises(LayoutFileError, match="cannot be read"):
        read_layout(tmp_path)


def test_a_file_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_files, "_MAX_BYTES", 2**20)
    path = tmp_path / "large.xml"
    path.write_bytes(b"<alto>" + b" " * 2**20)
    with pytest.raises(LayoutFileError, match="more than 1 MiB"):
        read_layout(path)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_never_crash(sample: Document, tmp_path: Path, data: st.DataObject) -> None:
    """A file cut off or garbled on the way is one clear line, not the end of a batch."""
    first = sample.pages[0]
    content = bytearray(data.draw(st.sampled_from([json.dump(sample), alto.dump(first), page.dump(first)])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 40))
        content[start:end] = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b"<", b"0", b"-1", b"1e9", b" "]))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        read_document(path, on_skip=lambda _: None)
    except LayoutFileError as error:
        assert "\n" not in str(error)


def written_page() -> tuple[np.ndarray, Page]:
    """An upright page of 240 x 180 pixels with three lines of different length, and where they are."""
    grey = np.full((180, 240), 230, np.uint8)
    lines = []
    for number, (top, right) in enumerate(((20, 200), (50, 170), (95, 90)), 1):
        grey[top + 6 : top + 16, 30:right:4] = 40
        box = ((30.0, float(top)), (float(right), float(top)), (float(right), top + 20.0), (30.0, top + 20.0))
        lines.append(Line(f"l{number}", ((30.0, top + 16.0), (float(right), top + 16.0)), box))
    return grey, Page(240, 180, (Region("r", ((20.0, 10.0), (210.0, 10.0), (210.0, 120.0)), tuple(lines)),))


def as_stored(upright: Page, stored: int) -> Page:
    """What a tool writes that takes the pixels as they lie in the file."""
    back = {6: 8, 8: 6}.get(stored, stored)
    return from_stored(upright, back)


@pytest.mark.case
@pytest.mark.parametrize("stored", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_layouts_of_turned_images_describe_them_upright_or_as_stored(tmp_path: Path, suffix: str, stored: int) -> None:
    """Some tools heed EXIF and some do not; either way the lines lie on the writing that a viewer shows."""
    grey, upright = written_page()
    undo = {6: 8, 8: 6}.get(stored, stored)
    image = Image.fromarray(grey)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = stored
    path = tmp_path / f"p.{suffix}"
    (image.transpose(UPRIGHT[undo]) if stored > 1 else image).save(path, exif=exif)
    shown = next(load_pages(path))
    assert (shown.stored, shown.width, shown.height) == (stored, 240, 180)
    assert page_shape(path) == ((240, 180), stored)
    assert np.abs(shown.grey.astype(int) - grey).mean() < 5
    for name, described in (("upright", upright), ("stored", as_stored(upright, stored))):
        layout = tmp_path / f"{name}.xml"
        layout.write_bytes(page.dump(described))
        found = layout_of(layout, shown)
        assert (found.width, found.height) == (240, 180), name
        assert [line.baseline for line in found.lines] == [line.baseline for line in upright.lines], name
        assert [set(line.polygon) for line in found.lines] == [set(line.polygon) for line in upright.lines], name


def test_a_layout_of_another_shape_is_refused_however_the_image_lies() -> None:
    with pytest.raises(LayoutFileError, match="another shape"):
        placements(Page(100, 30), (240, 180), 6, "p.xml")
