"""Forms in the workbench: an empty form in, fields corrected, fifty filled ones read, doubts keyed, the table out.

The pictures of the documentation are taken here.
"""

from __future__ import annotations

import csv
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydantic import SecretStr

from form_hands import FontWriter, Values
from form_sheets import Form, draw_form, entry, fill, table_of
from inkread.forms.template import FormField
from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.browsing import WITH_CHROMIUM, Enter, accessible, picture, told
from tests.server.conftest import EXAMPLES, SECRET
from tests.server.servers import served, wait_until_ready

USER, ADA = ("user1", "1resu"), ("ada", "correct horse battery")
FILLED = 50
HEIGHT = 820
"""Pixels of a page: no more than the fields need, so that fifty are read soon."""
READ = 1_200_000
"""Milliseconds for reading all sheets, on a machine that may be busy."""
FORM = Form(
    "visit",
    "Visit to the archive",
    (
        (
            (entry("Name", "name", 2, "box"), entry("Born", "date", 1, "comb", comb=8, years=(1930, 2020))),
            (entry("Town", "choice", 2, "line"), entry("Shelf", "regex", 1, expression="[A-D][0-9]{3}")),
            (entry("Member", "ticks", 1, ticks=("yes", "no")), entry("Guide", "tick", 1)),
            (entry("Fee", "amount", 1, cents=True), entry("Signature", "signature", 2, "line")),
        ),
    ),
)
LISTS = {"names.txt": ["Anna Miller", "Otto Kern", "Jane Fox", "Paul Weber"], "town.txt": ["Berlin", "Boston", "Lyon"]}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "name": {"List, one entry a line": "\n".join(LISTS["names.txt"])},
    "born": {"Cells of a comb": "8", "From year": "1930", "To year": "2020"},
    "town": {"List, one entry a line": "\n".join(LISTS["town.txt"])},
    "shelf": {"Regular expression": "[A-D][0-9]{3}"},
}
"""What is typed into the options of a field."""

pytestmark = WITH_CHROMIUM


@dataclass(frozen=True)
class Sheets:
    """An empty form, filled ones and a last sheet that is none, what stands in them, and where the fields are."""

    blank: Path
    filled: list[Path]
    truth: list[dict[str, str]]
    fields: tuple[FormField, ...]


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Sheets:
    folder = tmp_path_factory.mktemp("sheets")
    template, blanks = draw_form(FORM)
    blanks = {name: grey[:HEIGHT] for name, grey in blanks.items()}

    def saved(grey: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], name: str) -> Path:
        Image.fromarray(grey).save(folder / name, dpi=(200, 200), quality=85)
        return folder / name

    filled, truth = [], []
    for number in range(1, FILLED + 1):
        rng = np.random.default_rng(number)
        sheet = fill(template, blanks, FontWriter.sample(rng), Values(LISTS, ["a visit"]), rng)
        page = sheet.pages[0]
        filled.append(saved(np.rot90(page, 2).copy() if number == 2 else page, f"sheet {number}.jpg"))
        truth.append(sheet.truth)
    shutil.copy(EXAMPLES / "letter.png", folder / f"sheet {FILLED + 1}.png")
    filled.append(folder / f"sheet {FILLED + 1}.png")
    return Sheets(saved(next(iter(blanks.values())), "visit.png"), filled, truth, template.pages[0].fields)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with the bundled model."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        secret=SecretStr(SECRET),
        retrain_schedule="",
        health_schedule="",
        decoders=2,
        readers=1,
    )
    with served(prediction_app(settings)) as prediction:
        wait_until_ready(prediction)
        app = gateway_app(settings.model_copy(update={"prediction_url": prediction}))
        app.state.users.add(*ADA, "user")
        with served(app) as url:
            yield url


def test_fifty_forms_become_a_table(
    stack: str, enter: Enter, sheets: Sheets, problems: list[str], tmp_path: Path
) -> None:
    page = enter(stack, *USER)
    page.get_by_role("link", name="Forms").press("Enter")
    expect(page.get_by_text("Drop an empty form here")).to_be_visible()
    accessible(page)
    page.get_by_label("Empty form").set_input_files(sheets.blank)
    correct_fields(page, sheets.fields)
    page.locator(".crumbs a").last.click()
    drop(page, sheets.filled, "Fifty visits")
    look_at_batch(page)
    key_doubts(page, sheets)
    compare(page, sheets, tmp_path / "visits.csv")
    narrow_and_wide(page)
    assert [problem for problem in problems if "422" not in problem] == []


def correct_fields(page: Page, fields: tuple[FormField, ...]) -> None:
    """Each proposed field gets the name and type that it has; what was not found is drawn, what is none is deleted."""
    expect(page.get_by_text("Proposed", exact=True)).to_be_visible()
    accessible(page)
    picture(page, "forms-proposed")
    left = {field.name: field for field in fields}
    items = page.locator(".field-item")
    for at in reversed(range(items.count())):
        items.nth(at).click()
        x, y = (float(page.get_by_label(side, exact=True).input_value()) for side in ("Left", "Top"))
        found = [field for field in left.values() if abs(field.box[0] - x) < 25 and abs(field.box[1] - y) < 25]
        if not found:
            page.keyboard.press("Alt+Delete")
            continue
        describe(page, left.pop(found[0].name), drawn=False)
    for field in left.values():
        draw(page, field)
        describe(page, field, drawn=True)
    expect(items).to_have_count(len(fields))
    items.filter(has_text=re.compile("^born")).click()
    accessible(page)
    picture(page, "forms-fields")
    page.keyboard.press("Control+s")
    told(page, "is saved.")
    page.reload()
    expect(items).to_have_count(len(fields))
    expect(page.locator(".status")).to_have_text(re.compile("^Version"))


def draw(page: Page, field: FormField) -> None:
    """Drag from corner to corner."""
    page.keyboard.press("Alt+0")
    shown = page.locator(".world img").bounding_box()
    assert shown is not None
    scale = shown["height"] / HEIGHT
    x, y, width, height = field.box
    page.keyboard.press("Alt+a")
    page.mouse.move(shown["x"] + scale * x, shown["y"] + scale * y)
    page.mouse.down()
    page.mouse.move(shown["x"] + scale * (x + width), shown["y"] + scale * (y + height), steps=4)
    page.mouse.up()


def describe(page: Page, field: FormField, *, drawn: bool) -> None:
    """Name, type and options of the chosen field."""
    inspector = page.locator(".inspector")
    inspector.get_by_label("Name in results").fill(f"{field.name}_" if field.name in names(page) else field.name)
    inspector.get_by_label("Printed label").fill(field.label)
    if inspector.get_by_label("Type", exact=True).input_value() != field.type:
        inspector.get_by_label("Type", exact=True).select_option(field.type)
    if field.type == "ticks":
        describe_ticks(page, field, drawn=drawn)
    for label, value in OPTIONS.get(field.name, {}).items():
        inspector.get_by_label(label).fill(value)
        inspector.get_by_label(label).blur()
    inspector.get_by_label("Name in results").fill(field.name)


def describe_ticks(page: Page, field: FormField, *, drawn: bool) -> None:
    """The values of tick boxes, and their places where they were not proposed."""
    inspector = page.locator(".inspector")
    assert field.options is not None
    boxes = inspector.locator(".tools button:not([aria-label]):not(:has(svg))")
    while boxes.count() < len(field.options):
        inspector.get_by_role("button", name="Add a tick box").click()
        inspector.get_by_role("button", name="To ").click()
    for number, (value, box) in enumerate(field.options.items()):
        boxes.nth(number).click()
        inspector.get_by_label("Value").fill(value)
        if drawn:
            for side, pixels in zip(("Left", "Top", "Width", "Height"), box, strict=True):
                inspector.get_by_label(side, exact=True).fill(str(round(pixels)))
        inspector.get_by_role("button", name="To ").click()


def names(page: Page) -> list[str]:
    return [item.inner_text() for item in page.locator(".field-item:not([aria-current]) b").all()]


def drop(page: Page, files: list[Path], name: str) -> None:
    page.get_by_label("Filled sheets").set_input_files(files)
    page.get_by_label("Name of the batch").fill(name)
    accessible(page)
    page.get_by_role("button", name="Upload and read").press("Enter")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def look_at_batch(page: Page) -> None:
    """Rows come while sheets are read; the threshold follows a wanted error; a sheet that is no form says so."""
    expect(page.locator(".state.read")).to_be_visible(timeout=READ)
    rows = page.locator(".forms tbody tr")
    expect(rows).to_have_count(FILLED + 1)
    expect(rows.last).to_contain_text(re.compile("none of|no form|known", re.IGNORECASE))
    accessible(page)
    page.get_by_label("What is given").select_option("max_error")
    page.get_by_label("Per cent").fill("0.5")
    page.get_by_role("button", name="Apply").press("Enter")
    expect(page.get_by_text(re.compile(r"fields are sure, from a confidence of .*\d %"))).to_be_visible()
    waiting = page.locator(".cell.unsure, .cell.invalid")
    expect(waiting.first).to_be_visible()
    waiting.first.click()
    expect(page.get_by_role("textbox", name=re.compile("form"))).to_be_focused()
    expect(page.locator(".beside .layer polygon.here")).to_be_visible()
    expect(page.locator(".beside .crop img")).to_be_visible()
    accessible(page)
    picture(page, "forms-batch")
    page.get_by_role("button", name="Close", exact=True).click()


def key_doubts(page: Page, sheets: Sheets) -> None:
    """By keyboard alone: what stands on the sheet is typed, or chosen by its number, or empty."""
    page.get_by_role("link", name="Key unsure fields").press("Enter")
    keyed = page.locator("#keyed")
    expect(keyed).to_be_focused()
    accessible(page)
    picture(page, "forms-queue")
    # What does not fit the type is told, and nothing is kept.
    select = page.get_by_label("Field", exact=True)
    groups = select.locator("option").all_inner_texts()
    wanted = next(group for group in groups if not re.search("Name", group))
    if select.locator("option:checked").inner_text() != wanted:
        select.select_option(wanted)
    label = re.search(r"· (.+) \(", wanted)
    assert label is not None
    expect(page.locator("label[for=keyed]")).to_contain_text(label[1])
    before = keyed.input_value()
    keyed.fill("no value at all")
    page.keyboard.press("Enter")
    expect(page.locator("#keying-problem")).not_to_be_empty()
    expect(page.get_by_role("button", name="Keep anyway")).to_be_visible()
    accessible(page)
    keyed.fill(before)

    nothing = page.get_by_text("No field waits to be keyed.")
    for _ in range(FILLED * len(sheets.fields)):
        if nothing.is_visible():
            break
        shown = page.locator("label[for=keyed]").inner_text()
        answer(page, keyed, shown, sheets)
        expect(page.locator("label[for=keyed]").filter(has_text=re.compile(f"^{re.escape(shown)}$"))).to_be_hidden()
    expect(nothing).to_be_visible()


def answer(page: Page, keyed: Locator, shown: str, sheets: Sheets) -> None:
    """Accept, choose, or type what is right, with one key where one is enough."""
    label, number = re.fullmatch(r"(.+) · form (\d+)", shown).groups()  # type: ignore[union-attr]
    value = meant(label.lower(), sheets.truth[int(number) - 1][label.lower()])
    others = page.locator(".choice span").all_inner_texts()
    if not value:
        page.keyboard.press("Alt+0")
    elif keyed.input_value() == value:
        page.keyboard.press("Enter")
    elif value in others:
        page.keyboard.press(f"Alt+{others.index(value) + 1}")
    else:
        page.keyboard.press("Control+a")
        page.keyboard.type(value)
        page.keyboard.press("Enter")


def meant(name: str, written: str) -> str:
    """What a written value is in a table."""
    if name == "born" and written:
        return f"{written[4:]}-{written[2:4]}-{written[:2]}"
    return written


def compare(page: Page, sheets: Sheets, path: Path) -> None:
    """The table has what stands on the sheets: keyed fields all, others but for what the model was wrongly sure of."""
    page.get_by_role("link", name="Forms").first.click()
    page.get_by_role("link", name="visit", exact=True).click()
    page.get_by_role("link", name="Fifty visits", exact=True).click()
    expect(page.get_by_text("Nothing is left to key.")).to_be_visible()
    page.get_by_role("button", name="Export").click()
    accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == FILLED + 1
    assert rows[-1]["problem"]
    right = [
        row[name] == meant(name, truth[name])
        for row, truth in zip(rows[:FILLED], sheets.truth, strict=True)
        for name in truth
    ]
    assert sum(right) > 0.95 * len(right)


def narrow_and_wide(page: Page) -> None:
    batch = page.url
    page.get_by_role("link", name="visit", exact=True).click()
    expect(page.get_by_role("heading", name="Batches")).to_be_visible()
    template = page.url
    for width in (360, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        for address in (
            template,
            f"{template}/edit",
            batch,
            re.sub("/f/.*", "/f", batch),
            re.sub("/f/.*", "/f/queue", batch),
        ):
            page.goto(address)
            expect(page.locator("h1")).not_to_be_empty()
            accessible(page)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, address


TABLE = Form(
    "order",
    "Order of books",
    (
        (
            (entry("Reader", "name", 1), entry("Due", "date", 1)),
            table_of("books", 2, entry("Title", "text", 2), entry("Fee", "amount", 1, cents=True)),
            (entry("Total", "amount", 1, cents=True),),
        ),
    ),
)


@pytest.fixture(scope="module")
def order(stack: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled form of a template that is on the server, and shared with another person."""
    folder = tmp_path_factory.mktemp("order")
    template, blanks = draw_form(TABLE)
    blanks = {name: grey[:HEIGHT] for name, grey in blanks.items()}
    template.save(folder / "order.yaml", blanks)
    (folder / "names.txt").write_text("\n".join(LISTS["names.txt"]), encoding="utf-8")
    with zipfile.ZipFile(folder / "order.zip", "w") as packed:
        for file in (*folder.glob("*.yaml"), *folder.glob("*.png"), folder / "names.txt"):
            packed.write(file, file.name)
    files = {"file": ("order.zip", (folder / "order.zip").read_bytes())}
    asked = {"auth": USER, "timeout": 120, "trust_env": False}
    httpx2.post(f"{stack}/forms", files=files, **asked).raise_for_status()  # type: ignore[arg-type]
    share = httpx2.put(f"{stack}/forms/order/shares/ada", json={"role": "reader"}, **asked)  # type: ignore[arg-type]
    share.raise_for_status()
    rng = np.random.default_rng(3)
    sheet = fill(template, blanks, FontWriter.sample(rng), Values(LISTS, ["poems"], empty=0.0), rng)
    Image.fromarray(sheet.pages[0]).save(folder / "filled.png", dpi=(200, 200))
    return folder / "filled.png"


def test_two_people_key_without_seeing_each_other(stack: str, enter: Enter, order: Path, problems: list[str]) -> None:
    page, ada = enter(stack, *USER), enter(stack, *ADA)
    page.goto("/f/t/order")
    page.get_by_label("Filled sheets").set_input_files(order)
    page.get_by_label("Two people key").check()
    page.get_by_role("button", name="Upload and read").click()
    page.get_by_role("link", name="filled", exact=True).click()
    expect(page.locator(".state.read")).to_be_visible(timeout=READ)
    expect(page.get_by_text("keyed by two people")).to_be_visible()
    page.get_by_label("What is given").select_option("confidence")
    page.get_by_label("Per cent").fill("100")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Share").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(page.locator(".shares")).to_contain_text("ada")
    page.keyboard.press("Escape")

    batch = page.url.rsplit("/", 1)[-1]
    for person, typed in ((page, "1066.01"), (ada, "1066.02")):
        person.goto(f"/f/queue?template=order&field=total&batch={batch}")
        expect(person.locator("#keyed")).to_be_focused()
        assert "1066" not in person.locator("main").inner_text()
        assert "1066" not in person.locator("#keyed").input_value()
        person.keyboard.type(typed)
        person.keyboard.press("Enter")
        told(person, "is keyed.")
    page.goto(f"/f/b/{batch}")
    total = page.locator("[id$='-total']")
    expect(total).to_have_class(re.compile("unsure|invalid"))
    assert "1066" not in page.locator("main").inner_text()
    assert problems == []


@pytest.mark.usefixtures("order")
def test_who_reads_with_a_form_does_not_change_it(stack: str, enter: Enter, problems: list[str]) -> None:
    reader = enter(stack, *ADA)
    reader.goto("/f/t/order/edit")
    expect(reader.locator(".field-item")).to_have_count(4)
    expect(reader.get_by_role("button", name=re.compile("Draw|Save|Delete|Add"))).to_have_count(0)
    reader.locator(".field-item").first.click()
    expect(reader.get_by_label("Name in results")).to_be_disabled()
    accessible(reader)
    assert problems == []


@pytest.mark.usefixtures("order")
def test_changes_of_a_form_are_neither_lost_nor_forced_on_others(stack: str, enter: Enter, problems: list[str]) -> None:
    # A rule across a table is made, follows a new name, and is undone with it; a field moves by key.
    page = enter(stack, *USER)
    page.goto("/f/t/order/edit")
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("What it says").select_option("sum")
    page.get_by_label("Total", exact=True).select_option("total")
    page.get_by_label("Parts").select_option("books.fee")
    accessible(page)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".rules")).to_contain_text("total is the sum of books.fee")
    page.locator(".field-item", has_text="books").click()
    page.get_by_label("Rows", exact=True).fill("3")
    page.get_by_label("Name in results").fill("loans")
    expect(page.locator(".rules")).to_contain_text("loans.fee")
    page.get_by_role("button", name="fee", exact=True).click()
    expect(page.get_by_label("Height", exact=True)).to_have_value("40")  # 60 in two rows
    left = page.get_by_label("Left", exact=True)
    before = float(left.input_value())
    page.locator(".scan").press("ArrowRight")
    expect(left).to_have_value(str(round(before + 2)))
    accessible(page)

    # Another window saves first: nothing is overwritten without a question.
    other = page.context.new_page()
    other.goto("/f/t/order/edit")
    told(other, "Changes that were not saved are back.")
    other.get_by_role("button", name="Discard them").click()
    other.locator(".field-item", has_text="reader").click()
    other.get_by_label("Must not be empty").check()
    other.keyboard.press("Control+s")
    told(other, "is saved.")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_contain_text("newer version")
    accessible(page)
    page.get_by_role("button", name="Save mine").click()
    told(page, "is saved.")
    page.reload()
    expect(page.locator(".rules")).to_contain_text("loans.fee")

    # What the service refuses is told in one sentence, and nothing is lost.
    page.locator(".field-item", has_text="reader").click()
    page.get_by_label("Type", exact=True).select_option("regex")
    page.get_by_label("Regular expression").fill("[A-")
    page.keyboard.press("Control+s")
    expect(page.locator(".message.problem")).to_be_visible()
    page.locator("h2", has_text="Rules").click()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator(".status")).to_have_text(re.compile("^Version"))
    assert [problem for problem in problems if not re.search("412|422", problem)] == []
