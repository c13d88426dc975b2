"""How long a person waits in the workbench for a page, and for a key press, in a document of 500 pages.

Usage: ``python benchmarks/workbench.py [--pages 500] [--runs 20] [--json workbench.json]``

A gateway serves real pages of ``tests/pages``, repeated; a prediction service that knows their transcriptions stands in
for the reader. Chromium opens pages of the document by their addresses, each with an empty cache, then lists all pages,
then types into a line. Times are those of the browser's own clock: from the start of the navigation until scan and text
are shown, and from a key press until the frame after it.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
import numpy as np
import structlog
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

import figures
from inkread.cli.terminal import run_command
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.server.browsing import chromium, entering
from tests.server.servers import served, when
from tests.server.transcribed import transcribed_prediction

USER = ("user1", "1resu")
SECONDS = 900.0
TEXT = "and some more words than were there "
SHOWN = """() => {
  const scan = document.querySelector(".world img");
  return scan?.complete && scan.naturalWidth && document.querySelector(".lines textarea") ? performance.now() : 0;
}"""
LISTED = """() => {
  const seen = [...document.querySelectorAll(".tile img")].filter((image) => image.getBoundingClientRect().top < 300);
  return seen.length && seen.every((image) => image.complete && image.naturalWidth) ? performance.now() : 0;
}"""
WATCH = """() => {
  globalThis.keys = [];
  document.addEventListener("keydown", () => {
    const pressed = performance.now();
    requestAnimationFrame(() => setTimeout(() => globalThis.keys.push(performance.now() - pressed)));
  }, true);
}"""


def document(address: str, pages: int) -> str:
    """The id of a document of so many pages, once all of them are read."""
    with httpx2.Client(base_url=address, auth=USER, trust_env=False, timeout=60) as client:
        files = {"file": ("pages.pdf", str(pages).encode())}
        made = client.post("/documents", files=files, data={"name": f"{pages} pages"}).json()["id"]
        when(lambda: client.get(f"/documents/{made}").json()["state"] == "read", SECONDS)
    return str(made)


def opened(browser: Browser, address: str, paths: list[str], shown: str) -> list[float]:
    """Milliseconds until each address is shown, each in a context without a cache."""
    found = []
    for path in paths:
        page = entering(browser, [])(address, *USER)
        page.goto(path, wait_until="commit")
        found.append(float(page.wait_for_function(shown, polling="raf", timeout=60_000).json_value()))
        page.context.close()
    return found


def typed(page: Page, presses: int) -> list[float]:
    """Milliseconds from each key press to the end of the next frame."""
    page.locator(".lines textarea").first.click()
    page.evaluate(WATCH)
    text = (TEXT * (presses // len(TEXT) + 1))[:presses]
    page.keyboard.press("End")
    page.keyboard.type(text, delay=40)
    page.wait_for_function("(count) => globalThis.keys.length >= count", arg=presses)
    return [float(value) for value in page.evaluate("() => globalThis.keys")]


def main() -> None:
    """Measure, and print a table."""
    parser = figures.parser(__doc__, "workbench.py --pages 500")
    parser.add_argument("--pages", type=int, default=500, help="of the document")
    parser.add_argument("--runs", type=int, default=20, help="pages that are opened")
    parser.add_argument("--keys", type=int, default=200, help="key presses")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # a line a request else
    chosen = random.Random(1).sample(range(1, options.pages + 1), options.runs)
    with tempfile.TemporaryDirectory() as home, served(transcribed_prediction()) as prediction:
        settings = Settings(
            home=Path(home),
            secret=SecretStr("a secret of the benchmark, long enough"),
            prediction_url=prediction,
            rate_limit="100000/minute",
            documents_at_once=8,
        )
        with served(gateway_app(settings)) as address, chromium() as browser:
            begun = time.monotonic()
            place = f"/d/{document(address, options.pages)}"
            print(f"{options.pages} pages were there after {time.monotonic() - begun:.0f} s", file=sys.stderr)
            pages = opened(browser, address, [f"{place}/{number}" for number in chosen], SHOWN)
            lists = opened(browser, address, [place] * max(3, options.runs // 4), LISTED)
            page = entering(browser, [])(address, *USER)
            page.goto(f"{place}/{options.pages // 2}")
            page.wait_for_function(SHOWN)
            keys = typed(page, options.keys)
    measured = {"open a page": pages, "open the list of pages": lists, "key press to next frame": keys}
    rows, found = {}, []
    for name, times in measured.items():
        middle, late, most = np.percentile(times, (50, 95, 100))
        rows[name] = [str(len(times)), *(f"{value:.0f}" for value in (middle, late, most))]
        for part, value in (("median", middle), ("95 %", late), ("slowest", most)):
            found.append(
                figures.figure(f"{name}, {part}", "s", float(value) / 1000, dataset="tests/pages", requests=len(times))
            )
    load = os.getloadavg()[0]
    print(figures.markdown(["milliseconds", "times", "median", "95 %", "slowest"], rows))
    print(f"{options.pages} pages, {os.cpu_count()} processors, load {load:.0f}")
    figures.write(options.json, found, pages=options.pages, processors=os.cpu_count(), load=load)


if __name__ == "__main__":
    run_command(main)
