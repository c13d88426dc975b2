"""Gold pages: a dataset on which the promotion gate decides, and which nothing may learn from.

Usage: ``path.read_bytes() in protected_images()`` where ``INKREAD_GOLD`` names a dataset

The gold images are known by the SHA-256 of their files and by their `inkread.data.likeness`, so a copy under another
name, in another dataset, in another size or encoded again is protected too: `inkread.data.ingest` leaves it out of a
dataset, and `inkread.data.cleaning` out of what is learnt from datasets that are there already.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from inkread.errors import DatasetError

if TYPE_CHECKING:
    from inkread.data.likeness import Fingerprint

GOLD = "INKREAD_GOLD"
REASON = "a gold page, on which the gate decides"


@dataclass(frozen=True, eq=False)
class Protected:
    """The images of the gold dataset.

    Attributes:
        digests: SHA-256 of their files.
        fingerprints: [images, side, side]; None where there is no image.
    """

    digests: frozenset[str] = frozenset()
    fingerprints: Fingerprint | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.digests)

    def __contains__(self, content: bytes) -> bool:
        """Whether an image file is one of them, or one of them encoded or scaled anew."""
        if digest(content) in self.digests:
            return True
        if self.fingerprints is None:
            return False
        from inkread.data.likeness import SAME, fingerprint, likeness

        mark = fingerprint(content)
        return mark is not None and bool((likeness(mark, self.fingerprints) > SAME).any())


def gold_folder() -> Path | None:
    """The dataset that ``INKREAD_GOLD`` names; None where it names none."""
    named = os.environ.get(GOLD)
    return Path(named) if named else None


def protected_images() -> Protected:
    """The images of the gold dataset; none where there is no such dataset.

    Raises:
        DatasetError: ``INKREAD_GOLD`` names a folder that is no dataset, or files of it are missing.
    """
    folder = gold_folder()
    if folder is None:
        return Protected()
    from inkread.data.dataset import MANIFEST  # which imports what reads images

    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise DatasetError(f"{folder}: {GOLD} names no dataset; make it of the gold pages with inkread ingest")
    return _images(folder, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _images(folder: Path, _changed: int) -> Protected:
    import numpy as np

    from inkread.data.dataset import Dataset
    from inkread.data.likeness import fingerprint

    try:
        contents = (
            (folder / name).read_bytes() for name in sorted({sample.image for sample in Dataset.open(folder).samples})
        )
        found = [(digest(content), fingerprint(content)) for content in contents]
    except OSError as error:
        raise DatasetError(f"{folder}: a gold image is missing ({error.filename})") from error
    marks = [mark for _, mark in found if mark is not None]
    return Protected(frozenset(name for name, _ in found), np.stack(marks) if marks else None)


def digest(content: bytes) -> str:
    """Hex SHA-256 of the content of a file."""
    return hashlib.sha256(content).hexdigest()
