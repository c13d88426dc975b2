"""Fail where a Python module has grown beyond what one person keeps in mind.

Usage: ``python scripts/check_max_lines.py src tests`` (files or folders)
"""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 400


def too_long(paths: list[Path]) -> list[tuple[Path, int]]:
    """The Python files among and under ``paths`` that have more than LIMIT lines."""
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    counted = [(file, len(file.read_text(encoding="utf-8").splitlines())) for file in files]
    return [(file, lines) for file, lines in counted if lines > LIMIT]


if __name__ == "__main__":
    found = too_long([Path(argument) for argument in sys.argv[1:]])
    for file, lines in found:
        sys.stderr.write(f"{file}: {lines} lines, more than {LIMIT}; split it\n")
    sys.exit(1 if found else 0)
