"""A person works in the workbench with a browser: upload, corrections by keyboard, two tabs, no network, export."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import etree
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright

from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.servers import served, wait_until_ready
from tests.server.transcribed import PAGES, READ_AGAIN, transcribed_prediction

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
USER, ADA = ("user1", "1resu"), ("ada", "correct horse battery")
NOTE = 5  # a page with alternatives
PICTURES = os.environ.get("INKREAD_PICTURES", "")
"""A folder for the pictures of the documentation: INKREAD_PICTURES=docs/images pytest tests/server/test_workbench.py"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

Scheme = Literal["light", "dark"]
Enter = Callable[..., Page]


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve real pages."""
    path = tmp_path_factory.mktemp("pdf") / "letters.pdf"
    pictures = [Image.open(page).convert("L") for page in [*PAGES, PAGES[3], PAGES[4]]]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], resolution=150)
    return path


@pytest.fixture
def reading(settings: Settings) -> Iterator[str]:
    """The address of a gateway whose prediction reads with the bundled model."""
    with served(prediction_app(settings)) as prediction:
        wait_until_ready(prediction)
        yield from gateway(settings, prediction)


@pytest.fixture
def transcribed(settings: Settings) -> Iterator[str]:
    """The address of a gateway whose prediction knows its pages."""
    with served(transcribed_prediction()) as prediction:
        yield from gateway(settings, prediction)


def gateway(settings: Settings, prediction: str) -> Iterator[str]:
    app = gateway_app(settings.model_copy(update={"prediction_url": prediction}))
    app.state.users.add(*ADA, "user")
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
def enter(browser: Browser, problems: list[str]) -> Enter:
    """``enter(address, *USER)``: a page of a person who has logged in, with a browser of their own.

    Tests ask for it behind the gateway, so that it ends first: a gateway waits for open streams of events.
    """

    def enter(address: str, name: str, password: str) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=address)
        context.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page = context.new_page()
        watch(page, problems)
        page.goto("/")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()
        return page

    return enter


def watch(page: Page, problems: list[str]) -> None:
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))


def accessible(page: Page) -> None:
    """In light and dark."""
    schemes: tuple[Scheme, ...] = ("dark", "light")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in found] == [], scheme


def picture(page: Page, name: str, scheme: Scheme = "light") -> None:
    if not PICTURES:
        return
    page.emulate_media(color_scheme=scheme)
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    small = taken.quantize(256, kmeans=1, dither=Image.Dither.NONE)
    small.save(Path(PICTURES) / f"workbench-{name}.png", optimize=True)
    page.emulate_media(color_scheme="light")


def upload(page: Page, file: Path, name: str, collection: str = "") -> None:
    page.get_by_label("Files", exact=True).set_input_files(file)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Collection (may be empty)").fill(collection)
    page.get_by_role("button", name="Upload and read").click()


def known(page: Page, pages: int, tmp_path: Path) -> str:
    """The address of a document of known pages."""
    file = tmp_path / "known.pdf"
    file.write_text(str(pages))
    upload(page, file, "Known pages")
    page.get_by_role("link", name="Known pages").click()
    expect(page.locator(".tools").get_by_role("button", name="Stop reading")).to_have_count(0)
    expect(page.locator(".tile .state.read").first).to_be_visible()
    return page.url


def field(page: Page, number: int) -> Locator:
    return page.get_by_label(f"Line {number}", exact=True)


def current(page: Page) -> Locator:
    return page.locator(".lines li.here textarea")


def texts(page: Page) -> list[str]:
    return [area.input_value() for area in page.locator(".lines textarea").all()]


def status(page: Page, text: str = "Saved") -> None:
    expect(page.locator(".status")).to_have_text(text)


def told(page: Page, text: str) -> None:
    expect(page.locator(".message", has_text=text).last).to_be_visible()


def test_the_story_from_upload_to_export(
    reading: str, enter: Enter, pdf: Path, problems: list[str], tmp_path: Path
) -> None:
    page = enter(reading, *USER)
    accessible(page)
    upload(page, pdf, "Letters of four hands", "Family")
    page.get_by_role("link", name="Letters of four hands").click()
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.locator(".tile .state.read").first).to_be_visible()
    picture(page, "reading")
    expect(page.locator(".tile .state.read")).to_have_count(12, timeout=300_000)
    accessible(page)
    page.get_by_role("link", name=f"Page {NOTE},").press("Enter")
    before, typed = correct_three_lines(page)
    move_a_baseline(page)
    find(page, typed)
    go_back(page, before, typed)
    page.get_by_role("link", name="Letters of four hands").click()
    share(page)
    export(page, tmp_path / "export.zip", 12)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert [problem for problem in problems if "404" not in problem] == []  # the user "nobody" was not found


def correct_three_lines(page: Page) -> tuple[str, str]:
    """By keyboard alone: another reading, words typed, a line split and joined; a text before, a text typed."""
    expect(current(page)).to_be_focused()
    picture(page, "page")
    picture(page, "page-dark", "dark")
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
    status(page)
    expect(page.locator(".state.in_correction")).to_be_visible()
    return before, typed


def move_a_baseline(page: Page) -> None:
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+g")
    picture(page, "places")
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
    picture(page, "versions")
    page.get_by_role("button", name="Go back to this").last.click()
    told(page, "as it was then")
    assert before in texts(page)
    assert typed not in texts(page)


def share(page: Page) -> None:
    page.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User name").fill("nobody")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator(".problem")).to_contain_text("nobody")
    dialog.get_by_label("User name").fill("ada")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.locator(".shares")).to_contain_text("ada")
    accessible(page)
    page.keyboard.press("Escape")


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


def test_others_see_what_is_shared_and_no_more(transcribed: str, enter: Enter, tmp_path: Path) -> None:
    owner, ada = enter(transcribed, *USER), enter(transcribed, *ADA)
    address = known(owner, 2, tmp_path)
    ada.goto(f"{address}/1")
    expect(ada.get_by_role("heading", name="This is not here")).to_be_visible()
    owner.get_by_role("button", name="Share").click()
    owner.get_by_label("User name").fill("ada")
    owner.get_by_label("Role", exact=True).first.select_option("reader")
    owner.get_by_role("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(owner.locator(".shares")).to_contain_text("ada")
    ada.goto(f"{address}/1")
    expect(field(ada, 1)).not_to_be_editable()
    ada.keyboard.press("Enter")
    expect(ada.get_by_role("button", name="Done")).to_have_count(0)
    ada.get_by_role("link", name="Known pages").click()
    expect(ada.locator(".tile")).to_have_count(2)
    expect(ada.get_by_role("button", name=re.compile("Delete|Share"))).to_have_count(0)


def test_two_tabs_on_one_page_lose_nothing(transcribed: str, enter: Enter, problems: list[str], tmp_path: Path) -> None:
    first = enter(transcribed, *USER)
    address = f"{known(first, 1, tmp_path)}/1"
    first.context.route("**/events", lambda route: route.abort())  # no tab is told what the other does
    first.goto(address)
    second = first.context.new_page()
    watch(second, problems)
    second.goto(address)
    for tab in (first, second):
        expect(field(tab, 1)).to_be_visible()

    # Different lines: both are kept, and nobody is asked.
    field(first, 1).fill("written in the first tab")
    field(second, 2).fill("written in the second tab")
    status(first)
    status(second)
    told(second, "both changes are kept")
    assert texts(second)[:2] == ["written in the first tab", "written in the second tab"]

    # The same line: the second is told who changed it, and decides.
    field(first, 3).fill("one reading")
    status(first)
    field(second, 3).fill("another reading")
    dialog = second.get_by_role("dialog")
    expect(dialog).to_contain_text("user1 saved this page")
    expect(dialog).to_contain_text("one reading")
    accessible(second)
    picture(second, "merge")
    second.reload()  # the question comes back, and what was typed with it
    expect(dialog).to_contain_text("another reading")
    dialog.get_by_role("button", name="Save these lines").click()
    status(second)
    first.reload()
    expect(field(first, 3)).to_have_value("another reading")
    assert texts(first)[:2] == ["written in the first tab", "written in the second tab"]
    first.get_by_role("button", name="Versions").click()
    first.locator("summary", has_text="saves").click()
    expect(first.locator(".versions del", has_text="one").first).to_be_visible()


MERGE = """async ([base, mine, theirs]) => {
  const { merge } = await import("/static/workbench/merge.js");
  const line = ([id, text, y]) => ({ id, text, baseline: [[0, y], [9, y]], polygon: [], corrected_by: null });
  const { lines, conflicts } = merge(...[base, mine, theirs].map((lines) => lines.map(line)));
  return [lines.map((line) => [line.id, line.text, line.baseline[0][1]]), conflicts.map(({ id }) => id)];
}"""
A, B, C, D = (["a", "one", 1], ["b", "two", 2], ["c", "three", 3], ["d", "four", 4])


def test_what_two_people_did_is_merged_line_by_line(transcribed: str, enter: Enter) -> None:
    page = enter(transcribed, *USER)
    for what, base, mine, theirs, merged, conflicts in (
        ("other lines", [A, B], [["a", "ONE", 1], B], [A, ["b", "TWO", 2]], [["a", "ONE", 1], ["b", "TWO", 2]], []),
        ("text and place", [A], [["a", "ONE", 1]], [["a", "one", 7]], [["a", "ONE", 7]], []),
        ("place and text", [A], [["a", "one", 7]], [["a", "ONE", 1]], [["a", "ONE", 7]], []),
        ("the same", [A], [["a", "ONE", 1]], [["a", "ONE", 1]], [["a", "ONE", 1]], []),
        ("two texts", [A], [["a", "mine", 1]], [["a", "theirs", 1]], [["a", "theirs", 1]], ["a"]),
        ("deleted", [A, B], [B], [A, B], [B], []),
        ("deleted, and changed there", [A, B], [B], [["a", "ONE", 1], B], [["a", "ONE", 1], B], []),
        ("changed, and deleted there", [A, B], [["a", "ONE", 1], B], [B], [["a", "ONE", 1], B], []),
        ("moved, and changed there", [A, B, C], [C, A, B], [A, ["b", "TWO", 2], C], [C, A, ["b", "TWO", 2]], []),
        ("added by both", [A, B], [A, C, B], [A, B, D], [A, C, B, D], []),
        ("moved by both", [A, B, C], [C, A, B], [B, A, C], [B, A, C], []),
    ):
        assert page.evaluate(MERGE, [base, mine, theirs]) == [merged, conflicts], what


def test_without_a_network_nothing_is_lost(transcribed: str, enter: Enter, tmp_path: Path) -> None:
    page = enter(transcribed, *USER)
    address = f"{known(page, 2, tmp_path)}/1"
    page.goto(address)
    expect(current(page)).to_be_focused()
    page.context.set_offline(True)
    page.keyboard.press("End")
    page.keyboard.type(" typed offline")
    status(page, "Kept in this browser")
    accessible(page)
    page.context.set_offline(False)
    status(page)

    # The tab is closed before anything is sent; the next one has it.
    page.route("**/pages/1", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    page.keyboard.type(" and closed")
    status(page, "Kept in this browser")
    other = page.context.new_page()
    page.close()
    other.goto(address)
    told(other, "Changes that were not sent yet are back.")
    status(other)
    other.reload()
    expect(current(other)).to_be_focused()
    assert any(text.endswith(" typed offline and closed") for text in texts(other))


def test_an_ended_session_asks_for_the_password_and_goes_on(transcribed: str, enter: Enter, tmp_path: Path) -> None:
    page = enter(transcribed, *USER)
    page.goto(f"{known(page, 1, tmp_path)}/1")
    expect(current(page)).to_be_focused()
    page.context.clear_cookies()
    page.keyboard.press("End")
    page.keyboard.type(" still here")
    page.get_by_label("Password").fill("1resu")
    page.get_by_role("button", name="Log in").click()
    status(page)
    page.reload()
    expect(current(page)).to_be_focused()
    assert any(text.endswith(" still here") for text in texts(page))


def test_lines_are_drawn_deleted_ordered_and_undone(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    page.goto(f"{known(page, 1, tmp_path)}/1")
    expect(current(page)).to_be_focused()
    original = texts(page)
    page.keyboard.press("Alt+Shift+ArrowDown")
    assert texts(page)[:2] == [original[1], original[0]]
    page.keyboard.press("Alt+Delete")
    assert texts(page) == [original[1], *original[2:]]
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert texts(page) == original

    scan = page.locator(".scan").bounding_box()
    assert scan is not None
    page.keyboard.press("Alt+a")
    page.mouse.move(scan["x"] + 150, scan["y"] + scan["height"] / 2)
    page.mouse.down()
    page.mouse.move(scan["x"] + 350, scan["y"] + scan["height"] / 2, steps=3)
    page.mouse.up()
    told(page, "The new line was read.")
    expect(current(page)).to_have_value(READ_AGAIN)
    assert len(texts(page)) == len(original) + 1

    # Without a mouse: a point is moved with the arrow keys, and the place survives a reload.
    page.locator(".handle").first.focus()
    x = page.locator(".handle").first.get_attribute("cx")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".handle").first).to_have_attribute("cx", str(int(x or 0) + 2))
    status(page)
    page.reload()
    expect(page.locator(".lines li")).to_have_count(len(original) + 1)
    assert problems == []


DROPPED = """(files) => {
  const dropped = new DataTransfer();
  for (const [name, text] of files) dropped.items.add(new File([text], name));
  return dropped;
}"""


def test_dropped_pictures_become_one_document_that_is_renamed_found_exported_and_deleted(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    dropped = page.evaluate_handle(DROPPED, [["scan 10.jpg", "1"], ["scan 9.jpg", "2"], ["apart.pdf", "3"]])
    page.dispatch_event("main", "drop", {"dataTransfer": dropped})
    accessible(page)
    page.get_by_label("Name", exact=True).fill("Two scans")
    page.get_by_label("Collection (may be empty)").fill("Box 7")
    page.get_by_role("button", name="Upload and read").click()
    expect(page.locator(".document")).to_have_count(2)
    expect(page.locator(".document .state.read")).to_have_count(2)
    scans = page.locator(".document", has_text="Two scans")
    expect(scans).to_contain_text("3 pages")  # two of "scan 9.jpg", then one of "scan 10.jpg"

    page.get_by_role("link", name="Two scans").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name", exact=True).fill("Ledger")
    page.get_by_label("Collection", exact=True).fill("Box 8")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
    page.get_by_role("link", name="Documents").first.click()
    page.get_by_role("button", name="Box 8").click()
    expect(page.locator(".document")).to_have_count(1)
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("Search names").fill("apar")
    expect(page.locator(".document")).to_have_count(1)
    page.get_by_label("Search names").fill("")
    expect(page.locator(".document")).to_have_count(2)

    for name in ("Ledger", "apart"):
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="ALTO XML").click()
    download.value.save_as(tmp_path / "both.zip")
    with zipfile.ZipFile(tmp_path / "both.zip") as archive:
        assert len(archive.namelist()) == 6
    page.locator(".chosen").get_by_role("button", name="Delete").click()
    accessible(page)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".document")).to_have_count(0)
    assert problems == []


@pytest.mark.parametrize("width", [360, 2560])
def test_narrow_and_wide_screens(transcribed: str, enter: Enter, tmp_path: Path, width: int) -> None:
    page = enter(transcribed, *USER)
    page.set_viewport_size({"width": width, "height": 900})
    address = known(page, 3, tmp_path)
    for place in (address, f"{address}/1", f"{transcribed}/find?query=de"):
        page.goto(place)
        expect(page.locator("h1")).to_be_attached()
        accessible(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.goto(f"{address}/1")
    field(page, 2).click()
    expect(page.locator("canvas.strip")).to_be_in_viewport()
    picture(page, str(width))


def test_five_hundred_pages_stay_fluent(transcribed: str, enter: Enter, tmp_path: Path) -> None:
    page = enter(transcribed, *USER)
    address = known(page, len(PAGES), tmp_path)
    expect(page.locator(".tile .state.read")).to_have_count(len(PAGES))
    page.route(re.compile(r"/documents/\w+$"), repeat_pages)
    page.route(re.compile(r"/documents/\w+/pages/\d+(/image.*)?$"), take_known_page)
    page.route("**/events", lambda route: route.abort())
    page.goto(address)
    expect(page.locator(".tile")).to_have_count(500)
    page.locator(".tile").nth(249).click()
    expect(current(page)).to_be_focused()
    page.evaluate(WATCH_KEYS)
    page.keyboard.press("End")
    page.keyboard.type(" and some more words than were there", delay=60)
    page.keyboard.press("F8")
    page.keyboard.press("F8")
    took = sorted(page.evaluate("() => globalThis.keys"))
    assert len(took) > 30
    assert took[len(took) // 2] < 50  # milliseconds from a key to the end of the next frame
    page.keyboard.press("Alt+PageDown")
    expect(page.get_by_role("heading", name="Page 251 of Known pages")).to_be_attached()
    expect(current(page)).to_be_focused()


def repeat_pages(route: Route) -> None:
    """The document as if it had its pages again and again: reading 500 would take minutes."""
    answer = route.fetch()
    document = answer.json()
    pages = document["pages"]
    document["pages"] = [{**pages[index % len(pages)], "number": index + 1} for index in range(500)]
    route.fulfill(response=answer, json={**document, "pages_total": 500})


def take_known_page(route: Route) -> None:
    number = re.search(r"/pages/(\d+)", route.request.url)
    assert number is not None
    there = (int(number[1]) - 1) % len(PAGES) + 1
    route.continue_(url=route.request.url.replace(number[0], f"/pages/{there}"))


WATCH_KEYS = """() => {
  globalThis.keys = [];
  document.addEventListener("keydown", () => {
    const pressed = performance.now();
    requestAnimationFrame(() => setTimeout(() => globalThis.keys.push(performance.now() - pressed)));
  }, true);
}"""
