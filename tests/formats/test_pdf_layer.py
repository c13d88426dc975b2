"""A PDF that is read keeps all that it has; text is added where a viewer shows it."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image

from inkread.document import Document, Line, Page, Polygon, Region, Word
from inkread.formats.pdf_layer import PdfText, add_text_layer
from inkread.formats.writing import save_as
from inkread.io.inputs import load_pages, load_readable_pages
from inkread.io.pdf import maker_of_pdf

pytestmark = pytest.mark.case
INVISIBLE = "BT /F 12 Tf 3 Tr 30 30 Td (oldlayer) Tj T* (more) ' ET"
VISIBLE = "BT /F 24 Tf 0 Tr 30 30 Td (printed) Tj ET"


def scan_pdf(path: Path, *, contents: tuple[str, ...] = ("",), rotate: int = 0, crop: bool = False) -> Path:
    """Pages of 400 x 200 points with a grey scan and what ``contents`` say, with a link, a bookmark and a title."""
    pdf = pikepdf.new()
    pixels = np.random.default_rng(0).integers(180, 250, (800, 1600), dtype=np.uint8)
    jpeg = BytesIO()
    Image.fromarray(pixels).save(jpeg, "JPEG", quality=90)
    image = pdf.make_stream(jpeg.getvalue(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image)
    image.Width, image.Height, image.BitsPerComponent = 1600, 800, 8
    image.ColorSpace, image.Filter = pikepdf.Name.DeviceGray, pikepdf.Name.DCTDecode
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=image), Font=pikepdf.Dictionary(F=font))
    for content in contents:
        page = pdf.add_blank_page(page_size=(400, 200))
        page.obj.Resources, page.obj.Rotate = resources, rotate
        # the last cm is not taken back, as many programs leave it
        page.obj.Contents = pdf.make_stream(f"q 400 0 0 200 0 0 cm /Im Do Q {content} 2 0 0 2 5 5 cm".encode())
        if crop:
            page.obj.CropBox = pikepdf.Array([40, 20, 380, 190])
        link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 50, 50])
        link.A = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://example.org")
        page.obj.Annots = pikepdf.Array([pdf.make_indirect(link)])
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Letters", 0))
    pdf.docinfo["/Title"], pdf.docinfo["/Creator"] = "My scans", "Scanner 3000"
    pdf.save(path)
    return path


def box(left: float, top: float, right: float, bottom: float) -> Polygon:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def reading(path: Path, text: str = "garden", *, place: tuple[float, float] = (0.25, 0.5)) -> Document:
    """One word on each page, at a share of its width and height."""
    pages = []
    for image in load_pages(path):
        x, y = place[0] * image.width, place[1] * image.height
        outline = box(x, y - 30, x + 120, y + 10)
        line = Line("l", ((x, y), (x + 120, y)), outline, text, words=(Word(text, outline),))
        pages.append(
            Page(image.width, image.height, (Region("r", outline, (line,)),), str(path), image.index, dpi=image.dpi)
        )
    return Document(tuple(pages))


def layered(path: Path, document: Document, *, text: PdfText = "skip", upright: bool = False) -> bytes:
    stream = BytesIO()
    images = load_readable_pages(path) if text == "force" else ()
    add_text_layer(path, document, stream, text=text, upright=upright, images=images)
    return stream.getvalue()


def texts(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [str(page.get_textpage().get_text_range()).strip() for page in document]


def test_all_that_the_pdf_has_stays_and_little_is_added(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf", contents=("",) * 3)
    data = layered(path, reading(path))
    assert texts(data) == ["garden"] * 3
    assert len(data) < 1.05 * path.stat().st_size
    with pikepdf.open(BytesIO(data)) as pdf, pikepdf.open(path) as before:
        assert str(pdf.docinfo["/Title"]) == "My scans"
        assert str(pdf.docinfo["/Creator"]) == "Scanner 3000"
        assert [str(page.Annots[0].A.URI) for page in pdf.pages] == ["https://example.org"] * 3
        with pdf.open_outline() as outline:
            assert [item.title for item in outline.root] == ["Letters"]
        image, old = (each.pages[0].Resources.XObject.Im.read_raw_bytes() for each in (pdf, before))
        assert image == old
        assert pdf.check_pdf_syntax() == []
    before_it, after_it = (next(load_pages(content)).pixels for content in (path.read_bytes(), data))
    assert np.array_equal(before_it, after_it)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [False, True])
def test_words_stand_where_a_viewer_shows_them(tmp_path: Path, rotate: int, crop: bool) -> None:
    path = scan_pdf(tmp_path / "a.pdf", rotate=rotate, crop=crop)
    document = reading(path)
    wanted = document.pages[0].lines[0].baseline
    with pypdfium2.PdfDocument(layered(path, document)) as pdf:
        page = pdf[0]
        text = page.get_textpage()
        scale = document.pages[0].width / page.get_width()
        left, bottom, right, top = text.get_rect(0) if text.count_rects(0, 6) else (0, 0, 0, 0)
        bitmap = page.render(scale=scale)
        converter = bitmap.get_posconv(page)
        corners = [converter.to_bitmap(x, y) for x, y in ((left, bottom), (right, top), (left, top), (right, bottom))]
    xs, ys = zip(*corners, strict=True)
    assert min(xs) == pytest.approx(wanted[0][0], abs=6)
    assert max(xs) == pytest.approx(wanted[1][0], abs=6)
    assert min(ys) - 6 < wanted[0][1] < max(ys) + 6
    assert max(ys) - min(ys) < max(xs) - min(xs)


def test_pages_with_text_are_left_as_they_are(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf", contents=("", INVISIBLE, VISIBLE))
    assert texts(layered(path, reading(path))) == ["garden", "oldlayer more", "printed"]


def test_an_earlier_layer_is_replaced_on_request(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf", contents=("", INVISIBLE, VISIBLE, VISIBLE + INVISIBLE))
    found = texts(layered(path, reading(path), text="redo"))
    assert found[:3] == ["garden", "garden", "printed"]
    assert sorted(found[3].split()) == ["garden", "printed"]


def test_an_own_layer_is_replaced_and_does_not_grow(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf")
    first, again = tmp_path / "first.pdf", tmp_path / "again.pdf"
    first.write_bytes(layered(path, reading(path)))
    again.write_bytes(layered(first, reading(first, "orchard"), text="redo"))
    assert texts(again.read_bytes()) == ["orchard"]


def test_pages_are_replaced_by_their_image_on_request(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf", contents=("", INVISIBLE), rotate=90)
    data = layered(path, reading(path), text="force")
    assert texts(data) == ["garden", "garden"]
    before, after = (next(load_pages(content)).grey.astype(int) for content in (path.read_bytes(), data))
    assert before.shape == after.shape
    with pikepdf.open(BytesIO(data)) as pdf:
        assert len(pdf.pages[1].Annots) == 1
    second = list(load_pages(data))[1].grey.astype(int)
    assert np.abs(second - before).mean() < 12


@pytest.mark.parametrize(("rotate", "orientation"), [(0, 90), (90, 270), (180, 180)])
def test_pages_are_turned_upright_on_request_only(tmp_path: Path, rotate: int, orientation: int) -> None:
    path = scan_pdf(tmp_path / "a.pdf", rotate=rotate)
    document = reading(path)
    turned = Document(tuple(Page(p.width, p.height, p.regions, p.source, p.index, orientation) for p in document.pages))
    for upright, degrees in ((False, rotate), (True, (rotate + orientation) % 360)):
        with pikepdf.open(BytesIO(layered(path, turned, upright=upright))) as pdf:
            assert pdf.pages[0].obj.get("/Rotate", 0) == degrees


def test_pages_that_could_not_be_read_stay(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf", contents=("",) * 3)
    document = reading(path)
    assert texts(layered(path, Document((document.pages[0], document.pages[2])))) == ["garden", "", "garden"]


def test_the_library_keeps_the_pdf_too_and_a_result_is_known_as_one(tmp_path: Path) -> None:
    path = scan_pdf(tmp_path / "a.pdf")
    [written] = save_as(reading(path), tmp_path / "out" / "a.pdf")
    with pikepdf.open(written) as pdf, written.open("rb") as stream:
        assert str(pdf.docinfo["/Title"]) == "My scans"
        assert maker_of_pdf(stream).startswith("inkread")
