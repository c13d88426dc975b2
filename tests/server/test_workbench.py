"""What can go wrong while a person works in the workbench: two tabs, no network, an ended session, small screens."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from inkread.formats import read_layout
from inkread.server.gateway.app import gateway_app
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
    watch,
)
from tests.server.servers import served
from tests.server.transcribed import PAGES, READ_AGAIN, transcribed_prediction

USER = ("user1", "1resu")
pytestmark = WITH_CHROMIUM


@pytest.fixture
def transcribed(settings: Settings) -> Iterator[str]:
    """The address of a gateway whose prediction knows its pages."""
    with served(transcribed_prediction()) as prediction:
        settings = settings.model_copy(update={"prediction_url": prediction})
        with served(gateway_app(settings)) as url:
            yield url


def known(page: Page, pages: int, tmp_path: Path) -> str:
    """The address of a document of known pages."""
    file = tmp_path / "known.pdf"
    file.write_text(f"%PDF-{pages}")
    upload(page, file, "Known pages")
    page.get_by_role("link", name="Known pages").click()
    expect(page.locator(".tools").get_by_role("button", name="Stop reading")).to_have_count(0)
    expect(page.locator(".tile .state.read").first).to_be_visible()
    return page.url


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
    picture(second, "workbench-merge")
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


def test_files_that_cannot_be_read_are_refused_before_they_are_sent(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    """Each with a sentence; the others go on."""
    page = enter(transcribed, *USER)
    word, known_file = tmp_path / "letter.docx", tmp_path / "known.pdf"
    word.write_bytes(b"PK\x03\x04" + bytes(2_000_000))
    known_file.write_text("%PDF-2")
    sent: list[int] = []
    page.on("request", lambda request: sent.append(int(request.headers.get("content-length", "0"))))
    page.get_by_label("Files", exact=True).set_input_files([word, known_file])
    expect(page.locator(".files li")).to_have_text(["known.pdf"])
    refused = page.get_by_label("Files that cannot be read")
    expect(refused).to_contain_text(
        "letter.docx: this is none of PNG, JPEG, WebP, TIFF and PDF, save it as one of them."
    )
    accessible(page)
    page.get_by_role("button", name="Upload and read").click()
    expect(page.get_by_role("link", name="known")).to_be_visible()
    accessible(page)
    refused.get_by_role("button", name="Close").click()
    expect(refused.locator("li")).to_have_count(0)
    page.goto(f"{transcribed}/try")
    page.locator("#file").set_input_files(word)
    page.get_by_role("button", name="Read").click()
    expect(page.locator("#status")).to_contain_text("letter.docx: this is none of")
    assert max(sent) < 10_000, "the file itself was not sent"
    assert problems == []


def test_what_to_correct_next_is_a_list_that_leads_to_the_lines(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    known(page, 2, tmp_path)
    page.get_by_role("link", name="To correct").click()
    lines = page.get_by_role("list", name="Lines to correct").get_by_role("listitem")
    expect(lines.first).to_contain_text("Known pages, p. ")
    expect(lines.first).to_contain_text(re.compile("about .* wrong|unusual slant"))
    accessible(page)
    picture(page, "workbench-next")
    count, text = lines.count(), lines.first.locator(".text").inner_text()
    lines.first.get_by_role("link").click()
    expect(current(page)).to_have_value(text)
    page.keyboard.press("Enter")
    status(page)
    page.get_by_role("link", name="To correct").click()
    expect(lines).to_have_count(count - 1)
    assert text not in lines.locator(".text").all_inner_texts()
    page.goto(f"{transcribed}/d/nowhere")
    expect(page.get_by_role("heading", name="This is not here")).to_be_visible()
    page.get_by_role("link", name="All documents").click()
    expect(page.get_by_role("heading", name="Documents")).to_be_visible()
    assert [problem for problem in problems if "404" not in problem] == []


def test_an_insertion_says_where_it_belongs_and_keeps_its_place(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    page.goto(f"{known(page, 2, tmp_path)}/2")
    expect(current(page)).to_be_focused()
    about = page.locator(".lines .about", has_text="inserted in line")
    expect(about).to_have_count(1)
    line = int(re.findall("inserted in line ([0-9]+)", about.inner_text())[0])
    host = field(page, line)
    said = f"inserted in line {line} after “{host.input_value().split()[0]}”"
    expect(about).to_contain_text(said)
    host.fill(f"Now {host.input_value()}")
    status(page)
    expect(about).to_contain_text(said)
    host.press("Alt+Delete")
    expect(about).to_have_count(0)
    status(page)
    page.reload()
    expect(field(page, 1)).to_be_visible()
    expect(about).to_have_count(0)
    assert problems == []


MERGE = """async ([base, mine, theirs]) => {
  const { merge } = await import("/static/workbench/merge.js");
  const known = { polygon: [], corrected_by: null };
  const line = ([id, text, y, kind]) => ({ id, text, kind, baseline: [[0, y], [9, y]], ...known });
  const { lines, conflicts } = merge(...[base, mine, theirs].map((lines) => lines.map(line)));
  const shown = ({ id, text, baseline, kind }) => [id, text, baseline[0][1], ...(kind ? [kind] : [])];
  return [lines.map(shown), conflicts.map(({ id }) => id)];
}"""
A, B, C, D = (["a", "one", 1], ["b", "two", 2], ["c", "three", 3], ["d", "four", 4])
K, KEPT = ["a", "one", 1, "text"], ["a", "ONE", 1, "heading"]


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
        ("kind, and changed there", [K], [["a", "one", 1, "heading"]], [["a", "ONE", 1, "text"]], [KEPT], []),
        ("changed, and kind there", [K], [["a", "ONE", 1, "text"]], [["a", "one", 1, "heading"]], [KEPT], []),
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

    # By keyboard: the line becomes a heading, in a region of its own, and is text again after undo.
    page.keyboard.press("Alt+t")
    expect(page.get_by_label("Kind of region")).to_be_focused()
    page.keyboard.type("h")
    page.keyboard.press("Enter")
    expect(current(page)).to_be_focused()
    about = page.locator(".lines li.here .about")
    expect(about).to_contain_text("heading")
    status(page)
    page.keyboard.press("Control+z")
    expect(about).not_to_contain_text("heading")
    page.keyboard.press("Control+Shift+z")
    expect(about).to_contain_text("heading")
    accessible(page)

    # Without a mouse: a point is moved with the arrow keys, and the place survives a reload.
    page.locator(".handle").first.focus()
    x = page.locator(".handle").first.get_attribute("cx")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".handle").first).to_have_attribute("cx", str(int(x or 0) + 2))
    status(page)
    page.reload()
    expect(page.locator(".lines li")).to_have_count(len(original) + 1)
    expect(page.locator(".lines .about", has_text="heading")).to_have_count(1)
    assert problems == []


def test_lines_become_a_region_by_keyboard(transcribed: str, enter: Enter, problems: list[str], tmp_path: Path) -> None:
    page = enter(transcribed, *USER)
    page.goto(f"{known(page, 1, tmp_path)}/1")
    expect(current(page)).to_be_focused()
    original = texts(page)
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+b")
    told(page, "The region begins here.")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+b")
    told(page, "2 lines are a region now.")
    expect(page.get_by_label("Kind of region")).to_be_focused()
    page.keyboard.type("h")
    page.keyboard.press("Enter")
    expect(page.locator(".lines .about", has_text="heading")).to_have_count(2)
    page.keyboard.press("Alt+Shift+PageUp")
    assert texts(page)[:3] == [original[1], original[2], original[0]]
    status(page)
    page.reload()
    expect(page.locator(".lines .about", has_text="heading")).to_have_count(2)
    assert texts(page)[:3] == [original[1], original[2], original[0]]
    assert problems == []


def test_regions_are_drawn_and_changed_with_the_pointer_and_exported(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    page.goto(f"{known(page, 1, tmp_path)}/1")
    expect(current(page)).to_be_focused()
    page.keyboard.press("Alt+g")
    scan = page.locator(".scan").bounding_box()
    first = page.locator(".layer polygon[data-id]").first.bounding_box()
    assert scan is not None and first is not None
    page.get_by_role("button", name="Region", exact=True).click()
    page.mouse.move(scan["x"] + 10, max(scan["y"] + 10, first["y"] - 60))
    page.mouse.down()
    page.mouse.move(scan["x"] + scan["width"] - 10, first["y"] + scan["height"] / 3, steps=4)
    page.mouse.up()
    expect(page.get_by_label("Kind of region")).to_be_focused()
    page.keyboard.type("m")
    page.keyboard.press("Enter")
    notes = page.locator(".lines .about", has_text="marginal note")
    expect(notes.first).to_be_visible()
    count = notes.count()
    assert count > 1
    status(page)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(notes).to_have_count(0)
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    expect(notes).to_have_count(count)

    # A corner moves with the arrow keys, and keeps the focus.
    corner = page.locator(".handle.corner").nth(2)
    x = float(corner.get_attribute("cx") or 0)
    corner.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".handle.corner").nth(2)).to_have_attribute("cx", f"{x - 4:g}")
    expect(page.locator(".handle.corner").nth(2)).to_be_focused()
    accessible(page)
    status(page)
    page.reload()
    expect(notes).to_have_count(count)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="PAGE XML").click()
    download.value.save_as(tmp_path / "page.xml")
    regions = {(region.kind, len(region.lines)) for region in read_layout(tmp_path / "page.xml").regions}
    assert ("marginalia", count) in regions
    assert problems == []


def test_tags_are_given_found_and_taken_away(
    transcribed: str, enter: Enter, problems: list[str], tmp_path: Path
) -> None:
    page = enter(transcribed, *USER)
    known(page, 2, tmp_path)
    page.get_by_role("button", name="Tags").click()
    accessible(page)
    page.get_by_label("Tags", exact=True).fill("harbour, Bristol ,")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".head .tag")).to_have_text(["Bristol", "harbour"])
    page.locator(".tile").nth(1).click()
    page.get_by_role("button", name="Tags", exact=True).click()
    page.get_by_label("Tags", exact=True).fill("port")
    page.get_by_role("button", name="Save").click()
    text = texts(page)[0]
    page.get_by_role("link", name="Known pages").click()
    expect(page.locator(".tile .tag")).to_have_text(["port"])

    page.get_by_role("link", name="Documents").first.click()
    page.get_by_role("button", name="port", exact=True).click()
    expect(page.locator(".document .tag")).to_have_text(["Bristol", "harbour"])
    accessible(page)
    page.goto(f"{transcribed}/find?query={text[:20]}")
    page.get_by_label("Only pages with this tag").select_option("port")
    expect(page.locator(".hits li").first).to_contain_text("p. 2")
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
    dropped = page.evaluate_handle(
        DROPPED, [["scan 10.jpg", "%PDF-1"], ["scan 9.jpg", "%PDF-2"], ["apart.pdf", "%PDF-3"]]
    )
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
    page.get_by_role("button", name="Export").click()
    accessible(page)
    page.get_by_role("textbox", name="Pages").fill("2-3")
    with page.expect_download() as download:
        page.get_by_role("button", name="PAGE XML").click()
    download.value.save_as(tmp_path / "some.zip")
    with zipfile.ZipFile(tmp_path / "some.zip") as archive:
        assert archive.namelist() == ["Two scans_0002.page.xml", "Two scans_0003.page.xml"]
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


def test_a_wrong_password_keeps_the_name(transcribed: str, enter: Enter) -> None:
    page = enter(transcribed, *USER)
    page.context.clear_cookies()
    page.goto("/find")
    page.get_by_label("User name").fill(USER[0])
    page.get_by_label("Password").fill("mistyped")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(USER[1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search")).to_be_visible()


@pytest.mark.parametrize("width", [360, 2560])
def test_narrow_and_wide_screens(transcribed: str, enter: Enter, tmp_path: Path, width: int) -> None:
    page = enter(transcribed, *USER)
    page.set_viewport_size({"width": width, "height": 900})
    address = known(page, 3, tmp_path)
    for place in (address, f"{address}/2", f"{transcribed}/find?query=de"):
        page.goto(place)
        expect(page.locator("h1")).to_be_attached()
        accessible(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.goto(f"{address}/2")
    expect(page.get_by_role("note")).to_have_text("The picture is faint, take it again with more contrast.")
    page.goto(f"{address}/1")
    expect(page.get_by_role("note")).to_have_count(0)
    assert "0" not in page.locator(".text-pane").inner_text().splitlines()
    field(page, 2).click()
    expect(page.locator("canvas.strip")).to_be_in_viewport()
    picture(page, f"workbench-{width}")


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
