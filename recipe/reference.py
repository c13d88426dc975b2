"""Write the reference for drift of a bundle: figures of pages like those that it learnt from.

Usage: ``python -m recipe.reference DATA --sources hooker-en copiste-fr … --bundle BUNDLE --cache figures.jsonl``

Pages of ``train`` and ``val`` are taken from all sources in turn and read as the services read them. What was read
stands in the cache, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import random
from itertools import chain, zip_longest
from pathlib import Path

from rich.console import Console
from rich.progress import track

from inkread.bundle import Bundle
from inkread.cli.terminal import existing, run_command
from inkread.errors import InputError
from inkread.evaluation.compare import first_page
from inkread.evaluation.drift import Reference, page_figures, write_reference
from inkread.evaluation.sources import PageFile, open_sources
from inkread.reader import Reader


def chosen_pages(data: Path, sources: list[str], most: int) -> list[PageFile]:
    """So many pages, of each source as many as of the others as long as it has any, in random order."""
    draw = random.Random(8)
    of_source = []
    for name in sources:
        folder = existing(data / name)
        pages = [page for split in ("train", "val") for one in _open(folder, split) for page in one]
        draw.shuffle(pages)
        of_source.append(pages)
    in_turn = chain.from_iterable(zip_longest(*of_source))
    return [page for page in in_turn if page is not None][:most]


def _open(folder: Path, split: str) -> list[tuple[PageFile, ...]]:
    return [source.pages for source in open_sources(folder, split=split)] if (folder / split).is_dir() else []


def main() -> None:
    """Read the pages and write ``drift.json``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=existing, help="folder with a folder of each source")
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--cache", type=Path, required=True, help="JSON lines with the figures of each page")
    options = parser.parse_args()
    bundle = Bundle.open(options.bundle)
    reader = Reader(bundle, threads=1)
    known = {}
    if options.cache.is_file():
        rows = map(json.loads, options.cache.read_text(encoding="utf-8").splitlines())
        known = {row["page"]: row["figures"] for row in rows}
    figures = []
    for page in track(chosen_pages(options.data, options.sources, options.pages), "pages"):
        name = f"{page.source}/{page.image.name}"
        if name not in known:
            try:
                image = first_page(page)
            except InputError:
                continue
            (read,) = reader.read_pages([image])
            known[name] = page_figures(read, image.grey, reader.lines)
            with options.cache.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"page": name, "figures": known[name]}) + "\n")
        if known[name]:
            figures.append(known[name])
    write_reference(bundle, Reference.of(figures))
    Console().print(f"{len(figures)} pages")


if __name__ == "__main__":
    run_command(main)
