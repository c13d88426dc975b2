"""PDF pages come out as a viewer shows them, scans pixel for pixel."""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise

import numpy as np
import pikepdf
import pypdfium2
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkread.errors import DamagedInputError, EncryptedInputError, InputTooLargeError
from inkread.io.images import DEFAULT_LIMITS, Limits
from inkread.io.pdf import read_pdf

A4 = (595, 842)
SCAN = np.random.default_rng(6).integers(0, 256, (120, 90), dtype=np.uint8)


def make_pdf(
    content: str,
    *,
    size: tuple[float, float] = A4,
    images: Sequence[NDArray[np.uint8]] = (),
    rotate: int = 0,
    form: str = "",
    pages: int = 1,
    password: str = "",
) -> BytesIO:
    """A PDF whose content stream may use /Im0, /Im1, the font /F and the form /Fm (drawn by ``form``)."""
    pdf = pikepdf.new()
    named = {f"/Im{number}": _image(pdf, pixels) for number, pixels in enumerate(images)}
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(named), Font=pikepdf.Dictionary({"/F": font}))
    if form:
        xobject = pikepdf.Stream(pdf, form.encode(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        xobject.BBox = pikepdf.Array([0, 0, 1, 1])
        xobject.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(named))
        resources.XObject["/Fm"] = pdf.make_indirect(xobject)
    for _ in range(pages):
        page = pdf.add_blank_page(page_size=size)
        page.obj.Resources, page.obj.Rotate = resources, rotate
        page.obj.Contents = pikepdf.Stream(pdf, content.encode())
    stream = BytesIO()
    pdf.save(stream, encryption=pikepdf.Encryption(owner=password, user=password) if password else False)
    stream.seek(0)
    return stream


def _image(pdf: pikepdf.Pdf, pixels: NDArray[np.uint8]) -> pikepdf.Object:
    image = pikepdf.Stream(pdf, pixels.tobytes(), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image)
    image.Height, image.Width = pixels.shape
    image.ColorSpace, image.BitsPerComponent = pikepdf.Name.DeviceGray, 8
    return pdf.make_indirect(image)


def cover(size: tuple[float, float], name: str = "Im0") -> str:
    return f"q {size[0]} 0 0 {size[1]} 0 0 cm /{name} Do Q"


def read_one(stream: BytesIO, limits: Limits = DEFAULT_LIMITS) -> tuple[NDArray[np.uint8], float | None]:
    [(pixels, dpi, *_)] = read_pdf(stream, limits)
    return pixels, dpi


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("dpi", [72, 203, 300, 313.7])
def test_a_scan_comes_out_pixel_for_pixel_and_upright(dpi: float, rotate: int) -> None:
    size = (90 * 72 / dpi, 120 * 72 / dpi)
    pixels, told = read_one(make_pdf(cover(size), size=size, images=[SCAN], rotate=rotate))
    assert np.array_equal(pixels[:, :, 0], np.rot90(SCAN, -rotate // 90))
    assert told == pytest.approx(dpi, abs=0.1)


def test_a_scan_inside_a_form_is_still_a_scan() -> None:
    stream = make_pdf("q 90 0 0 120 0 0 cm /Fm Do Q", form="/Im0 Do", size=(90, 120), images=[SCAN])
    assert np.array_equal(read_one(stream)[0][:, :, 0], SCAN)


def test_a_scan_in_strips_keeps_its_resolution() -> None:
    strips = [SCAN[top:bottom] for top, bottom in pairwise(range(0, 121, 20))]
    place = "\n".join(f"q 45 0 0 10 0 {50 - 10 * number} cm /Im{number} Do Q" for number in range(6))
    assert np.array_equal(read_one(make_pdf(place, size=(45, 60), images=strips))[0][:, :, 0], SCAN)


def test_the_finest_layer_of_a_scan_decides() -> None:
    size = (45, 60)
    layers = cover(size) + " " + cover(size, "Im1")
    pixels, _ = read_one(make_pdf(layers, size=size, images=[SCAN[::4, ::4].copy(), SCAN]))
    assert np.array_equal(pixels[:, :, 0], SCAN)


def test_invisible_text_leaves_a_scan_a_scan_but_visible_text_needs_300_dpi() -> None:
    text = " BT /F 9 Tf {mode} Tr 9 9 Td (ink) Tj ET"
    for mode, height in ((3, 120), (0, 500)):
        stream = make_pdf(cover((90, 120)) + text.format(mode=mode), size=(90, 120), images=[SCAN])
        assert read_one(stream)[0].shape[0] == height


def test_other_pages_are_rendered_at_300_dpi() -> None:
    small = "q 90 0 0 120 300 300 cm /Im0 Do Q"
    for stream in (make_pdf("BT /F 24 Tf 72 700 Td (ink) Tj ET"), make_pdf(small, images=[SCAN])):
        pixels, dpi = read_one(stream)
        assert pixels.shape[:2] == pytest.approx((3508, 2479), abs=1)
        assert dpi == 300
        assert pixels.min() < 50


def test_a_poster_is_rendered_coarser_rather_than_refused() -> None:
    pixels, dpi = read_one(make_pdf("BT /F 24 Tf 72 700 Td (ink) Tj ET", size=(5000, 5000)), Limits(whole_pixels=10**6))
    assert pixels.shape == (1000, 1000, 3)
    assert dpi == pytest.approx(14.4)


def test_a_huge_scan_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(InputTooLargeError, match="90 x 120"):
        read_one(make_pdf(cover(A4), images=[SCAN]), Limits(max_pixels=10**4))


def test_pages_come_in_order_and_not_too_many() -> None:
    stream = make_pdf(cover((90, 120)), size=(90, 120), images=[SCAN], pages=3)
    assert len(list(read_pdf(stream, DEFAULT_LIMITS))) == 3
    with pytest.raises(InputTooLargeError, match="2 pages"):
        next(read_pdf(stream, Limits(max_pages=2)))


def test_a_password_is_asked_for_clearly() -> None:
    with pytest.raises(EncryptedInputError, match="password"):
        read_one(make_pdf("", password="secret"))


def test_a_cut_off_pdf_is_not_read_as_an_empty_page() -> None:
    data = make_pdf(cover(A4), images=[SCAN], pages=2).getvalue()
    for cut in range(len(data) // 10, len(data) - 10, len(data) // 50):
        with pytest.raises((DamagedInputError, pypdfium2.PdfiumError)):
            list(read_pdf(BytesIO(data[:cut]), DEFAULT_LIMITS))


def test_junk_after_the_end_does_not_cost_the_page() -> None:
    data = make_pdf(cover((90, 120)), size=(90, 120), images=[SCAN]).getvalue()
    assert np.array_equal(read_one(BytesIO(data + b"\r\n<!-- mirror -->"))[0][:, :, 0], SCAN)


def test_a_scan_that_cannot_be_decoded_is_not_read_as_an_empty_page() -> None:
    stream = BytesIO()
    Image.fromarray(SCAN).save(stream, "PDF")
    data = stream.getvalue()
    start = data.index(b"\xff\xd8\xff")
    with pytest.raises(DamagedInputError, match="cannot be decoded"):
        read_one(BytesIO(data[:start] + bytes(200) + data[start + 200 :]))


def test_a_blank_scan_is_a_blank_page() -> None:
    pixels, _ = read_one(make_pdf(cover((90, 120)), size=(90, 120), images=[np.full((120, 90), 255, np.uint8)]))
    assert pixels.min() == 255


def form_pdf(*, appearance: bool) -> BytesIO:
    """A page with a form field in which "X" is typed, with its picture or left to the viewer to draw."""
    stream = make_pdf("", size=(200, 100))
    with pikepdf.open(stream) as pdf:
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="name",
                V="XXXX",
                DA="/F 40 Tf 0 g",
                Rect=[10, 20, 190, 80],
                F=4,
            )
        )
        if appearance:
            picture = pikepdf.Stream(pdf, b"BT /F 40 Tf 5 15 Td (XXXX) Tj ET")
            picture.Type, picture.Subtype, picture.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, [0, 0, 180, 60]
            picture.Resources = resources
            field.AP = pikepdf.Dictionary(N=picture)
        pdf.pages[0].obj.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[field], DR=resources, NeedAppearances=not appearance)
        written = BytesIO()
        pdf.save(written)
    return written


@pytest.mark.case
@pytest.mark.parametrize("appearance", [True, False])
def test_what_is_typed_into_a_form_is_drawn(appearance: bool) -> None:
    [(pixels, dpi, *_)] = read_pdf(form_pdf(appearance=appearance), DEFAULT_LIMITS)
    assert dpi == 300
    assert (pixels.min(axis=2) < 64).mean() > 0.02


@pytest.mark.case
@pytest.mark.parametrize("junk", [bytes(6_000), b"\n<html>not a page</html>" * 200])
def test_junk_behind_the_end_is_ignored(junk: bytes) -> None:
    whole = make_pdf(cover(A4), images=[SCAN], pages=2).getvalue()
    clean = [pixels for pixels, *_ in read_pdf(BytesIO(whole), DEFAULT_LIMITS)]
    read = [pixels for pixels, *_ in read_pdf(BytesIO(whole + junk), DEFAULT_LIMITS)]
    assert all(np.array_equal(one, other) for one, other in zip(clean, read, strict=True))


@pytest.mark.case
def test_an_update_that_is_cut_off_is_no_junk() -> None:
    whole = make_pdf("", pages=2).getvalue()
    with pytest.raises(DamagedInputError, match="cut off"):
        next(read_pdf(BytesIO(whole + b"7 0 obj\n<< /Type /Page >>" + bytes(4_000)), DEFAULT_LIMITS))
