"""Does reading many pages keep its memory, and what does one large page take?

Usage: ``python benchmarks/memory.py --pages 1000``

Reads one small page again and again and prints the resident memory after the first 50 pages and after the last; then
reads one page of 12 megapixels in a fresh process and prints the peak. Linux only (/proc).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import figures
from inkread import Reader
from inkread.io.images import PageImage
from inkread.io.inputs import load_pages

EXAMPLE = Path(__file__).parents[1] / "examples" / "letter.png"
WARM_UP = 50
LARGE = (4000, 3000)


def memory(field: str) -> float:
    """A field of /proc/self/status, such as VmRSS or VmHWM, in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def small_pages(count: int) -> Iterator[PageImage]:
    """The upper part of the example letter, ``count`` times."""
    grey = next(load_pages(EXAMPLE)).grey[:520]
    return (PageImage(grey.copy()) for _ in range(count))


def read_many(count: int) -> list[figures.Figure]:
    """Memory early and late."""
    made = []
    with figures.bar("reading", count) as advance:
        for number, _ in enumerate(Reader(threads=2).read_pages(small_pages(count)), start=1):
            advance(1)
            if number in (WARM_UP, count):
                name = f"memory after {number} of {count} pages"
                dataset = "upper part of examples/letter.png"
                made.append(figures.figure(name, "MiB", memory("VmRSS"), dataset=dataset, pages=number))
    return made


def read_large() -> list[figures.Figure]:
    """The peak memory of one page of 12 megapixels, colour, from a file."""
    page = np.asarray(cv2.resize(next(load_pages(EXAMPLE)).grey, LARGE[::-1], interpolation=cv2.INTER_CUBIC))
    encoded = cv2.imencode(".jpg", np.repeat(page[..., None], 3, axis=2))[1].tobytes()
    del page
    document = next(Reader(threads=2).read([encoded]))
    lines = sum(1 for _ in document.lines)
    name, dataset = "peak memory of a page of 12 megapixels", "examples/letter.png, enlarged"
    return [figures.figure(name, "MiB", memory("VmHWM"), dataset=dataset, pages=1, lines=lines)]


def main() -> None:
    """Measure both, each in a process of its own."""
    parser = figures.parser(__doc__, "memory.py --pages 1000 --json memory.json")
    parser.add_argument("--pages", type=int, default=1000, help="how many small pages")
    parser.add_argument("--only", choices=["many", "large"], help="measure one of both, in this process")
    options = parser.parse_args()
    if options.only:
        made = read_large() if options.only == "large" else read_many(options.pages)
        figures.write(options.json, made)
        for each in made:
            print(f"{each['name']}: {each['value']:.0f} MiB")
        return
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for part in ("large", "many"):
            file = Path(folder) / f"{part}.json"
            command = [sys.executable, __file__, "--only", part, "--pages", str(options.pages), "--json", str(file)]
            subprocess.run(command, check=True)
            made += json.loads(file.read_text(encoding="utf-8"))["figures"]
    figures.write(options.json, made)


if __name__ == "__main__":
    main()
