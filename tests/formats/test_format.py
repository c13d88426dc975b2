import csv
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from inkread.document import Document
from inkread.errors import OutputError
from inkread.formats import FORMATS, read_document, save
from inkread.io.images import PageImage


def test_the_formats_of_the_command_line() -> None:
    assert {name: item.suffix for name, item in FORMATS.items()} == {
        "txt": ".txt",
        "json": ".json",
        "alto": ".alto.xml",
        "page": ".page.xml",
        "hocr": ".hocr",
        "csv": ".csv",
        "pdf": ".pdf",
    }


def test_a_spreadsheet_program_opens_tables_as_tables(sample: Document, tmp_path: Path) -> None:
    (path,) = save(sample, [], FORMATS["csv"], tmp_path, "sums")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["Zoé & <Élan>"],
        ["a line without words"],
        ["upwards"],
        ["Coal\nand wood", "", "3 10"],
        ["Tea", "", ""],
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_one_page_is_one_file(sample: Document, scan: PageImage, tmp_path: Path, name: str) -> None:
    item = FORMATS[name]
    paths = save(sample, [scan], item, tmp_path / "new" / "folder", "letter.v2")
    assert paths == [tmp_path / "new" / "folder" / f"letter.v2{item.suffix}"]
    assert [path.name for path in paths[0].parent.iterdir()] == [paths[0].name]
    stream = BytesIO()
    item.write(sample, [scan], stream)
    assert len(stream.getvalue()) == paths[0].stat().st_size > 0


@pytest.mark.parametrize("name", FORMATS)
def test_several_pages(sample: Document, scan: PageImage, tmp_path: Path, name: str) -> None:
    item = FORMATS[name]
    paths = save(Document(sample.pages * 2), [scan, scan], item, tmp_path, "book")
    stems = ["book_0001", "book_0002"] if item.per_page else ["book"]
    assert [path.name for path in paths] == [f"{stem}{item.suffix}" for stem in stems]
    assert all(path.is_file() for path in paths)


def test_only_the_pdf_asks_for_images(sample: Document, scan: PageImage, tmp_path: Path) -> None:
    """Writing text for a thousand pages must not load them again."""

    images = iter([scan])
    for item in FORMATS.values():
        if item.name != "pdf":
            save(sample, images, item, tmp_path, "a")
    assert next(images) is scan


@pytest.mark.parametrize("name", ["alto", "page"])
def test_formats_of_one_page_refuse_several(sample: Document, name: str) -> None:
    with pytest.raises(OutputError, match="2 pages"):
        FORMATS[name].write(Document(sample.pages * 2), [], BytesIO())


def test_a_finished_file_is_replaced_whole(sample: Document, tmp_path: Path) -> None:
    (path,) = save(Document(sample.pages), [], FORMATS["json"], tmp_path, "a")
    save(sample, [], FORMATS["json"], tmp_path, "a")
    assert read_document(path) == sample


def test_what_was_there_survives_a_failure(sample: Document, tmp_path: Path) -> None:
    """A full disk or a lost page must not leave half a file under a good name."""
    (tmp_path / "a.pdf").write_text("old")
    with pytest.raises(ValueError, match="shorter"):
        save(sample, [], FORMATS["pdf"], tmp_path, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_text() == "old"


def test_a_place_that_cannot_be_written_is_named(sample: Document, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"a\.txt: cannot be written"):
        save(sample, [], FORMATS["txt"], tmp_path / "file", "a")


@pytest.fixture
def read(sample: Document, scan: PageImage, tmp_path: Path) -> Document:
    """The sample, from an image that is there."""
    image = tmp_path / "scan.png"
    Image.fromarray(scan.pixels).save(image)
    return Document(tuple(replace(page, source=str(image), index=0) for page in sample.pages), sample.provenance)


@pytest.mark.parametrize("name", FORMATS)
def test_the_suffix_says_what_is_saved(read: Document, tmp_path: Path, name: str) -> None:
    item = FORMATS[name]
    (path,) = read.save(tmp_path / "new" / f"letter{item.suffix}")
    assert path == tmp_path / "new" / f"letter{item.suffix}"
    (other,) = read.save(str(tmp_path / "any.name"), name)
    assert other == tmp_path / "any.name"
    if name in ("txt", "json", "csv"):
        assert path.read_bytes() == other.read_bytes()
    else:
        assert abs(path.stat().st_size - other.stat().st_size) < 100 < other.stat().st_size


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_document_is_the_same_bytes(
    read: Document, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, second = (read.save(tmp_path / number / "letter", name)[0].read_bytes() for number in ("1", "2"))
    assert first == second
    assert (b"2023-11-14T22:13:20" in first) == (name in ("alto", "page"))


def test_each_page_is_saved_under_a_name_of_its_own(read: Document, tmp_path: Path) -> None:
    paths = Document(read.pages * 2).save(tmp_path / "book.page.xml")
    assert [path.name for path in paths] == ["book_0001.page.xml", "book_0002.page.xml"]


def test_a_suffix_without_a_format_is_explained(read: Document, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"letter\.xml: the suffix names no format, write one of \.txt, .* format="):
        read.save(tmp_path / "letter.xml")
    with pytest.raises(OutputError, match="docx is no format, take one of txt"):
        read.save(tmp_path / "letter.xml", "docx")
    assert not list(tmp_path.glob("letter*"))


def test_a_pdf_takes_the_images_it_is_given(sample: Document, scan: PageImage, read: Document, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a PDF shows the images of the pages, and .*: give them with images="):
        sample.save(tmp_path / "letter.pdf")
    with pytest.raises(OutputError, match="number or size differ"):
        sample.save(tmp_path / "letter.pdf", images=scan.pixels[:-1])
    with pytest.raises(OutputError, match="number or size differ"):
        Document(sample.pages * 2).save(tmp_path / "letter.pdf", images=scan.pixels)
    assert sample.save(tmp_path / "letter.pdf", images=scan.pixels) == [tmp_path / "letter.pdf"]
    (again,) = read.save(tmp_path / "again.pdf")
    assert abs(again.stat().st_size - (tmp_path / "letter.pdf").stat().st_size) < 200
