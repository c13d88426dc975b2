"""Files appear under their name only when they are complete.

Usage: ``with replacing(Path("out/page.png")) as stream: stream.write(data)``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from inkread.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file, its folder included, so that ``path`` holds all of it or what it held before.

    Raises:
        OutputError: the file cannot be written.
    """
    unfinished = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as stream:
            yield stream
        unfinished.replace(path)
    except OSError as error:
        advice = (
            "close it in other programs, or name another folder" if _is_held(path, error) else "name another folder"
        )
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}); {advice}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _is_held(path: Path, error: OSError) -> bool:
    """Windows does not replace a file that another program has open."""
    return sys.platform == "win32" and isinstance(error, PermissionError) and path.exists()


def write_bytes(path: Path, data: bytes) -> None:
    """``replacing``, for content that is there as a whole."""
    with replacing(path) as stream:
        stream.write(data)
