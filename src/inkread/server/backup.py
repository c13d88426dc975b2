"""Backup and restore of everything a stack keeps, as one tar file that is complete or not there.

Usage: ``backup(settings, Path("inkread.tar"))``; ``restore(settings, Path("inkread.tar"))`` into an empty place

A backup may be made while services run: databases are copied first, each as it was at one moment, then files, so that
every file that a database names is there. `restore` first unpacks and checks everything below ``home/.restore``. From
then on an interrupted restore is finished by calling it again, and services refuse to start before that.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from inkread.errors import OutputError, SettingsError
from inkread.server.documents.bucket import BucketAwayError, open_bucket
from inkread.server.mlflow_server import LOGIN
from inkread.server.settings import RESTORE, Settings

FORMAT = 1
MANIFEST = "manifest.json"
HOME, DOCUMENTS, DATABASES = "home", "documents", "databases"
READY, DONE = "ready.json", ".restored"
LEFT_OUT = {"tmp", "logs", "monitoring", "cache", "backups", "secret", LOGIN, RESTORE, DONE}
"""Entries of the home folder that are no part of a backup; secrets are kept apart on purpose."""
UNFINISHED = (".part", "-wal", "-shm", "-journal")
CHUNK = 2**20


def databases(settings: Settings) -> dict[str, str]:
    """SQLAlchemy URLs of the databases of a stack by name; MLflow's where it is known and there."""
    found = {"users": settings.users_url, "jobs": settings.jobs_url, "mlflow": settings.mlflow_url}
    return {name: url for name, url in found.items() if url}


def backup(settings: Settings, target: Path) -> dict[str, Any]:
    """Write a backup and return its manifest; ``target`` appears when it is complete.

    Raises:
        OutputError: there is such a file already, or it cannot be written.
        SettingsError: a database cannot be read.
    """
    if target.exists():
        raise OutputError(f"{target}: there is such a file already, name another")
    work = target.with_name(f".{target.name}.part")
    shutil.rmtree(work, ignore_errors=True)  # what an interrupted backup left
    try:
        work.mkdir(parents=True)
        copies = {name: path for name, url in databases(settings).items() if (path := _dump(name, url, work))}
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "id": uuid4().hex,
            "inkread": version("inkread"),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "databases": {name: path.name for name, path in copies.items()},
            "settings": plain_settings(settings),
            "files": {},
        }
        unfinished = work / "backup.tar"
        with tarfile.open(unfinished, "w") as tar:
            for path in copies.values():
                _put(tar, path, f"{DATABASES}/{path.name}", manifest["files"])
            left_out = {work, *_sqlite_files(settings), *([settings.documents] if settings.documents_bucket else [])}
            for name, root in _roots(settings).items():
                for path in _files(root, left_out):
                    _put(tar, path, f"{name}/{path.relative_to(root).as_posix()}", manifest["files"])
            for path, name in _objects(settings, work):
                _put(tar, path, name, manifest["files"])
            described = work / MANIFEST
            described.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            tar.add(described, MANIFEST)
        _sync(unfinished)
        unfinished.chmod(0o600)  # it holds hashes of passwords, and documents
        os.link(unfinished, target)  # unlike a renaming never replaces a file
    except BucketAwayError as error:
        raise OutputError(f"{target}: the backup cannot be written ({error.detail})") from None
    except OSError as error:
        raise OutputError(f"{target}: the backup cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def restore(settings: Settings, source: Path) -> dict[str, Any]:
    """Put a backup into an empty place, or finish a restore of it that was interrupted; return its manifest.

    Raises:
        SettingsError: the place is not empty, or the backup is damaged or of another kind.
    """
    work = settings.home / RESTORE
    manifest = _manifest(source)
    if not (work / READY).is_file():
        _refuse_to_overwrite(settings, manifest)
        shutil.rmtree(work, ignore_errors=True)
        _unpack(source, work, manifest)
        _sync_all(work)
        (work / "ready.part").write_text(manifest["id"], encoding="utf-8")
        (work / "ready.part").rename(work / READY)
    elif (work / READY).read_text(encoding="utf-8") != manifest["id"]:
        raise SettingsError(f"{settings.home}: a restore of another backup was interrupted here; finish that one first")
    urls = databases(settings)
    for name, file in manifest["databases"].items():
        _load(name, urls[name], work / DATABASES / file)
    _fill_bucket(settings, work)
    for name, root in _roots(settings).items():
        unpacked = work / name
        root.mkdir(parents=True, exist_ok=True)
        for path in sorted(unpacked.iterdir()) if unpacked.is_dir() else ():
            _move_into(path, root / path.name)
    done = settings.home / DONE
    shutil.rmtree(done, ignore_errors=True)
    work.rename(done)
    shutil.rmtree(done)
    return manifest


def plain_settings(settings: Settings) -> dict[str, str]:
    """The settings as text, without the secret and the passwords in addresses."""
    found: dict[str, str] = {}
    for name in sorted(type(settings).model_fields):
        value = getattr(settings, name)
        if name.endswith(("secret", "password")):
            continue
        text = os.pathsep.join(map(str, value)) if isinstance(value, tuple) else str("" if value is None else value)
        if name.endswith("_url") and "://" in text:
            with suppress(sa.exc.ArgumentError):
                text = sa.make_url(text).render_as_string(hide_password=True)
        found[name] = text
    return found


def _sqlite_files(settings: Settings) -> Iterator[Path]:
    for url in databases(settings).values():
        if (path := sqlite_file(url)) is not None:
            yield path


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    parsed = sa.make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, also while others write to it (SQLite's online backup)."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("pragma journal_mode=delete")  # one file, whatever mode it had


def _dump(name: str, url: str, folder: Path) -> Path | None:
    """A copy of a database; None where there is none yet."""
    path = sqlite_file(url)
    if path is None:
        target = folder / f"{name}.dump"
        _postgres("pg_dump", url, "--format=custom", f"--file={target}")
        return target
    if not path.is_file():
        return None
    target = folder / f"{name}.sqlite"
    try:
        copy_sqlite(path, target)
    except sqlite3.Error as error:
        raise SettingsError(f"{path}: the database cannot be copied ({error})") from None
    return target


def _load(name: str, url: str, file: Path) -> None:
    """Put a database in its place; again where that was interrupted."""
    path = sqlite_file(url)
    if path is None:
        # what is there is of this restore, which began with an empty database
        _postgres("pg_restore", url, "--clean", "--if-exists", "--no-owner", "--single-transaction", str(file))
    elif file.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.stat().st_dev == file.stat().st_dev:
            file.rename(path)
        else:
            unfinished = path.with_name(f".{name}.part")
            shutil.copyfile(file, unfinished)
            unfinished.rename(path)


def _postgres(program: str, url: str, *arguments: str) -> None:
    """Run a program of PostgreSQL; the password goes by the environment, not by the list of processes."""
    parsed = sa.make_url(url)
    plain = parsed.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = dict(os.environ) | ({"PGPASSWORD": str(parsed.password)} if parsed.password else {})
    try:
        ended = subprocess.run(
            [program, f"--dbname={plain}", *arguments], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SettingsError(
            f"{program} is needed and not installed (Debian: apt-get install postgresql-client)"
        ) from None
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it gave no reason"])[0]
        raise SettingsError(f"{program} failed for {parsed.render_as_string(hide_password=True)}: {reason}")


def _roots(settings: Settings) -> dict[str, Path]:
    """The folders that are kept: home, and that of documents where it is elsewhere."""
    documents = settings.documents
    elsewhere = not documents.resolve().is_relative_to(settings.home.resolve())
    return {HOME: settings.home} | ({DOCUMENTS: documents} if elsewhere else {})


def _objects(settings: Settings, work: Path) -> Iterator[tuple[Path, str]]:
    """A copy of each file of the bucket, one at a time, and its name in the backup."""
    bucket = open_bucket(settings)
    if bucket is None:
        return
    copy = work / "object"
    for document, name, _ in bucket.files():
        copy.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # deleted meanwhile
            bucket.fetch(document, name, copy)
            yield copy, f"{DOCUMENTS}/{document}/{name}"


def _fill_bucket(settings: Settings, work: Path) -> None:
    """Put the documents of a backup into the bucket, also those that lay in a folder before."""
    bucket = open_bucket(settings)
    if bucket is None:
        return
    try:
        for root in (work / DOCUMENTS, work / HOME / "documents"):
            for path in sorted(root.glob("*/*")):
                if "." not in path.parent.name + path.name:  # no unfinished file, and no small picture
                    bucket.put(path.parent.name, path.name, path)
    except BucketAwayError as error:
        raise SettingsError(f"the restore goes on when it is called again: {error.detail}") from None


def _files(root: Path, left_out: set[Path]) -> Iterator[Path]:
    """Every file and link of a folder that is kept, in order."""
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.name in LEFT_OUT:
            continue
        inside = sorted(path.rglob("*")) if path.is_dir() and not path.is_symlink() else [path]
        for file in inside:
            kept = not file.name.endswith(UNFINISHED) and left_out.isdisjoint((file, *file.parents))
            if kept and (file.is_symlink() or file.is_file() or (file.is_dir() and not any(file.iterdir()))):
                yield file


class _Hashing:
    """A file whose content is hashed while it is read, up to a size that was announced."""

    def __init__(self, path: Path, size: int) -> None:
        self._stream = path.open("rb")
        self._left = size
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        wanted = min(size, self._left) if size >= 0 else self._left
        data = self._stream.read(wanted)
        data += b"\0" * (wanted - len(data))  # a log that was emptied meanwhile
        self._left -= len(data)
        self.hash.update(data)
        return data

    def close(self) -> None:
        self._stream.close()


def _put(tar: tarfile.TarFile, path: Path, name: str, files: dict[str, str]) -> None:
    """Add a file to the archive and its hash to the manifest; one that was removed meanwhile is left out."""
    try:
        info = tar.gettarinfo(path, name)
        if not info.isreg():
            tar.addfile(info)
            return
        stream = _Hashing(path, info.size)
    except FileNotFoundError:
        return
    try:
        tar.addfile(info, stream)
    finally:
        stream.close()
    files[name] = stream.hash.hexdigest()


def _manifest(source: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source) as tar:
            stream = tar.extractfile(MANIFEST)
            manifest: dict[str, Any] = json.loads(stream.read()) if stream else {}
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise SettingsError(f"{source}: this is no complete backup of Inkread ({error})") from None
    if manifest.get("format") != FORMAT:
        raise SettingsError(f"{source}: this backup has a format that this version of Inkread does not read")
    return manifest


def _refuse_to_overwrite(settings: Settings, manifest: Mapping[str, Any]) -> None:
    kept = {RESTORE, DONE, "secret", LOGIN}
    for root in _roots(settings).values():
        if root.is_dir() and (found := sorted(path.name for path in root.iterdir() if path.name not in kept)):
            raise SettingsError(f"{root} is not empty ({found[0]}); a backup is restored into an empty place only")
    elsewhere = any(name.startswith(f"{DOCUMENTS}/") for name in manifest["files"])
    if bucket := open_bucket(settings):
        try:
            if next(bucket.files(), None) is not None:
                raise SettingsError(
                    "the bucket of documents is not empty; a backup is restored into an empty place only"
                )
        except BucketAwayError as error:
            raise SettingsError(error.detail) from None
    elif elsewhere and DOCUMENTS not in _roots(settings):
        raise SettingsError("the backup has documents outside of home; set INKREAD_DOCUMENTS_FOLDER or _BUCKET")
    urls = databases(settings)
    for name in manifest["databases"]:
        if name not in urls:
            raise SettingsError(f"the backup has a database {name}; set INKREAD_{name.upper()}_DATABASE_URL")
        path, dumped = sqlite_file(urls[name]), manifest["databases"][name].endswith(".dump")
        if (path is None) != dumped:
            kind = "PostgreSQL" if dumped else "SQLite"
            raise SettingsError(f"the database {name} of the backup is one of {kind}, the settings name another kind")
        if path is not None:
            empty = not path.exists()
        else:
            engine = sa.create_engine(urls[name])
            inspector = sa.inspect(engine)
            schemas = [schema for schema in inspector.get_schema_names() if schema != "information_schema"]
            empty = not any(inspector.get_table_names(schema) for schema in schemas)
            engine.dispose()
        if not empty:
            raise SettingsError(f"the database {name} is not empty; a backup is restored into an empty place only")


def _unpack(source: Path, work: Path, manifest: Mapping[str, Any]) -> None:
    work.mkdir(parents=True)
    with tarfile.open(source) as tar:
        try:
            tar.extractall(work, filter="data")
        except tarfile.TarError as error:
            raise SettingsError(f"{source}: the backup is damaged ({error})") from None
    for name, expected in manifest["files"].items():
        path = work / name
        if not path.is_file() or _hash(path) != expected:
            raise SettingsError(f"{source}: the backup is damaged, {name} is not as it was")


def _move_into(path: Path, target: Path) -> None:
    """Move a file or folder; where a folder is there already, because a database lies in it, what is in it."""
    if path.is_dir() and not path.is_symlink() and target.is_dir():
        for inside in sorted(path.iterdir()):
            _move_into(inside, target / inside.name)
        return
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        unfinished = target.with_name(f".{target.name}.part")  # another file system
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.unlink(missing_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, unfinished, symlinks=True)
        else:
            shutil.copy2(path, unfinished, follow_symlinks=False)
        unfinished.rename(target)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _sync(path)
