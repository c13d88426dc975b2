"""Find the files a command line names.

Usage: ``for found in find_inputs(["scans", "letter*.png"]): ...``
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from inkread.errors import InputError, InputNotFoundError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".pdf"})


def find_inputs(patterns: Iterable[str | Path]) -> Iterator[Path | InputError]:
    """Yield the files that paths, folders and globs name, each once, in natural order (page 2 before page 10).

    A folder gives its files with a known suffix, sub folders included, hidden ones left out; a file that is named
    itself is given whatever its suffix. What names nothing is yielded as an InputNotFoundError in its place.
    """
    seen = set()
    for pattern in patterns:
        found = False
        for path in _expand(str(pattern)):
            found = True
            if (key := os.path.abspath(path)) not in seen:
                seen.add(key)
                yield path
        if not found:
            yield _nothing(str(pattern))


def _expand(pattern: str) -> Iterator[Path]:
    names = [pattern] if os.path.lexists(pattern) else sorted(glob.glob(pattern, recursive=True), key=_natural)
    for name in names:
        yield from _in_folder(name) if os.path.isdir(name) else [Path(name)]


def _in_folder(folder: str) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=_natural)
        for name in sorted(files, key=_natural):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(parent, name)


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name.casefold())]


def _nothing(pattern: str) -> InputNotFoundError:
    name = pattern if pattern.isprintable() else ascii(pattern)
    if os.path.isdir(pattern):
        return InputNotFoundError(f"{name}: the folder holds no PNG, JPEG, WebP, TIFF or PDF file, name another one")
    if glob.has_magic(pattern):
        return InputNotFoundError(f"{name}: no file matches, check the pattern")
    return InputNotFoundError(f"{name}: there is no such file or folder, check the name")
