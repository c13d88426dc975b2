"""Gold pages: a dataset on which the promotion gate decides, and which nothing may learn from.

Usage: ``path.read_bytes() in protected_images()`` where ``INKREAD_GOLD`` names a dataset

The gold images are known by the SHA-256 of their files, by their `inkread.data.likeness` and by their
`inkread.data.landmarks`. So a copy under another name, in another dataset, in another size or encoded again, a part of
a page and another photograph of it are protected too: `inkread.data.ingest` leaves them out of a dataset, and
`inkread.data.cleaning` out of what is learnt from datasets that are there already.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from inkread.errors import DatasetError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from inkread.data.landmarks import Landmarks
    from inkread.data.likeness import Fingerprint

GOLD = "INKREAD_GOLD"
REASON = "a gold page, on which the gate decides"


@dataclass(frozen=True, eq=False)
class Protected:
    """The images of the gold dataset.

    Attributes:
        digests: SHA-256 of their files.
        fingerprints: [images, side, side]; None where there is no image.
        landmarks: of each image.
    """

    digests: frozenset[str] = frozenset()
    fingerprints: Fingerprint | None = None
    landmarks: tuple[Landmarks, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.digests)

    def __contains__(self, content: bytes) -> bool:
        """Whether an image file is one of them, one of them encoded or scaled anew, or shows a part of one."""
        if digest(content) in self.digests:
            return True
        if self.fingerprints is None:
            return False
        from inkread.data.landmarks import page_landmarks
        from inkread.data.likeness import SAME, fingerprint_of, likeness

        grey = _grey(content)
        if grey is None:
            return False
        if (likeness(fingerprint_of(grey), self.fingerprints) > SAME).any():
            return True
        found = page_landmarks(grey)
        return any(found.seen_in(page) for page in self.landmarks)


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
    from inkread.data.landmarks import page_landmarks
    from inkread.data.likeness import fingerprint_of

    digests: set[str] = set()
    marks: list[Fingerprint] = []
    landmarks: list[Landmarks] = []
    try:
        for name in sorted({sample.image for sample in Dataset.open(folder).samples}):
            content = (folder / name).read_bytes()
            digests.add(digest(content))
            if (grey := _grey(content)) is not None:
                marks.append(fingerprint_of(grey))
                landmarks.append(page_landmarks(grey))
    except OSError as error:
        raise DatasetError(f"{folder}: a gold image is missing ({error.filename})") from error
    return Protected(frozenset(digests), np.stack(marks) if marks else None, tuple(landmarks))


def _grey(content: bytes) -> NDArray[np.uint8] | None:
    """Grey values of an image file, or of the first page of a file; None where it cannot be read."""
    from inkread.io.inputs import load_pages

    try:
        return next(load_pages(content)).grey
    except InputError:
        return None


def digest(content: bytes) -> str:
    """Hex SHA-256 of the content of a file."""
    return hashlib.sha256(content).hexdigest()
