"""Files appear under their name only when they are complete.

Usage: ``with replacing(Path("out/page.png")) as stream: stream.write(data)``
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import BinaryIO
from uuid import uuid4
from zlib import crc32

from inkread.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file, its folder included, so that ``path`` holds all of it or what it held before.

    Raises:
        OutputError: the file cannot be written.
    """
    unfinished = path.with_name(f"{_PREFIX}{os.getpid()}-{uuid4().hex}.part")
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


_PREFIX = f".inkread-{crc32(gethostname().encode()):08x}-"
"""Of unfinished files of this machine; the number of the process follows."""


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files that processes of this machine left in a folder and below when they were killed.

    Call it before this process writes there: files with its own number are taken for those of an earlier process.
    """
    if sys.platform == "win32":  # which has no harmless question whether a process runs
        return
    for path in folder.rglob(f"{_PREFIX}*.part"):
        number = path.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdecimal() and (int(number) == os.getpid() or not _is_running(int(number))):
            with suppress(OSError):
                path.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def _is_held(path: Path, error: OSError) -> bool:
    """Windows does not replace a file that another program has open."""
    return sys.platform == "win32" and isinstance(error, PermissionError) and path.exists()


def write_bytes(path: Path, data: bytes) -> None:
    """``replacing``, for content that is there as a whole."""
    with replacing(path) as stream:
        stream.write(data)
