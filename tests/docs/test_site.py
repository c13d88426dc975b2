"""The site builds without a warning, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.docs.blocks import PAGES, ROOT

CHROMIUM = Path("/usr/bin/chromium")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE_BY_USERS = ("deploy/.env", "benchmarks/results/VERSION.json")
FILE = re.compile(r"`((?:deploy|scripts|src|docs|recipe|benchmarks|\.github)/[\w./-]+)`")
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"?(https?:)?//(?P<host>[^/\" >]+)[^>]*>")
DESCRIBED = ("canonical", "prev", "next")
"""Kinds of <link> that name an address without loading it."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for found in LOADED.finditer(page.read_text(encoding="utf-8")):
            assert any(f"rel={kind}" in found[0].replace('"', "") for kind in DESCRIBED), found[0]
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_the_reference_has_every_public_name(site: Path) -> None:
    import inkread

    text = (site / "library.html").read_text(encoding="utf-8")
    missing = [name for name in inkread.__all__ if not re.search(rf"id=\"?[\w.]*\b{name}\b", text)]
    assert missing in ([], ["__version__"])


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed (Debian: apt-get install chromium)")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_site_and_its_search_work_from_a_folder(site: Path) -> None:
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        # The search listens to keys: filling the field without them is seen only if the index is not ready yet.
        page.locator(".md-search__input").press_sequentially("champion")
        page.wait_for_selector(".md-search-result__item a[href*='concepts']", timeout=60_000)
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path.read_text(encoding="utf-8")), target


def test_the_architecture_names_modules_that_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`((?:\w+/)*\w+\.py|\w+/)`", text)
    assert len(names) > 40
    assert [
        name for name in names if not any((root / name).exists() for root in (ROOT, ROOT / "src" / "inkread"))
    ] == []
    packages = {path.name for path in (ROOT / "src" / "inkread").iterdir() if (path / "__init__.py").exists()}
    assert packages <= {name.split("/")[0] for name in names}


def test_decisions_have_a_number_each_and_are_in_the_index() -> None:
    index = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    assert len({name[:4] for name in names}) == len(names)
    assert not [name for name in names if f"({name})" not in index]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 700


def test_files_that_are_named_are_there() -> None:
    for page in PAGES:
        if "decisions" in page.parts or page.name in ("CHANGELOG.md", "research-log.md"):
            continue  # these name files of their time
        for name in FILE.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists() or name in MADE_BY_USERS, f"{page.name}: {name}"
