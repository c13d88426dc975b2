"""The story: a person reads, corrects, shares and exports letters; an admin keeps models, jobs and users in order.

The pictures of the documentation are taken here.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from lxml import etree
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydantic import SecretStr

from inkread.bundle import Bundle
from inkread.evaluation.gate import Change, Comparison
from inkread.evaluation.html import data_uri
from inkread.registry import Registry
from inkread.server.gateway.app import gateway_app
from inkread.server.jobs import workspace
from inkread.server.jobs.app import ingestion_app, training_app
from inkread.server.jobs.workspace import Workspace
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.browsing import (
    WITH_CHROMIUM,
    Enter,
    accessible,
    current,
    field,
    picture,
    status,
    texts,
    told,
    upload,
)
from tests.server.conftest import SECRET
from tests.server.servers import served, wait_until_ready
from tests.server.small_project import keep_dataset, write_project
from tests.server.transcribed import PAGES

USER, ADA, ADMIN = ("user1", "1resu"), ("ada", "correct horse battery"), ("admin1", "1nimda")
NOTE = 5  # a page with alternatives
JOB = 300_000
"""Milliseconds for what a job does: it starts processes of its own, on a machine that may be busy."""
VIEWS = ("jobs", "models", "models/2", "data", "data/2", "drift", "users", "storage", "audit")

pytestmark = WITH_CHROMIUM


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a gateway with all services: the champion is the bundled model; jobs compute nothing."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(
        home=home,
        secret=SecretStr(SECRET),
        retrain_schedule="",
        health_schedule="",
        model="models:/inkread@champion",
        decoders=2,
        readers=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
        patch.chdir(home)
        patch.setattr(workspace, "prepare_project", write_project)
        write_project(settings.pipeline)
        keep_dataset(Workspace(home), "letters", 12)
        keep_dataset(Workspace(home), "ledgers", 30)
        with served(prediction_app(settings)) as prediction:
            wait_until_ready(prediction)
            challenge(tmp_path_factory.mktemp("bundles"))
            yield from gateway(settings, prediction)


def challenge(place: Path) -> None:
    """Register a version that reads better than the champion, and one that reads worse."""
    registry = Registry()
    for version, cer, interval in (("2.0", 0.08, (-0.03, -0.01)), ("3.0", 0.3, (0.1, 0.3))):
        folder = place / version
        shutil.copytree(Bundle.open().folder, folder)
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        (folder / "model.json").write_text(json.dumps(description | {"version": version}), encoding="utf-8")
        number = registry.register(folder, metrics={"cer": cer, "wer": 3 * cer})
        registry.keep_comparison(number, Comparison(number - 1, 200, cer, 3 * cer, 0.1, 0.3, 12, *interval))
        line = data_uri(np.asarray(Image.open(PAGES[0]).convert("L"))[140:220, :700])
        change = Change("letter 1", "Dear Sir", "Deer Sir", "Dear Sir", 1, 0, line)
        registry.keep_changes(number, [change], "<p>report</p>")


def gateway(settings: Settings, prediction: str) -> Iterator[str]:
    ingestion = FastAPI()
    ingestion.mount("/", ingestion_app(settings))  # without a queue of its own: a process has one, that of training
    with served(training_app(settings)) as training, served(ingestion) as beside:
        urls = {"training_url": training, "ingestion_url": beside, "prediction_url": prediction}
        app = gateway_app(settings.model_copy(update=urls))
        app.state.users.add(*ADA, "user")
        with served(app) as url:
            yield url


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve real pages."""
    path = tmp_path_factory.mktemp("pdf") / "letters.pdf"
    pictures = [Image.open(page).convert("L") for page in [*PAGES, PAGES[3], PAGES[4]]]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], resolution=150)
    return path


def test_the_story_from_upload_to_roll_back(
    stack: str, enter: Enter, pdf: Path, problems: list[str], tmp_path: Path
) -> None:
    page = enter(stack, *USER)
    accessible(page)
    upload(page, pdf, "Letters of four hands", "Family")
    page.get_by_role("link", name="Letters of four hands").click()
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.locator(".tile .state.read").first).to_be_visible()
    picture(page, "workbench-reading")
    expect(page.locator(".tile .state.read")).to_have_count(12, timeout=JOB)
    accessible(page)
    page.get_by_role("link", name=f"Page {NOTE},").press("Enter")
    before, typed = correct_three_lines(page)
    move_a_baseline(page)
    find(page, typed)
    go_back(page, before, typed)
    page.get_by_role("link", name="Letters of four hands").click()
    share(page, enter(stack, *ADA))
    export(page, tmp_path / "export.zip", 12)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    choose_the_champion(enter(stack, *ADMIN))
    # The user "nobody" was not found, a document was not shared yet, and the gate refused.
    assert [problem for problem in problems if not re.search("404|409", problem)] == []


def test_an_admin_sees_what_changed_and_lets_a_version_read_in_the_shadow(
    stack: str, enter: Enter, problems: list[str]
) -> None:
    """Version 3, from the list; then its page, with the gold line that changed, and its end from there."""
    page = enter(stack, *ADMIN)
    page.goto(f"{stack}/admin/models")
    page.get_by_role("button", name="Shadow version 3").click()
    page.get_by_label("Why").fill("is it so bad?")
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    told(page, "Version 3 reads beside the champion in a few seconds.")
    expect(cell(page, "inkread 3.0", "Alias")).to_contain_text("shadow")
    page.get_by_role("link", name="3", exact=True).click()
    expect(page.get_by_text("Read by 1 of 1 prediction service")).to_be_visible(timeout=JOB)
    expect(page.get_by_role("img", name="the line as it is written")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("Deer Sir")
    accessible(page)
    picture(page, "admin-shadow")
    page.get_by_role("button", name="End shadow version 3").click()
    page.get_by_role("dialog").get_by_role("button", name="End").click()
    told(page, "Version 3 reads beside the champion no more.")
    assert problems == []


def test_an_admin_sees_which_figures_have_drifted(stack: str, enter: Enter, problems: list[str]) -> None:
    """First as it is after a start; then with figures as after many pages, which a test cannot read."""
    page = enter(stack, *ADMIN)
    page.goto(f"{stack}/admin/drift")
    expect(page.get_by_text("An index is there after 50 pages.")).to_be_visible()
    usual = {"slant": 1.32, "edge": 0.21, "language_de": 0.08, "confidence": 0.05}
    state = {"service": "http://a:8300", "reference": 200, "reference_pages": 200, "window": 50, "window_pages": 50}
    state |= {"alarm": 0.65, "usual": usual, "training": {name: 2 * index for name, index in usual.items()}}
    page.route("**/models/drift", lambda route: route.fulfill(json=[state]))
    page.reload()
    expect(cell(page, "slant", "Figure")).to_contain_text("drifted")
    expect(cell(page, "slant", "Index")).to_have_text("1.32")
    expect(cell(page, "language_de", "What it is")).to_have_text("how far the text is like de")
    assert page.get_by_role("row").nth(1).inner_text().startswith("slant"), "the farthest first"
    accessible(page)
    picture(page, "admin-drift")
    assert problems == []


def choose_the_champion(page: Page) -> None:
    page.get_by_role("link", name="Admin").press("Enter")
    page.get_by_role("link", name="Models").press("Enter")
    page.get_by_role("button", name="Promote version 2").press("Enter")
    page.keyboard.type("better on the letters")
    page.keyboard.press("Enter")
    told(page, "Version 2 is the champion and is served.")
    expect(cell(page, "inkread 2.0", "Alias")).to_have_text("champion")

    page.get_by_role("button", name="Promote version 3").click()
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_role("alert")).to_contain_text(re.compile("Version 3 .*champion 2"))
    expect(page.get_by_role("dialog").get_by_role("row").last).to_contain_text("10.00 %")
    accessible(page)
    picture(page, "admin-refused")
    page.get_by_role("dialog").get_by_role("button", name="Promote nevertheless").click()
    expect(page.get_by_role("alert")).to_contain_text("give a reason")
    page.keyboard.press("Escape")
    expect(cell(page, "inkread 2.0", "Alias")).to_have_text("champion")

    page.get_by_role("button", name="Roll back").click()
    page.get_by_label("Why").fill("complaints about names")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    told(page, "Version 1 is the champion and is served.")
    page.get_by_role("link", name="Audit trail").click()
    expect(page.get_by_role("row").filter(has_text="complaints about names")).to_contain_text("rolled back to")
    expect(page.get_by_role("row").filter(has_text="better on the letters")).to_contain_text("admin1")


def cell(page: Page, row: str, title: str) -> Locator:
    """A cell of a table by the words of its row and the title of its column."""
    return page.get_by_role("row").filter(has_text=row).locator(f"[data-title='{title}']")


def correct_three_lines(page: Page) -> tuple[str, str]:
    """By keyboard alone: another reading, a word typed, a line split, joined and ended; a text before, a text typed."""
    expect(current(page)).to_be_focused()
    picture(page, "workbench-page")
    picture(page, "workbench-page-dark", "dark")
    accessible(page)
    before = current(page).input_value()
    other = page.locator(".lines li.here .choice span").first.inner_text().strip()
    page.keyboard.press("Alt+1")
    expect(current(page)).to_have_value(other)
    page.keyboard.press("Control+Enter")
    expect(current(page)).not_to_have_value(other)
    page.keyboard.press("End")
    page.keyboard.type(" Zanzibar")
    typed = current(page).input_value()
    page.keyboard.press("Control+z")
    expect(current(page)).not_to_have_value(typed)
    page.keyboard.press("Control+Shift+z")
    expect(current(page)).to_have_value(typed)
    for _ in range(20):
        page.keyboard.press("Enter")
        if " " in current(page).input_value():
            break
    lines, whole = page.locator(".lines li").count(), current(page).input_value()
    page.keyboard.press("Home")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Alt+s")
    expect(page.locator(".lines li")).to_have_count(lines + 1)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Alt+j")
    expect(page.locator(".lines li")).to_have_count(lines)
    expect(current(page)).to_have_value(whole)
    page.keyboard.press("End")
    page.keyboard.type("!")
    page.keyboard.press("Control+s")
    status(page)
    expect(page.locator(".state.in_correction")).to_be_visible()
    return before, typed


def move_a_baseline(page: Page) -> None:
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+g")
    picture(page, "workbench-places")
    accessible(page)
    box = page.locator(".handle").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 6, y + 4, steps=3)
    page.mouse.up()
    told(page, "The line was read again.")
    page.keyboard.press("Alt+g")
    status(page)


def find(page: Page, typed: str) -> None:
    """Also after a reload."""
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Search all documents").fill("zanzibar")
    expect(page.locator(".hits li a")).to_have_count(1)
    accessible(page)
    page.locator(".hits li a").click()
    expect(current(page)).to_have_value(typed)
    page.reload()
    expect(field(page, 1)).to_be_visible()
    assert typed in texts(page)


def go_back(page: Page, before: str, typed: str) -> None:
    page.get_by_role("button", name="Versions").click()
    expect(page.locator(".versions ins", has_text="Zanzibar").first).to_be_visible()
    accessible(page)
    picture(page, "workbench-versions")
    page.get_by_role("button", name="Go back to this").last.click()
    told(page, "as it was then")
    assert before in texts(page)
    assert typed not in texts(page)


def share(page: Page, other: Page) -> None:
    """Another person cannot open it before, and reads without changing anything after."""
    other.goto(f"{page.url}/{NOTE}")
    expect(other.get_by_role("heading", name="This is not here")).to_be_visible()
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User name").fill("nobody")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator(".problem")).to_contain_text("nobody")
    dialog.get_by_label("User name").fill("ada")
    dialog.get_by_label("Role", exact=True).first.select_option("reader")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator(".shares")).to_contain_text("ada")
    accessible(page)
    page.keyboard.press("Escape")
    other.reload()
    expect(field(other, 1)).not_to_be_editable()
    expect(other.get_by_role("button", name="Done")).to_have_count(0)
    other.get_by_role("link", name="Letters of four hands").click()
    expect(other.locator(".tile")).to_have_count(12)
    expect(other.get_by_role("button", name=re.compile("Delete|Share"))).to_have_count(0)


def export(page: Page, path: Path, pages: int) -> None:
    page.get_by_role("button", name="Export").click()
    accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="PAGE XML").click()
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == pages
        for name in archive.namelist():
            assert etree.fromstring(archive.read(name)).findall(".//{*}TextLine"), name


def test_an_admin_starts_watches_and_cancels_jobs(
    stack: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(stack, *ADMIN)
    page.get_by_role("link", name="Admin").press("Enter")
    expect(page.get_by_text("No job was started yet.")).to_be_visible()

    # By keyboard alone: what was typed is checked, and the dialog stays until it is right.
    page.get_by_role("button", name="Train").press("Enter")
    page.keyboard.type("9")
    page.keyboard.press("Tab")
    page.keyboard.type("{")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The settings are no JSON")
    accessible(page)
    page.get_by_label("Other settings").fill('{"extract_raw_data": {"seed": 2}}')
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Extract_raw_data cannot be set here")
    page.get_by_label("Other settings").fill("")
    page.get_by_role("button", name="Start").press("Enter")
    expect(page.locator(".facts .state")).to_have_text("running", timeout=JOB)
    expect(page.locator(".log")).to_contain_text("build_train_cnn", timeout=JOB)
    accessible(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".facts .state")).to_have_text("cancelled", timeout=JOB)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()

    # An archive becomes a data set; the other service takes it.
    archive = tmp_path / "pages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("a.txt", "a")
    page.get_by_role("link", name="Jobs").first.click()
    page.get_by_role("button", name="New data set").click()
    page.get_by_label("Made of").select_option("folder")
    page.get_by_label("Path on the server").fill("/etc")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("INKREAD_INGEST_FOLDERS")
    page.get_by_label("Made of").select_option("file")
    page.get_by_label("Archive").set_input_files(archive)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".facts .state")).to_have_text("succeeded", timeout=JOB)
    expect(page.locator(".facts")).to_contain_text("lines kept")
    page.get_by_role("link", name="Jobs").first.click()
    expect(page.get_by_role("row")).to_have_count(3)
    picture(page, "admin-jobs")
    assert [row.inner_text() for row in page.locator(".state").all()] == ["succeeded", "cancelled"]
    assert [problem for problem in problems if "422" not in problem] == []


def test_an_admin_sees_data_users_storage_and_who_did_what(
    stack: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    ada, page = enter(stack, *ADA), enter(stack, *ADMIN)
    file = tmp_path / "broken.pdf"
    file.write_bytes(b"%PDF-1.7 without any page")
    upload(ada, file, "Broken letters")
    expect(ada.locator(".document", has_text="Broken letters").locator(".state.failed")).to_be_visible()
    assert ada.goto("/admin").status == 403  # type: ignore[union-attr]
    expect(ada.get_by_role("heading", name="This is for admins")).to_be_visible()
    accessible(ada)
    ada.goto("/")
    expect(ada.get_by_role("link", name="Admin")).to_have_count(0)

    page.goto("/admin/data")
    look_at_data(page)
    page.get_by_role("link", name="Users and keys").click()
    shut_out(page, ada)
    make_a_key(page)
    page.get_by_role("link", name="Storage").click()
    delete_a_document(page)
    page.get_by_role("link", name="Audit trail").click()
    seeded = page.get_by_role("row").filter(has_text="the bundled model is the first champion")
    expect(seeded).to_contain_text("promoted")
    # Ada was sent away and shut out, and the broken document has no picture.
    assert [problem for problem in problems if not re.search("401|403|404", problem)] == []


@pytest.mark.parametrize("width", [360, 2560])
def test_admin_views_on_narrow_and_wide_screens(stack: str, enter: Enter, width: int) -> None:
    page = enter(stack, *ADMIN)
    page.set_viewport_size({"width": width, "height": 900})
    for view in VIEWS:
        page.goto(f"/admin/{view}")
        expect(page.locator("h1")).to_be_visible()
        expect(page.get_by_text("is being fetched")).to_have_count(0)
        accessible(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, view


def look_at_data(page: Page) -> None:
    assert cell(page, "ingest-ledgers", "Samples").inner_text() == "42"
    assert cell(page, "ingest-ledgers", "Growth").inner_text() == "+30"
    picture(page, "admin-data")
    page.get_by_role("link", name="2", exact=True).click()
    assert cell(page, "ledgers", "Writers").inner_text() == "3"
    assert cell(page, "image missing", "Samples").inner_text() == "2"


def shut_out(page: Page, ada: Page) -> None:
    """A user is added and made admin; another one has to log in again, and then cannot."""
    page.get_by_role("button", name="Add a user").click()
    page.get_by_label("Name", exact=True).fill("bert")
    page.get_by_label("Password", exact=True).fill(ADA[1])
    page.get_by_role("button", name="Add", exact=True).click()
    told(page, "bert may log in.")
    page.get_by_label("Role of bert").select_option("admin")
    told(page, "bert is admin now")
    page.get_by_role("button", name="End sessions of ada").click()
    page.get_by_role("button", name="End them").click()
    told(page, "ada has to log in again.")
    ada.reload()
    expect(ada.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_role("button", name="Disable ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    told(page, "ada can log in no more.")
    ada.get_by_label("User name").fill(ADA[0])
    ada.get_by_label("Password").fill(ADA[1])
    ada.get_by_role("button", name="Log in").click()
    expect(ada.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_role("button", name="Enable ada").click()
    told(page, "ada may log in again.")


def make_a_key(page: Page) -> None:
    page.get_by_role("button", name="Make a key").click()
    page.get_by_label("Name", exact=True).fill("scanner")
    page.get_by_label("Pages a day").fill("50")
    page.get_by_role("button", name="Make it").click()
    assert page.locator("#key-text").input_value().startswith("ink_")
    accessible(page)
    page.keyboard.press("Escape")
    picture(page, "admin-users")
    assert cell(page, "scanner", "Pages today").inner_text() == "0 of 50"
    page.get_by_role("button", name="Revoke scanner of admin1").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    told(page, "scanner was revoked.")


def delete_a_document(page: Page) -> None:
    assert cell(page, "Broken letters", "Owner").inner_text() == "ada"
    picture(page, "admin-storage")
    page.get_by_role("button", name="Delete Broken letters of ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row").filter(has_text="Broken letters")).to_have_count(0)
