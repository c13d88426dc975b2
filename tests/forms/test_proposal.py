from pathlib import Path

import cv2
import numpy as np
import pikepdf

from form_sheets import draw_form
from inkread.forms.frames import find_frames
from inkread.forms.picture import draw_fields
from inkread.forms.proposal import Label, propose, propose_fields
from inkread.forms.template import Box, Template
from tests.forms.conftest import FORM


def near(first: Box, second: Box) -> bool:
    return all(abs(a - b) < 8 for a, b in zip(first, second, strict=True))


def test_frames_of_a_form_are_found_and_typed_by_their_labels(template: Template) -> None:
    fields = {field.name: field for field in template.pages[0].fields}
    frames = find_frames(template.blank(0))
    texts = {"name": "Name", "born": "Date of birth", "account": "IBAN", "total": "Total"}
    labels = [Label(text, (fields[name].box[0], fields[name].box[1] - 30, 90, 20)) for name, text in texts.items()]
    x, y, _, _ = fields["member"].box
    labels += [Label("Member", (110, y, 100, 20)), Label("yes", (x + 46, y + 4, 30, 20))]
    table = fields["boxes"]
    labels += [Label("Shelf", (table.box[0] + 10, table.box[1] - 30, 60, 20))]
    found = list(propose_fields(frames, labels))
    by_label = {field.label: field for field in found}
    assert by_label["Name"].type == "name"
    assert near(by_label["Name"].box, fields["name"].box)
    assert (by_label["Date of birth"].type, by_label["Date of birth"].comb) == ("date", 8)
    assert (by_label["IBAN"].type, by_label["IBAN"].comb) == ("iban", 22)
    assert by_label["Total"].type == "amount"
    assert list(by_label["Member"].options or ()) == ["yes", "option 2"]
    rows = next(field for field in found if field.type == "table")
    assert rows.rows == 2
    assert rows.columns is not None
    assert rows.columns[0].name == "shelf"


def test_a_pdf_gives_its_own_text_and_form_fields(tmp_path: Path) -> None:
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary({"/F": font}))
    page.obj.Contents = pikepdf.Stream(pdf, b"BT /F 12 Tf 50 700 Td (Surname) Tj ET 1 w 130 690 200 25 re S")
    pdf.save(tmp_path / "drawn.pdf")
    drawn, blanks = propose(tmp_path / "drawn.pdf", "drawn")
    (field,) = drawn.pages[0].fields
    assert (field.name, field.type) == ("surname", "name")
    assert near(field.box, (130 / 72 * 200, (842 - 715) / 72 * 200, 200 / 72 * 200, 25 / 72 * 200))
    assert blanks["drawn-1.png"].shape == (2339, 1653)

    widget = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="policy_no", TU="Policy number",
        Rect=[130, 600, 330, 625], Ff=1 << 24, MaxLen=8,
    )  # fmt: skip
    page.obj.Annots = pikepdf.Array([pdf.make_indirect(widget)])
    pdf.Root.AcroForm = pikepdf.Dictionary(Fields=page.obj.Annots)
    pdf.save(tmp_path / "fields.pdf")
    (field,) = propose(tmp_path / "fields.pdf", "fields")[0].pages[0].fields
    assert (field.name, field.label, field.comb) == ("policy_number", "Policy number", 8)


def test_labels_of_an_image_are_read(tmp_path: Path) -> None:
    _, blanks = draw_form(FORM)
    top = blanks["visit-1.png"][:480]
    page = np.full_like(blanks["visit-1.png"], 255)
    page[:480] = top
    cv2.imwrite(str(tmp_path / "blank.png"), page)
    template, _ = propose(tmp_path / "blank.png", "visit")
    assert {("Name", "name"), ("Account", "text")} <= {(field.label, field.type) for field in template.pages[0].fields}


def test_a_picture_shows_the_fields(template: Template) -> None:
    drawn = cv2.imdecode(np.frombuffer(draw_fields(template, 0), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    x, y, width, height = (round(value) for value in template.pages[0].fields[0].box)
    blue, _, red = drawn[y + height // 2, x + width // 2]
    assert blue > red
