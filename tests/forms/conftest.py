"""A small form, drawn and filled in by the tests."""

from pathlib import Path

import numpy as np
import pytest

from form_hands import FontWriter, Values
from form_sheets import Form, Sheet, draw_form, entry, fill, table_of
from inkread.forms.template import Template

FORM = Form(
    "visit",
    "Visit to the archive",
    (
        (
            (entry("Name", "name", 2, "box"), entry("Born", "date", 1, "comb", comb=8, years=(1930, 2020))),
            (entry("Town", "choice", 2, "line"), entry("Account", "iban", 3, "comb", comb=22)),
            (entry("Member", "ticks", 1, ticks=("yes", "no")), entry("Guide", "tick", 1)),
            table_of(
                "boxes",
                2,
                entry("Shelf", "regex", 1, expression="[A-D][0-9]{3}"),
                entry("Amount", "amount", 1, cents=True),
            ),
            (entry("Total", "amount", 1, cents=True), entry("Signature", "signature", 2, "line")),
        ),
    ),
    ({"rule": "sum", "total": "total", "parts": ["boxes.amount"]},),
)
OTHER = Form(
    "loan",
    "Loan of a book",
    (((entry("Reader", "name", 1), entry("Due", "date", 1)), (entry("Title", "text", 1, "line"),)),),
)
LISTS = {"names.txt": ["Anna Miller", "Otto Kern", "Jane Fox"], "town.txt": ["Berlin", "Boston", "Paris", "Lyon"]}


def save_form(form: Form, folder: Path) -> Template:
    for name, entries in LISTS.items():
        (folder / name).write_text("\n".join(entries), encoding="utf-8")
    template, blanks = draw_form(form)
    template.save(folder / f"{form.name}.yaml", blanks)
    return Template.load(folder / f"{form.name}.yaml")


def fill_form(template: Template, seed: int) -> Sheet:
    rng = np.random.default_rng(seed)
    blanks = {page.blank: template.blank(number) for number, page in enumerate(template.pages)}
    return fill(template, blanks, FontWriter.sample(rng), Values(LISTS, ["a loan of books"], empty=0.0), rng)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return save_form(FORM, tmp_path_factory.mktemp("visit"))


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return save_form(OTHER, tmp_path_factory.mktemp("loan"))


@pytest.fixture(scope="session")
def filled(template: Template) -> Sheet:
    return fill_form(template, 3)
