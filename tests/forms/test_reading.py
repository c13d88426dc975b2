from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from form_scans import scan
from form_sheets import Sheet
from inkread import Reader
from inkread.errors import InputError, TemplateError
from inkread.forms.batch import read_batch
from inkread.forms.reading import BLACKENED, Form, FormReader, FormValue, _of_marks, _of_reading, graded
from inkread.forms.results import Batch, rows_of_forms, threshold_for, write_table
from inkread.forms.template import Template, TemplatePage
from inkread.forms.writing import Written
from inkread.recognition.fields import FieldReading


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(language_model=False)


@pytest.fixture(scope="module")
def forms(template: Template, reader: Reader) -> FormReader:
    return FormReader([template], reader)


@pytest.fixture(scope="module")
def form(forms: FormReader, filled: Sheet) -> Form:
    picture, _ = scan(filled.pages[0], np.random.default_rng(1))
    (form,) = forms.read(picture)
    return form


def test_every_field_of_a_scanned_form_is_read(form: Form, filled: Sheet) -> None:
    day = filled.truth["born"]
    expected = {**filled.truth, "born": f"{day[4:]}-{day[2:4]}-{day[:2]}"}
    assert {name: value.value for name, value in form.fields.items()} == expected
    assert form.problem == ""
    assert form.sheets[0].error < 1
    assert set(form.crops) == set(expected) - {"member", "guide", "signature"}


def test_an_empty_form_has_only_empty_fields(forms: FormReader, template: Template) -> None:
    (form,) = forms.read(template.blank(0))
    assert {value.state for value in form.fields.values()} == {"empty"}


def test_print_is_taken_away_and_strokes_that_cross_it_stay(template: Template) -> None:
    blank = template.blank(0)
    sheet = blank.copy()
    town = next(field for field in template.pages[0].fields if field.name == "town")
    x, y, width, height = (round(value) for value in town.box)
    cv2.line(sheet, (x + 50, y + 20), (x + 50, y + height + 12), (30,), 4)
    written = Written(sheet, blank)
    line = written.line(town)
    assert line is not None
    dark = line < 128
    assert dark.any(axis=1).sum() >= height - 15, "the stroke goes on below the printed line"
    assert dark.sum(axis=1).max() < width / 4, "the printed line is gone"


def test_a_blackened_tick_does_not_count_and_two_ticks_are_invalid() -> None:
    struck = _of_marks("ticks", [("yes", BLACKENED + 0.2), ("no", 0.2)], 0.05, several=False)
    assert struck.value == "no"
    assert struck.confidence <= 0.5
    assert _of_marks("tick", [("yes", 0.62)], 0.05).value == "yes", "a cross with a thick pen"
    both = _of_marks("ticks", [("yes", 0.3), ("no", 0.3)], 0.05, several=False)
    assert (both.state, both.value) == ("invalid", "")
    assert _of_marks("ticks", [("yes", 0.3), ("no", 0.3)], 0.05, several=True).value == "yes;no"
    faint = Form("a", "1", {}, {"a": _of_marks("tick", [("yes", 0.04)], 0.05)})
    assert graded(faint, 0.9).fields["a"].state == "unsure"


def test_a_name_that_is_not_in_the_list_is_kept_as_it_was_read() -> None:
    near = FieldReading("Otto Kern", "Otto Kern", 0.95, "Otto Kem", -4.0)
    other = FieldReading("Otto Kern", "Otto Kern", 0.95, "Olga Kunze", -15.0)
    name, choice = FormValue("name"), FormValue("choice")
    assert _of_reading(name, near).value == "Otto Kern"
    assert (_of_reading(name, other).value, _of_reading(name, other).confidence) == ("Olga Kunze", 0.0)
    assert _of_reading(choice, other).value == "Otto Kern", "a choice is always one of the list"


def test_a_validator_takes_the_next_reading_or_refuses(template: Template, reader: Reader, filled: Sheet) -> None:
    strict = FormReader([template], reader, validators={"visit.town": lambda _: False, "name": "builtins:bool"})
    (form,) = strict.read(filled.pages[0])
    assert form.fields["town"].state == "invalid"
    assert form.fields["name"].value == filled.truth["name"]
    with pytest.raises(TemplateError, match="cannot be found"):
        FormReader([template], reader, validators={"name": "nowhere:check"})


def test_pages_in_any_order_with_an_empty_back_between_them_are_one_form(
    template: Template, other: Template, reader: Reader, tmp_path: Path
) -> None:
    for name, blank in (("a.png", template.blank(0)), ("b.png", other.blank(0))):
        cv2.imwrite(str(tmp_path / name), blank)
    guide = next(field for field in template.pages[0].fields if field.name == "guide")
    pages = (TemplatePage(blank="a.png", fields=(guide,)), TemplatePage(blank="b.png"))
    forms = FormReader([Template(name="both", pages=pages, folder=tmp_path)], reader)
    empty = np.full_like(template.blank(0), 255)
    *refused, both, rest = forms.read([other.blank(0), empty, template.blank(0), template.blank(0)])
    assert ["nearly empty" in form.problem for form in refused] == [True]
    assert (sorted(both.sheets), both.problem) == ([0, 1], "")
    assert (sorted(rest.sheets), rest.problem) == ([0], "page 2 of the form is missing")
    assert rest.fields["guide"].state != "missing"
    (second,) = forms.read([other.blank(0)])
    assert (sorted(second.sheets), second.problem) == ([1], "page 1 of the form is missing")
    assert second.fields["guide"].state == "missing"


def test_a_file_that_was_read_ends_a_form_as_it_did_before_the_kill(
    template: Template, other: Template, reader: Reader, tmp_path: Path
) -> None:
    for name, blank in (("a.png", template.blank(0)), ("b.png", other.blank(0))):
        cv2.imwrite(str(tmp_path / name), blank)
    empty = Image.new("L", (800, 1100), 255)
    empty.save(tmp_path / "backs.tif", save_all=True, append_images=[empty])
    pages = (TemplatePage(blank="a.png"), TemplatePage(blank="b.png"))
    forms = FormReader([Template(name="both", pages=pages, folder=tmp_path)], reader)
    paths = [tmp_path / name for name in ("a.png", "backs.tif", "b.png")]
    whole = [form.problem for form in forms.read(paths) if form.template]
    assert whole == ["page 2 of the form is missing", "page 1 of the form is missing"]
    known = frozenset((str(paths[1]), page) for page in range(2))
    assert [form.problem for form in forms.read(paths, known=known)] == whole


def test_a_bad_file_and_a_foreign_sheet_do_not_end_a_batch(
    forms: FormReader, filled: Sheet, other: Template, tmp_path: Path
) -> None:
    (tmp_path / "1.png").write_bytes(b"no image")
    cv2.imwrite(str(tmp_path / "2.png"), other.blank(0))
    cv2.imwrite(str(tmp_path / "3.png"), filled.pages[0])
    problems: list[InputError] = []
    paths = [tmp_path / f"{number}.png" for number in (1, 2, 3)]
    read = read_batch(
        forms, paths, tmp_path / "j", crops=tmp_path / "crops", on_error=lambda _, error: problems.append(error)
    )
    assert [form.template for form in read] == ["", "visit"]
    assert "none of the forms" in read[0].problem
    assert "1.png" in str(problems[0])
    assert (tmp_path / "crops" / read[1].fields["town"].crop).is_file()


def test_a_batch_goes_on_after_what_it_has_read(forms: FormReader, filled: Sheet, tmp_path: Path) -> None:
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), filled.pages[0])
    journal = tmp_path / "journal"
    read_batch(forms, [tmp_path / "1.png"], journal, on_error=lambda *_: None)
    with journal.open("a", encoding="utf-8") as stream:
        stream.write('{"template": "vis')  # killed while it wrote
    fresh: list[Form] = []
    paths = [tmp_path / "1.png", tmp_path / "2.png"]
    read = read_batch(forms, paths, journal, on_error=lambda *_: None, on_form=fresh.append)
    assert [form.sheets[0].source for form in fresh] == [str(paths[1])]
    assert [form.sheets[0].source for form in read] == [str(path) for path in paths]
    assert read[0].fields == read[1].fields
    kept = read_batch(forms, paths, journal, on_error=lambda *_: None, on_form=fresh.append)
    assert len(fresh) == 1, "everything is known now"
    assert kept == read or [form.fields for form in kept] == [form.fields for form in read]


def test_the_threshold_keeps_the_expected_error() -> None:
    confidences = [0.99, 0.99, 0.95, 0.5]
    assert threshold_for(confidences, 0.03) == 0.95
    assert threshold_for(confidences, 0.01) == pytest.approx(0.99)
    assert threshold_for(confidences, 0.001) > 1
    fields = {str(number): FormValue("text", "a", "a", each, "unsure") for number, each in enumerate(confidences)}
    batch = Batch.graded([Form("a", "1", {}, fields)], max_error=0.03)
    assert (batch.count("sure"), batch.count("unsure")) == (3, 1)
    assert batch.expected_error == pytest.approx(0.07 / 3)


def test_tables_hold_one_row_a_form(form: Form, tmp_path: Path) -> None:
    import csv

    import pyarrow.parquet as pq

    odd = Form("odd", "1", {}, {"town": FormValue("text", "=1+1", "=1+1", 0.8, "unsure")})
    batch = Batch.graded([form, odd])
    for suffix in (".csv", ".json", ".parquet", ".xlsx"):
        write_table(tmp_path / f"out{suffix}", batch)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["template"] for row in rows] == ["visit", "odd"]
    assert rows[0]["total"] == form.fields["total"].value
    assert rows[1]["town"] == "'=1+1", "no formula for a spreadsheet"
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == rows_of_forms(batch.forms)
    assert (tmp_path / "out.xlsx").read_bytes()[:2] == b"PK"
