"""A person works in the workbench with a browser: from upload to export, by keyboard, in two tabs, without a network."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import etree
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.servers import served, wait_until_ready

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PAGES = sorted((Path(__file__).parents[1] / "pages").glob("*.webp"))
LETTER, NOTE = 4, 5  # page numbers of the PDF
PICTURES = os.environ.get("INKREAD_PICTURES", "")
"""A folder for the pictures of the documentation: INKREAD_PICTURES=docs/images pytest tests/server/test_workbench.py"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve real pages."""
    path = tmp_path_factory.mktemp("pdf") / "letters.pdf"
    pictures = [Image.open(page).convert("L") for page in [*PAGES, PAGES[3], PAGES[4]]]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], resolution=150)
    return path


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with served(prediction_app(settings)) as prediction:
        wait_until_ready(prediction)
        app = gateway_app(settings.model_copy(update={"prediction_url": prediction}))
        app.state.users.add("ada", "correct horse battery", "user")
        with served(app) as url:
            yield url


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def problems() -> list[str]:
    """What the browser's console complains of."""
    return []


@pytest.fixture
def enter(browser: Browser, address: str, problems: list[str]) -> Enter:
    """``enter("user1", "1resu")``: a page of a person who has logged in, in a browser of their own."""

    def enter(name: str = "user1", password: str = "1resu", scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address)
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()
        return page

    return enter


def accessible(page: Page) -> None:
    """In light and dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page).response["violations"]
        assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in found] == [], scheme
    page.emulate_media(color_scheme="light")


def picture(page: Page, name: str, scheme: str = "light") -> None:
    if not PICTURES:
        return
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    taken.quantize(128, dither=Image.Dither.NONE).save(Path(PICTURES) / f"workbench-{name}.png", optimize=True)
    page.emulate_media(color_scheme="light")


def upload(page: Page, file: Path, name: str = "", collection: str = "") -> None:
    page.get_by_label("Files", exact=True).set_input_files(file)
    if name:
        page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Collection (may be empty)").fill(collection)
    page.get_by_role("button", name="Upload and read").click()


def field(page: Page, number: int) -> str:
    return page.get_by_label(f"Line {number}", exact=True).input_value()


def saved(page: Page) -> None:
    expect(page.locator(".status")).to_have_text("Saved")


def test_the_story_from_upload_to_export(enter: Enter, pdf: Path, problems: list[str], tmp_path: Path) -> None:
    page = enter()
    accessible(page)
    upload(page, pdf, "Letters of four hands", "Family")
    page.get_by_role("link", name="Letters of four hands").click()
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.locator(".tile .state.read").first).to_be_visible()
    picture(page, "reading")
    expect(page.locator(".tile .state.read")).to_have_count(12, timeout=300_000)
    accessible(page)
    picture(page, "document")

    # Three lines by keyboard alone: another reading, words typed, a line split and joined again.
    page.get_by_role("link", name=f"Page {NOTE},").press("Enter")
    current = page.locator(".lines li.here textarea")
    expect(current).to_be_focused()
    picture(page, "page")
    picture(page, "page-dark", "dark")
    accessible(page)
    before = current.input_value()
    other = page.locator(".lines li.here .choice span").first.inner_text().strip()
    page.keyboard.press("Alt+1")
    expect(current).to_have_value(other)
    page.keyboard.press("Control+Enter")
    expect(current).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" Zanzibar")
    typed = current.input_value()
    page.keyboard.press("Control+z")
    expect(current).not_to_have_value(typed)
    page.keyboard.press("Control+Shift+z")
    expect(current).to_have_value(typed)
    page.keyboard.press("Enter")
    lines = page.locator(".lines li").count()
    whole = current.input_value()
    page.keyboard.press("Home")
    page.keyboard.press("Control+ArrowRight")
    page.keyboard.press("Alt+s")
    if len(whole.split()) > 1:
        expect(page.locator(".lines li")).to_have_count(lines + 1)
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Alt+j")
    expect(page.locator(".lines li")).to_have_count(lines)
    expect(current).to_have_value(whole)
    saved(page)
    expect(page.locator(".state.in_correction")).to_be_visible()

    # A baseline is moved, and the line read again.
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+g")
    handle = page.locator(".handle").first
    box = handle.bounding_box()
    assert box is not None
    with page.expect_response(lambda answer: answer.url.endswith("/lines") and answer.request.method == "POST") as read:
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 6, box["y"] + box["height"] / 2 + 4, steps=3)
        page.mouse.up()
    assert read.value.status == 200
    expect(page.locator(".message", has_text="The line was read again.")).to_be_visible()
    picture(page, "places")
    accessible(page)
    page.keyboard.press("Alt+g")
    saved(page)

    # Found in the search, also after a reload.
    page.get_by_role("link", name="Search").click()
    page.get_by_label("Search all documents").fill("zanzibar")
    hit = page.locator(".hits li a")
    expect(hit).to_have_count(1)
    accessible(page)
    picture(page, "search")
    hit.click()
    expect(current).to_have_value(typed)
    page.reload()
    expect(page.locator(".lines li")).to_have_count(lines)
    assert typed in [area.input_value() for area in page.locator(".lines textarea").all()]

    # Back to what the model read, and the versions since stay.
    page.get_by_role("button", name="Versions").click()
    expect(page.locator(".versions ins", has_text="Zanzibar")).to_be_visible()
    accessible(page)
    picture(page, "versions")
    page.get_by_role("button", name="Go back to this").last.click()
    expect(page.locator(".message", has_text="as it was then")).to_be_visible()
    texts = [area.input_value() for area in page.locator(".lines textarea").all()]
    assert before in texts
    assert typed not in texts

    # Shared, exported, left.
    page.get_by_role("link", name="Letters of four hands").click()
    page.get_by_role("button", name="Share").click()
    page.get_by_label("User name").fill("nobody")
    page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog").locator(".problem")).to_contain_text("nobody")
    page.get_by_label("User name").fill("ada")
    page.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog").locator(".shares")).to_contain_text("ada")
    accessible(page)
    picture(page, "share")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Export").click()
    accessible(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="PAGE XML").click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        assert len(archive.namelist()) == 12
        for name in archive.namelist():
            etree.fromstring(archive.read(name))
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert [problem for problem in problems if "404" not in problem] == []  # "nobody" was not found
