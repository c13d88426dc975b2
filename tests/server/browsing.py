"""Chromium for tests: people who log in, accessibility, pictures for the documentation.

Usage: the fixtures ``enter`` and ``problems`` of conftest; ``accessible(page)``
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
PICTURES = Path(os.environ["INKREAD_PICTURES"]).resolve() if "INKREAD_PICTURES" in os.environ else None
"""A folder for the pictures of the documentation: INKREAD_PICTURES=docs/images pytest -m system tests/server"""
WITH_CHROMIUM = [
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]

Scheme = Literal["light", "dark"]
Enter = Callable[..., Page]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


def entering(browser: Browser, problems: list[str]) -> Enter:
    """``enter(address, *USER)``: a page of a person who has logged in, with a browser of their own."""

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
    """Collect what the browser's console complains of."""
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))


def accessible(page: Page) -> None:
    """In light and dark."""
    schemes: tuple[Scheme, ...] = ("dark", "light")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        wrong = [(item["id"], [node["html"] for node in item["nodes"]]) for item in found]
        assert not wrong, f"{page.url}, {scheme}: {wrong}"


def told(page: Page, text: str) -> None:
    """Wait for a message in the corner."""
    expect(page.locator(".message", has_text=text).last).to_be_visible()


def picture(page: Page, name: str, scheme: Scheme = "light") -> None:
    """Take a picture for the documentation, where pictures are wanted."""
    if PICTURES is None:
        return
    page.emulate_media(color_scheme=scheme)
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    small = taken.quantize(256, kmeans=1, dither=Image.Dither.NONE)
    small.save(PICTURES / f"{name}.png", optimize=True)
    page.emulate_media(color_scheme="light")


def upload(page: Page, file: Path, name: str, collection: str = "") -> None:
    page.get_by_label("Files", exact=True).set_input_files(file)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Collection (may be empty)").fill(collection)
    page.get_by_role("button", name="Upload and read").click()


def field(page: Page, number: int) -> Locator:
    return page.get_by_label(f"Line {number}", exact=True)


def current(page: Page) -> Locator:
    return page.locator(".lines li.here textarea")


def texts(page: Page) -> list[str]:
    return [area.input_value() for area in page.locator(".lines textarea").all()]


def status(page: Page, text: str = "Saved") -> None:
    expect(page.locator(".status")).to_have_text(text)
