"""Kill ``inkread forms read`` again and again with SIGKILL, go on, and compare the table with an undisturbed run.

Usage::

    python benchmarks/forms_killed.py --sheets 1000 --kills 8 --compare 200

A form with a number and a tick box is filled in differently for every sheet; some sheets are empty paper, and one file
is no picture. The command is killed after a random number of forms and a random part of a second, and started again.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from form_hands import FontWriter, Values
from form_sheets import Form, draw_form, entry, fill
from inkread.cli.terminal import run_command
from inkread.forms.template import Template

FORM = Form("meter", "Reading of a meter", (((entry("Counter", "number"), entry("Estimated", "tick")),),))
BOTTOM = 420
"""Pixels of the page that are kept: a slip."""
EMPTY_EACH = 50
"""Every such sheet is empty paper."""


def draw_sheets(folder: Path, count: int, seed: int) -> Path:
    """Write the template and the sheets, and return the template."""
    template, blanks = draw_form(FORM)
    blanks = {name: blank[:BOTTOM].copy() for name, blank in blanks.items()}
    template.save(folder / "meter.yaml", blanks)
    loaded = Template.load(folder / "meter.yaml")
    (folder / "sheets").mkdir()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        filled = fill(loaded, blanks, FontWriter.sample(rng), Values({}, [], 0.05), rng).pages[0]
        if number % EMPTY_EACH == EMPTY_EACH - 1:
            filled = np.full_like(filled, 240)
        cv2.imwrite(str(folder / "sheets" / f"{number:05}.png"), filled)
    (folder / "sheets" / "damaged.png").write_bytes(b"no picture")
    return folder / "meter.yaml"


def read(template: Path, sheets: list[Path], output: Path) -> subprocess.Popen[bytes]:
    """Begin to read."""
    listed = [str(path) for path in sheets]
    command = [sys.executable, "-m", "inkread", "forms", "read", str(template), *listed, "-o", str(output)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_after(process: subprocess.Popen[bytes], journal: Path, lines: int, pause: float) -> bool:
    """Kill a run once its journal has so many lines; False if it ended before."""
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            time.sleep(pause)
            process.kill()
            return process.wait() != 0
        time.sleep(0.1)
    return False


def forms_of(table: Path) -> dict[str, Any]:
    """Everything in a table by the file of the sheet; a file that stands there twice is an error."""
    found: dict[str, Any] = {}
    for form in json.loads(table.read_text(encoding="utf-8"))["forms"]:
        (sheet,) = form["sheets"].values()
        name = Path(sheet["source"]).name
        if name in found:
            raise SystemExit(f"{name} stands in the table twice")
        found[name] = form
    return found


def main() -> None:
    """Draw, read, kill, go on, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sheets", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--compare", type=int, default=200, help="sheets that are read once more, undisturbed")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = draw_sheets(folder, options.sheets, options.seed)
        sheets = sorted((folder / "sheets").iterdir())
        output, journal = folder / "killed.json", folder / "killed.json.part.jsonl"
        killed = [0]
        for part in np.sort(rng.choice(options.sheets, options.kills, replace=False)):
            if not kill_after(read(template, sheets, output), journal, int(part) + 2, float(rng.uniform(0, 0.5))):
                break
            killed.append(journal.read_bytes().count(b"\n") - 1)
            print(f"killed after {killed[-1]} forms", file=sys.stderr)
        ended = read(template, sheets, output).wait()
        found = forms_of(output)
        numbers = [f"{number:05}.png" for number in range(options.sheets)]
        chosen = [sheets[int(at)] for at in np.sort(rng.choice(options.sheets, options.compare, replace=False))]
        read(template, chosen, folder / "whole.json").wait()
        whole = forms_of(folder / "whole.json")
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = {
            "sheets": options.sheets,
            "killed after forms": killed[1:],
            "status of the last run": ended,
            "lost": sorted(set(numbers) - set(found)),
            "in the order of the files": list(found) == numbers,
            "journal left": journal.exists(),
            "compared": len(whole),
            "different": [name for name, form in whole.items() if found.get(name) != form],
            "empty sheets refused": sum(not form["template"] for form in found.values()),
            "processor seconds": round(used.ru_utime + used.ru_stime, 1),
        }
    print(json.dumps(result, indent=1))
    if result["lost"] or result["different"] or not result["in the order of the files"]:
        raise SystemExit(1)


if __name__ == "__main__":
    run_command(main)
