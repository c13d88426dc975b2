"""Does reading many pages keep its memory, and what does one large page take?

Usage: ``python benchmarks/memory.py --pages 1000``

Reads one small page again and again and prints the resident memory after the first 50 pages and after the last; then
reads one page of 12 megapixels in a fresh process and prints the peak. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

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


def read_many(count: int) -> None:
    """Print memory early and late."""
    early = 0.0
    for number, _ in enumerate(Reader(threads=2).read_pages(small_pages(count)), start=1):
        if number == WARM_UP:
            early = memory("VmRSS")
    late = memory("VmRSS")
    print(f"{count} pages: {early:.0f} MiB after {WARM_UP}, {late:.0f} MiB at the end ({late / early - 1:+.1%})")


def read_large() -> None:
    """Print the peak memory of one page of 12 megapixels, colour, from a file."""
    page = np.asarray(cv2.resize(next(load_pages(EXAMPLE)).grey, LARGE[::-1], interpolation=cv2.INTER_CUBIC))
    encoded = cv2.imencode(".jpg", np.repeat(page[..., None], 3, axis=2))[1].tobytes()
    del page
    document = next(Reader(threads=2).read([encoded]))
    print(f"12 megapixels: peak {memory('VmHWM'):.0f} MiB, {sum(1 for _ in document.lines)} lines")


def main() -> None:
    """Measure both, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--only", choices=["many", "large"])
    options = parser.parse_args()
    if options.only == "many":
        read_many(options.pages)
    elif options.only == "large":
        read_large()
    else:
        for part in ("large", "many"):
            subprocess.run([sys.executable, __file__, "--only", part, "--pages", str(options.pages)], check=True)


if __name__ == "__main__":
    main()
