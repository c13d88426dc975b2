"""PDF/A for archives: what is asked for is there, and a PDF that cannot be made that is refused with the reason."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream
from PIL import Image, ImageCms

from inkread.errors import OutputError
from inkread.formats import pdf as image_pdf
from inkread.formats.pdf_archive import make_archival
from inkread.formats.pdf_layer import add_text_layer
from inkread.io.inputs import load_pages
from tests.formats.test_pdf_layer import reading, scan_pdf

pytestmark = pytest.mark.case


def scan(path: Path) -> Path:
    """A PDF as scanners write it: with a title, a link and a bookmark, and without fonts."""
    scan_pdf(path)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        del pdf.pages[0].obj.Resources.Font
        pdf.pages[0].obj.Resources.XObject.Im.Interpolate = True
        pdf.save(path)
    return path


def check(data: bytes) -> None:
    """What a validator of PDF/A-2b looks at, as far as it concerns scans with a layer of text."""
    assert data.startswith(b"%PDF-1.")
    assert data[9] == ord("%")
    assert all(byte > 127 for byte in data[10:14]), "a comment says that the file is binary"
    assert data.rstrip().endswith(b"%%EOF")
    with pikepdf.open(BytesIO(data)) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert not pdf.is_encrypted
        assert len(pdf.trailer.ID) == 2
        (intent,) = list(pdf.Root.OutputIntents)
        assert intent.S == Name.GTS_PDFA1
        profile = intent.DestOutputProfile
        assert profile.N == 3
        assert ImageCms.ImageCmsProfile(BytesIO(profile.read_bytes())).profile.xcolor_space == "RGB "
        assert Name.Filter not in pdf.Root.Metadata, "XMP can be found without a reader of PDF"
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "2B"
            if Name.Title in pdf.docinfo:
                assert metadata["dc:title"] == str(pdf.docinfo.Title)
            if Name.Creator in pdf.docinfo:
                assert metadata["xmp:CreatorTool"] == str(pdf.docinfo.Creator)
        for item in pdf.objects:
            if not isinstance(item, Dictionary | Stream):
                continue
            assert not item.get(Name.Interpolate, False)
            if item.get(Name.Subtype) == Name.CIDFontType2:
                assert Name.FontFile2 in item.FontDescriptor
                assert Name.CIDToGIDMap in item
            if item.get(Name.Type) == Name.Annot:
                assert int(item.F) & 4


@pytest.mark.parametrize("colour", ["L", "RGB", "1"])
def test_images_become_pdf_a(tmp_path: Path, colour: str) -> None:
    path = tmp_path / "a.tif"
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 90), np.uint8)).convert(colour)
    image.save(path, save_all=True, append_images=[image] * 9)
    stream = BytesIO()
    image_pdf.write(reading(path), load_pages(path), stream, archival=True)
    check(stream.getvalue())
    again = BytesIO()
    image_pdf.write(reading(path), load_pages(path), again, archival=True)
    assert again.getvalue() == stream.getvalue()


def test_a_scan_becomes_pdf_a_with_its_text_links_and_bookmarks(tmp_path: Path) -> None:
    path, stream = scan(tmp_path / "a.pdf"), BytesIO()
    add_text_layer(path, reading(path), stream, archival=True)
    check(stream.getvalue())
    with pikepdf.open(stream) as pdf, pdf.open_outline() as outline:
        assert outline.root[0].title == "Letters"
        assert str(pdf.pages[0].Annots[0].A.URI) == "https://example.org"
        assert str(pdf.docinfo.Title) == "My scans"
    with pypdfium2.PdfDocument(stream.getvalue()) as document:
        assert "garden" in document[0].get_textpage().get_text_range()


def note(pdf: Pdf, **entries: Any) -> None:
    pdf.pages[0].obj.Annots.append(Dictionary(Type=Name.Annot, Rect=[1, 1, 9, 9], **entries))


def content(pdf: Pdf, operators: bytes) -> None:
    pdf.pages[0].contents_add(operators)


OBSTACLES: dict[str, Callable[[Pdf], object]] = {
    "its font Helvetica is not embedded": lambda pdf: pdf.pages[0].add_resource(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica), Name.Font
    ),
    "it has attached files": lambda pdf: pdf.attachments.__setitem__("a.txt", b"text"),
    "it runs actions, such as scripts": lambda pdf: pdf.Root.__setattr__(
        "OpenAction", Dictionary(S=Name.JavaScript, JS="app.beep()")
    ),
    "it has CMYK colours without a profile": lambda pdf: content(pdf, b" 0 0 0 1 k"),
    "it has layers": lambda pdf: pdf.Root.__setattr__("OCProperties", Dictionary()),
    "its form fields have no fixed appearance": lambda pdf: pdf.Root.__setattr__(
        "AcroForm", Dictionary(Fields=Array([]), NeedAppearances=True)
    ),
    "page 1 has a note or form field without an appearance": lambda pdf: note(pdf, Subtype=Name.Text),
    "page 1 has a hidden note or form field": lambda pdf: note(pdf, Subtype=Name.Link, F=2),
    "page 1 has sound, film or a model in space": lambda pdf: note(pdf, Subtype=Name.Movie),
}


@pytest.mark.parametrize("reason", OBSTACLES)
def test_what_cannot_be_pdf_a_is_refused_in_one_sentence(tmp_path: Path, reason: str) -> None:
    path = scan(tmp_path / "a.pdf")
    with pikepdf.open(path) as pdf:
        OBSTACLES[reason](pdf)
        with pytest.raises(OutputError) as error:
            make_archival(pdf)
    assert str(error.value) == f"it cannot be made PDF/A: {reason}; leave out --pdf-a"


def test_colours_of_an_image_count(tmp_path: Path) -> None:
    path = scan(tmp_path / "a.pdf")
    with pikepdf.open(path) as pdf:
        pdf.pages[0].obj.Resources.XObject.Im.ColorSpace = Array([Name.Indexed, Name.DeviceCMYK, 0, b"\0\0\0\0"])
        with pytest.raises(OutputError, match="CMYK"):
            make_archival(pdf)


def test_an_output_intent_that_is_there_stays(tmp_path: Path) -> None:
    with pikepdf.open(scan(tmp_path / "a.pdf")) as pdf:
        make_archival(pdf)
        pdf.Root.OutputIntents[0].Info = "mine"
        make_archival(pdf)
        assert [str(each.Info) for each in pdf.Root.OutputIntents] == ["mine"]
