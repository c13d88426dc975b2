"""How long ``import inkread`` and ``inkread --help`` take, beside an empty Python program.

Usage: ``python benchmarks/startup.py [--runs 21]``; targets: import below 60 ms, help below 0.4 s

Programs take turns, so that a busy machine slows all alike; the first turn only fills the file cache. The time of
``import inkread`` is that of its program less that of the empty one.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

PROGRAMS = {
    "python -c pass": ["-c", "pass"],
    "import inkread": ["-c", "import inkread"],
    "inkread --help": ["-m", "inkread", "--help"],
    "inkread read --help": ["-m", "inkread", "read", "--help"],
}
TARGETS = {"import inkread": 0.060, "inkread --help": 0.4}


def measure(runs: int) -> dict[str, float]:
    """Median seconds of each program."""
    seconds: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for run in range(runs + 1):
        for name, arguments in PROGRAMS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            if run:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Time import inkread and inkread --help.")
    parser.add_argument("--runs", type=int, default=21)
    medians = measure(parser.parse_args().runs)
    empty = medians["python -c pass"]
    print(f"{'program':<22}{'median':>9}{'ratio':>8}{'less empty':>13}{'target':>9}")
    for name, median in medians.items():
        target = f"{1000 * TARGETS[name]:.0f} ms" if name in TARGETS else ""
        print(f"{name:<22}{1000 * median:>6.0f} ms{median / empty:>8.1f}{1000 * (median - empty):>10.0f} ms{target:>9}")
