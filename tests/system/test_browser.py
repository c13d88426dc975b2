"""A person with a browser logs in, drops a scan, reads it, and takes it away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import etree
from playwright.sync_api import Page, expect, sync_playwright

from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.conftest import EXAMPLES
from tests.server.servers import served, wait_until_ready

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    with served(prediction_app(settings)) as prediction:
        wait_until_ready(prediction)
        with served(gateway_app(settings.model_copy(update={"prediction_url": prediction}))) as url:
            yield url


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1200, "height": 900}, accept_downloads=True)
        page.set_default_timeout(60_000)
        yield page
        browser.close()


def violations(page: Page) -> list[str]:
    return [item["id"] for item in Axe().run(page).response["violations"]]


def test_a_person_reads_a_scan(page: Page, address: str, tmp_path: Path) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/try")
    assert violations(page) == []
    page.get_by_label("User name").fill("user1")
    page.get_by_label("Password").fill("1resu")
    page.get_by_role("button", name="Log in").click()

    page.get_by_label("Drop a scan here").set_input_files(EXAMPLES / "letter.png")
    page.get_by_label("Flag lines below").select_option("0.9")
    page.get_by_role("button", name="Read").click()
    expect(page.locator(".lines li").first).to_contain_text("Bristol", timeout=60_000)
    lines = page.locator(".lines li").count()
    assert page.locator("polygon").count() == lines > 5
    assert violations(page) == []

    page.locator(".lines li").nth(1).focus()
    assert page.locator("polygon.here").count() == 1
    page.locator("svg").scroll_into_view_if_needed()
    page.locator("polygon").nth(2).click()
    expect(page.locator(".lines li").nth(2)).to_be_focused()

    for format, check in (("PAGE", _is_page), ("PDF", _is_pdf)):
        with page.expect_download() as download:
            page.get_by_role("button", name=format, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        check(path, lines)

    page.get_by_label("Drop a scan here").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"x"})
    page.get_by_role("button", name="Read").click()
    expect(page.get_by_role("status")).to_contain_text("a.png: this is none of PNG")
    assert [error for error in errors if "415" not in error] == []


def _is_page(path: Path, lines: int) -> None:
    assert path.name == "letter.page.xml"
    assert len(etree.parse(path).findall(".//{*}TextLine")) == lines


def _is_pdf(path: Path, _lines: int) -> None:
    with pikepdf.open(path) as document:
        assert len(document.pages) == 1
