"""Fetch the written-looking fonts that training lines are rendered from.

Usage: ``python scripts/fetch_fonts.py [FOLDER]`` (default ``.fonts``); needs ``npm`` and ``fonttools``.

``fonts.tsv`` beside this file names every package with version, licence and the SHA-256 of the one file taken
from it (Latin subset, regular weight), so that a training run can be traced to the bytes it saw.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fontTools.ttLib import TTFont

LIST = Path(__file__).with_name("fonts.tsv")


def fetch(folder: Path) -> int:
    """Write ``<font>.ttf`` and ``<font>.LICENSE`` for every font of the list; returns their number."""
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wanted = {"private": True, "dependencies": {row["package"]: row["version"] for row in rows}}
        Path(scratch, "package.json").write_text(json.dumps(wanted), encoding="utf-8")
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(install, cwd=scratch, check=True)
        for row in rows:
            name = row["package"].rpartition("/")[2]
            package = Path(scratch, "node_modules", row["package"])
            source = package / "files" / f"{name}-latin-400-normal.woff"
            if hashlib.sha256(source.read_bytes()).hexdigest() != row["sha256"]:
                raise SystemExit(f"{source.name} is not the file that {LIST.name} names")
            font = TTFont(source, recalcTimestamp=False)
            font.flavor = None
            font.save(folder / f"{name}.ttf")
            shutil.copy(package / "LICENSE", folder / f"{name}.LICENSE")
    return len(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".fonts")
    sys.stdout.write(f"{fetch(target)} fonts in {target}\n")
