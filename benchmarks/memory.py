"""Does reading many pages keep its memory, and what does an awkward page take?

Usage: ``python benchmarks/memory.py --pages 1000``

Reads awkward pages, each in a fresh process, and prints the peak. Then reads one small page again and again and prints
the resident memory after the first 50 pages and after the last. Linux only (/proc).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

import figures
from inkread import Reader
from inkread.cli.terminal import existing, run_command
from inkread.io.images import PageImage
from inkread.io.inputs import load_pages

EXAMPLE = Path(__file__).parents[1] / "examples" / "letter.png"
WARM_UP = 50


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


def enlarged(height: int, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The example letter, enlarged."""
    grey = next(load_pages(EXAMPLE)).grey
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def coloured(height: int, width: int, suffix: str) -> bytes:
    """An enlarged letter in colour, as a file."""
    return cv2.imencode(suffix, np.repeat(enlarged(height, width)[..., None], 3, axis=2))[1].tobytes()


def tiny_writing() -> bytes:
    """36 small letters side by side on 25 megapixels, which the detector looks at twice."""
    grey = next(load_pages(EXAMPLE)).grey
    small = cv2.resize(grey, (833, 833), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", np.tile(small, (6, 6)))[1].tobytes()


def huge_word() -> bytes:
    """A word so large that the detector takes its strokes for small writing."""
    grey = next(load_pages(EXAMPLE)).grey
    word = cv2.resize(grey[80:180, 120:520], (2400, 1200), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".png", word)[1].tobytes()


AWKWARD: dict[str, Callable[[], bytes]] = {
    "12 megapixels, colour, JPEG": lambda: coloured(4000, 3000, ".jpg"),
    "25 megapixels, colour, PNG": lambda: coloured(5892, 4243, ".png"),
    "25 megapixels of tiny writing": tiny_writing,
    "a word of 1200 pixels": huge_word,
    "50 megapixels, colour, PNG": lambda: coloured(8333, 5999, ".png"),
    "A4 of 1200 dpi, colour, JPEG": lambda: coloured(14031, 9921, ".jpg"),
    "A4 of 1200 dpi, colour, PNG": lambda: coloured(14031, 9921, ".png"),
}
"""Pages by name, and what makes their file."""


def read_awkward(name: str, file: Path) -> list[figures.Figure]:
    """The peak memory of reading one page."""
    document = next(Reader(threads=2).read([file]))
    lines = sum(1 for _ in document.lines)
    title, dataset = f"peak memory: {name}", "made of examples/letter.png"
    return [figures.figure(title, "MiB", memory("VmHWM"), dataset=dataset, pages=1, lines=lines)]


def main() -> None:
    """Measure everything, each in a process of its own."""
    parser = figures.parser(__doc__, "memory.py --pages 1000 --json memory.json")
    parser.add_argument("--pages", type=int, default=1000, help="how many small pages; 0 leaves this out")
    parser.add_argument("--only", help="read many pages (many), or the page of this name in FILE, in this process")
    parser.add_argument("--file", type=existing, help="the page")
    options = parser.parse_args()
    if options.only:
        made = read_many(options.pages) if options.only == "many" else read_awkward(options.only, options.file)
        figures.write(options.json, made)
        for each in made:
            print(f"{each['name']}: {each['value']:.0f} MiB")
        return
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate([*AWKWARD, *(["many"] if options.pages else [])]):
            file, page = Path(folder) / f"{number}.json", Path(folder) / f"{number}.page"
            if part in AWKWARD:
                page.write_bytes(AWKWARD[part]())
            command = [sys.executable, __file__, "--only", part, "--pages", str(options.pages), "--json", str(file)]
            subprocess.run([*command, "--file", str(page)], check=True)
            made += json.loads(file.read_text(encoding="utf-8"))["figures"]
    figures.write(options.json, made)


if __name__ == "__main__":
    run_command(main)
