"""Figures of a benchmark as ``benchmarks/results/schema.json`` has them, and the bar that every benchmark shows.

Usage: ``write(options.json, [figure("reading speed", "pages/min", 35.5, dataset="letters", pages=10)])``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from inkread.evaluation.statistics import Estimate
from inkread.io.files import write_bytes

Figure = dict[str, Any]


def figure(
    name: str,
    unit: str,
    value: float | Estimate,
    *,
    dataset: str,
    split: str = "none",
    system: str = "inkread",
    **sizes: int,
) -> Figure:
    """One figure.

    Args:
        name: the same in every release.
        unit: one of those in the schema; an estimate in % is given as the rate that it is.
        value: with its interval, where it is an estimate.
        dataset, split: what was measured on.
        system: the engine, where it is another one.
        sizes: of the sample: documents, pages, lines, words or requests.
    """
    estimate = value if isinstance(value, Estimate) else Estimate(value, None, None, 0)
    scale = 100 if unit == "%" and estimate is value else 1
    return {
        "name": name,
        **({} if system == "inkread" else {"system": system}),
        "unit": unit,
        "value": _rounded(estimate.value, scale),
        "low": _rounded(estimate.low, scale),
        "high": _rounded(estimate.high, scale),
        "dataset": dataset,
        "split": split,
        "n": sizes,
        "command": " ".join(["python", *sys.argv]),
    }


def write(path: Path | None, figures: Sequence[Figure], **details: object) -> None:
    """Write figures, and what else was measured, as JSON; nothing where ``path`` is None."""
    if path is not None:
        content = json.dumps({"figures": figures, **details}, ensure_ascii=False, indent=1)
        write_bytes(path, (content + "\n").encode())


def parser(description: str | None, example: str) -> argparse.ArgumentParser:
    """The command line of a benchmark: its description, an example, and ``--json``."""
    made = argparse.ArgumentParser(
        description=description,
        epilog=f"Example: python benchmarks/{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return made


@contextmanager
def bar(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; the function advances it by so many steps."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda steps: progress.advance(task, steps)


def markdown(headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A Markdown table; the first heading is that of the rows' names."""
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    return "\n".join([*lines, *("| " + " | ".join([name, *cells]) + " |" for name, cells in rows.items())]) + "\n"


def _rounded(value: float | None, scale: int) -> float | None:
    return None if value is None else float(f"{scale * value:.4g}")
