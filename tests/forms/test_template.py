from pathlib import Path

import numpy as np
import pytest

from inkread.errors import PatternError, TemplateError
from inkread.forms.rules import pattern_of, settle
from inkread.forms.template import FormField, Template, as_200_dpi, rows_of
from inkread.recognition.alphabet import LATIN, Alphabet

FIELDS = "[{name: a, type: amount, box: [1, 1, 9, 9]}, {name: b, type: amount, box: [1, 20, 9, 9]}]"
PAGE = f"pages: [{{blank: a.png, fields: {FIELDS}}}]"


def load(folder: Path, text: str) -> Template:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return Template.load(path)


def test_a_template_is_the_same_after_it_was_saved(template: Template, tmp_path: Path) -> None:
    template.save(tmp_path / "again.yaml")
    again = Template.load(tmp_path / "again.yaml")
    assert again.pages == template.pages
    assert again.rules == template.rules


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "is no YAML file"),
        ("just text", "has no pages"),
        ("name: a", "pages: Field required"),
        ("{name: a, pages: [{blank: a.png, fields: [{name: b, box: [1, 1, 0, 5]}]}]}", "left, top, width, height"),
        ("{name: a, pages: [{blank: a.png, fields: [{name: b, type: choice, box: [1, 1, 5, 5]}]}]}", "needs entries"),
        ("{name: a, pages: [{blank: a.png, fields: [{name: b, years: [1, 2], box: [1, 1, 5, 5]}]}]}", "takes no years"),
        (f"name: a\n{PAGE}\nrules: [{{rule: order, first: a, second: z}}]", "names z, which is no field"),
        (f"name: a\n{PAGE.replace('name: b', 'name: a')}", "a stands for two fields"),
    ],
)
def test_a_mistake_in_a_template_gives_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_python_object_in_a_template_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TemplateError):
        load(tmp_path, "!!python/object/apply:os.system ['true']")


def test_rows_of_a_table_stand_below_each_other(template: Template) -> None:
    table = next(field for field in template.pages[0].fields if field.type == "table")
    rows = dict(rows_of(table))
    assert list(rows) == ["boxes.1.shelf", "boxes.1.amount", "boxes.2.shelf", "boxes.2.amount"]
    assert rows["boxes.2.shelf"].box[1] - rows["boxes.1.shelf"].box[1] == table.box[3] / 2


def test_a_list_of_a_template_is_what_can_be_read(template: Template) -> None:
    fields = {name: field for _, name, field in template.named_fields()}
    pattern = pattern_of(template, fields["town"])
    assert pattern is not None
    assert pattern.value("BOSTON") == "Boston"
    with pytest.raises(TemplateError, match="cannot be read"):
        pattern_of(template, FormField(name="x", type="choice", box=(1, 1, 5, 5), list="missing.txt"))
    with pytest.raises(PatternError):
        pattern_of(template, FormField(name="x", type="postcode", box=(1, 1, 5, 5), country="zz"))


def test_a_sum_chooses_the_reading_that_adds_up(template: Template) -> None:
    choices = {
        "boxes.1.amount": [("10.00", 0.9)],
        "boxes.2.amount": [("4.50", 0.6), ("1.50", 0.3)],
        "total": [("11.50", 0.9)],
    }
    assert settle(template, choices) == ({"boxes.2.amount": "1.50"}, {})
    changed, broken = settle(template, {**choices, "total": [("99.00", 0.9)]})
    assert not changed
    assert broken["total"] == "total is not the sum of boxes.amount"


def test_an_end_before_its_begin_and_a_town_elsewhere_are_told(tmp_path: Path) -> None:
    (tmp_path / "towns.tsv").write_text("10115\tBerlin\n69001\tLyon\n", encoding="utf-8")
    text = PAGE.replace("amount", "text")
    both = load(
        tmp_path,
        f"name: a\n{text}\nrules:\n- {{rule: order, first: a, second: b}}\n"
        "- {rule: pairs, first: a, second: b, list: towns.tsv}",
    )
    assert settle(both, {"a": [("2024-01-02", 1.0)], "b": [("2024-01-01", 1.0)]})[1]["b"]
    assert settle(both, {"a": [("10115", 0.9)], "b": [("lyon", 0.6), ("BERLIN", 0.3)]}) == ({"b": "BERLIN"}, {})


def test_a_page_of_unknown_resolution_is_taken_for_a4() -> None:
    assert as_200_dpi(np.zeros((1170, 827), np.uint8), None).shape == (2339, 1653)
    assert as_200_dpi(np.zeros((300, 200), np.uint8), 300).shape == (200, 133)


def test_an_entry_longer_than_its_comb_is_read_from_what_fits_there(template: Template) -> None:
    entries = ("Gillieston Heights", "Gillian", "Bartholomew North", "Bartholomew Northam")
    field = FormField(name="name", type="name", box=(1, 1, 160, 40), comb=16, entries=entries)
    pattern = pattern_of(template, field)
    assert pattern is not None
    alphabet = Alphabet(LATIN)
    assert pattern.fits("GILLIESTON HEIGH", alphabet)
    assert pattern.value("GILLIESTON HEIGH") == "Gillieston Heights"
    assert pattern.value("gillian") == "Gillian"
    assert pattern.value("bartholomew nort") == "Bartholomew Nort", "two entries begin so"
