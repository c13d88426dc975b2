"""Gold pages: a dataset on which the promotion gate decides, and which nothing may learn from.

Usage: ``digest(path) in protected_images()`` where ``INKREAD_GOLD`` names a dataset

The gold images are known by the SHA-256 of their files, so a copy under another name, in another dataset, is protected
too: `inkread.data.ingest` leaves it out of a dataset, and `inkread.data.cleaning` out of what is learnt from datasets
that are there already. A picture that was encoded again is another file.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from inkread.errors import DatasetError

GOLD = "INKREAD_GOLD"
REASON = "a gold page, on which the gate decides"


def gold_folder() -> Path | None:
    """The dataset that ``INKREAD_GOLD`` names; None where it names none."""
    named = os.environ.get(GOLD)
    return Path(named) if named else None


def protected_images() -> frozenset[str]:
    """SHA-256 of each image file of the gold dataset; empty where there is none.

    Raises:
        DatasetError: ``INKREAD_GOLD`` names a folder that is no dataset, or files of it are missing.
    """
    folder = gold_folder()
    if folder is None:
        return frozenset()
    from inkread.data.dataset import MANIFEST  # which imports what reads images

    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise DatasetError(f"{folder}: {GOLD} names no dataset; make it of the gold pages with inkread ingest")
    return _images(folder, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _images(folder: Path, _changed: int) -> frozenset[str]:
    from inkread.data.dataset import Dataset

    try:
        return frozenset(digest(folder / name) for name in {sample.image for sample in Dataset.open(folder).samples})
    except OSError as error:
        raise DatasetError(f"{folder}: a gold image is missing ({error.filename})") from error


def digest(content: Path | bytes) -> str:
    """Hex SHA-256 of a file, or of the content of one."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.read_bytes()).hexdigest()
