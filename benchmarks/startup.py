"""How long ``import inkread`` and ``inkread --help`` take.

Usage: ``python benchmarks/startup.py [--runs 21]``; targets: import below 60 ms, help below 0.4 s

Programs take turns, and the first turn only fills the file cache. The time of the import is without that of an empty
Python program. On a busy machine, look at the processor time (0 on Windows) and at the ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

EMPTY = "python -c pass"
PROGRAMS = {
    EMPTY: ["-c", "pass"],
    "import inkread": ["-c", "import inkread"],
    "inkread --help": ["-m", "inkread", "--help"],
    "inkread read --help": ["-m", "inkread", "read", "--help"],
}
TARGETS = {"import inkread": 60, "inkread --help": 400}


def run(arguments: list[str]) -> tuple[float, float]:
    """Milliseconds by the clock and of the processor."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return 1000 * (time.perf_counter() - start), 1000 * used


def measure(runs: int) -> dict[str, tuple[float, float]]:
    """Medians of both for each program."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in PROGRAMS}
    for turn in range(runs + 1):
        for name, arguments in PROGRAMS.items():
            result = run(arguments)
            if turn:
                taken[name].append(result)
    return {name: (statistics.median(c for c, _ in r), statistics.median(p for _, p in r)) for name, r in taken.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time import inkread and inkread --help.")
    parser.add_argument("--runs", type=int, default=21)
    medians = measure(parser.parse_args().runs)
    print(f"{'milliseconds':<22}{'clock':>8}{'processor':>11}{'ratio to empty':>16}{'target':>8}")
    for name, (clock, processor) in medians.items():
        ratio = clock / medians[EMPTY][0]
        if name.startswith("import"):
            clock, processor = clock - medians[EMPTY][0], processor - medians[EMPTY][1]
        print(f"{name:<22}{clock:>8.0f}{processor:>11.0f}{ratio:>16.1f}{TARGETS.get(name, ''):>8}")
