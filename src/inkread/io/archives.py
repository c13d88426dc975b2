"""Unpack archives from strangers: nothing leaves the folder, nothing grows without bound.

Usage: ``unpack(Path("words.tgz"), Path("raw/words"))``

Only plain files and folders are taken. A name that leads out of the folder, a link or a device ends the work with a
sentence, because an archive that holds one was not made by an ordinary tool.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from inkread.errors import DatasetError
from inkread.io.files import replacing

SUFFIXES = (".tgz", ".tar.gz", ".tar", ".tar.xz", ".tar.bz2", ".zip")
BLOCK = 2**20
NESTED = 2
"""Levels of archives in archives that are unpacked."""
UNIX_LINK = 0o120000


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold.

    Attributes:
        max_files: files in it.
        max_bytes: of all files, unpacked.
        max_ratio: unpacked bytes for each packed one; counted from 64 MiB on, below which nothing is a bomb.
    """

    max_files: int = 2_000_000
    max_bytes: int = 64 * 2**30
    max_ratio: float = 200.0


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    size: int
    plain: bool
    folder: bool
    content: IO[bytes] | None


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive `unpack` takes."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def archive_stem(path: Path) -> str:
    """``archive_stem(Path("words.tar.gz")) == "words"``."""
    lower = path.name.lower()
    suffix = max((suffix for suffix in SUFFIXES if lower.endswith(suffix)), key=len, default="")
    return path.name[: len(path.name) - len(suffix)]


def unpack(archive: Path, folder: Path, limits: ArchiveLimits | None = None, levels: int = NESTED) -> int:
    """Unpack a tar or zip archive into ``folder`` and return the number of files.

    Files that are there with the right size are kept, so that an interrupted run goes on. What macOS adds for itself
    (``__MACOSX``, ``._name``, ``.DS_Store``) is left out. Archives inside are unpacked too, each into a folder of its
    name, `NESTED` levels down; the limits hold for all together.

    Raises:
        DatasetError: no archive, damaged, over the limits, or with entries that are no plain files inside it.
    """
    bounds = limits or ArchiveLimits()
    packed = archive.stat().st_size if archive.is_file() else 0
    files = total = 0
    nested: list[Path] = []
    try:
        with _opened(archive) as entries:
            for entry in entries:
                if entry.folder or _is_of_macos(entry.name):
                    continue
                target = _inside(folder, entry, archive)
                files, total = files + 1, total + entry.size
                _check(archive, files, total, packed, bounds)
                if not (target.is_file() and target.stat().st_size == entry.size):
                    _copy(entry, target)
                if levels and is_archive(target):
                    nested.append(target)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        raise DatasetError(f"{archive}: the archive cannot be unpacked ({error}), fetch it again") from error
    for inner in nested:
        left = replace(bounds, max_files=bounds.max_files - files, max_bytes=bounds.max_bytes - total)
        place = inner.with_name(archive_stem(inner))
        files += unpack(inner, place, left, levels - 1)
        total += sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        inner.unlink()
    return files


def _is_of_macos(name: str) -> bool:
    *folders, last = name.replace("\\", "/").split("/")
    return "__MACOSX" in folders or last.startswith("._") or last == ".DS_Store"


@contextmanager
def _opened(archive: Path) -> Iterator[Iterator[_Entry]]:
    if not archive.is_file():
        raise DatasetError(f"{archive}: there is no such archive")
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as source:
            yield _zip_entries(source)
    else:
        with tarfile.open(archive, "r:*") as source_tar:
            yield _tar_entries(source_tar)


def _zip_entries(source: zipfile.ZipFile) -> Iterator[_Entry]:
    for info in source.infolist():
        link = (info.external_attr >> 16) & 0o170000 == UNIX_LINK
        with source.open(info) as content:
            yield _Entry(info.filename, info.file_size, not link, info.is_dir(), content)


def _tar_entries(source: tarfile.TarFile) -> Iterator[_Entry]:
    for info in source:
        content = source.extractfile(info) if info.isreg() else None
        yield _Entry(info.name, info.size, info.isreg(), info.isdir(), content)


def _inside(folder: Path, entry: _Entry, archive: Path) -> Path:
    name = PurePosixPath(entry.name.replace("\\", "/"))
    if not entry.plain:
        raise DatasetError(f"{archive}: {entry.name} is a link or a device; only plain files are unpacked")
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or "\0" in entry.name:
        raise DatasetError(f"{archive}: {entry.name} leads out of the folder; this archive is not unpacked")
    return folder.joinpath(*name.parts)


def _check(archive: Path, files: int, total: int, packed: int, bounds: ArchiveLimits) -> None:
    if files > bounds.max_files:
        raise DatasetError(f"{archive}: more than {bounds.max_files} files, split it or raise the limit")
    if total > bounds.max_bytes:
        raise DatasetError(f"{archive}: more than {bounds.max_bytes / 2**20:g} MiB unpacked, split it")
    if total > 64 * BLOCK and total > bounds.max_ratio * packed:
        raise DatasetError(f"{archive}: unpacks to over {bounds.max_ratio:g} times its size, which looks like a bomb")


def _copy(entry: _Entry, target: Path) -> None:
    with replacing(target) as stream:
        for block in _blocks(entry):
            stream.write(block)


def _blocks(entry: _Entry) -> Iterator[bytes]:
    """The content of an entry; damage is no error of the file that is written."""
    assert entry.content is not None
    try:
        while block := entry.content.read(BLOCK):
            yield block
    except (OSError, zlib.error) as error:
        raise tarfile.ReadError(str(error)) from error
