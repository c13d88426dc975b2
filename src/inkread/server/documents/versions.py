"""Versions of the corrections: datasets under DVC, numbered from 1, each with what it has of which document.

Usage: ``version, report = Versions(settings.jobs_folder).make(store, "ada")``

``home/corrections`` is a DVC project. Version 3 is the folder ``3``; ``3.dvc`` keeps its content in DVC's cache, and
``3.json``, written last, describes it. What has no description was cut off, and is removed by the next change.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from inkread.data.dataset import remove_documents
from inkread.errors import DatasetError
from inkread.io.files import replacing, write_bytes
from inkread.pipeline.project import run_dvc
from inkread.server.documents.corrections import LINEAGE, Exported, export, record_uses
from inkread.server.documents.store import Store, now

FOLDER = "corrections"
Used = Callable[[Set[str]], Set[str]]
"""Which of some datasets, by content hash, a registered model has learnt from."""


class Version(BaseModel):
    """A version of the corrections.

    Attributes:
        number: from 1; never given twice.
        made: when.
        dataset: its content hash.
        documents: lines of each document that it has; empty where all of them were deleted.
    """

    number: int
    made: datetime
    dataset: str
    documents: dict[str, int]

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return sum(self.documents.values())


class Versions:
    """The versions in a home folder.

    Args:
        home: of the services.

    Raises:
        DatasetError: from every method, where DVC fails or is not installed.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER
        self._lock: int | None = None

    def all(self) -> list[Version]:
        """The versions, the newest last."""
        found = [_described(path) for path in self.folder.glob("*.json")]
        return sorted(found, key=lambda version: version.number)

    def make(  # noqa: PLR0913
        self,
        store: Store,
        owner: str | None,
        *,
        collection: str | None = None,
        licence: str = "",
        names: bool = False,
        tag: str | None = None,
        personal: bool = False,
    ) -> tuple[Version, Exported]:
        """Export corrections as the next version; where its lines are those of the newest one, that is returned.

        The arguments are those of `inkread.server.documents.corrections.export`.
        """
        with self._changing():
            self._remove_unfinished()
            known = self.all()
            number = known[-1].number + 1 if known else 1
            folder = self.folder / str(number)
            report = export(
                store,
                folder,
                owner,
                collection=collection,
                licence=licence,
                names=names,
                tag=tag,
                personal=personal,
            )
            if known and known[-1].dataset == report.dataset:
                shutil.rmtree(folder)
                return known[-1], report
            self._dvc("add", "--quiet", folder.name)
            version = Version(number=number, made=now(), dataset=report.dataset, documents=report.lines_of)
            self._describe(version)
        return version, report

    def check_out(self, number: int, output: Path) -> Version:
        """Copy a version into the folder ``output``, which appears when it is complete.

        Raises:
            DatasetError: there is no such version, or ``output`` is there already.
        """
        if output.exists():
            raise DatasetError(f"{output} is there already, name another folder")
        with self._changing():
            version = next((version for version in self.all() if version.number == number), None)
            if version is None:
                raise DatasetError(f"there is no version {number} of the corrections")
            if not version.documents:
                raise DatasetError(f"all documents of version {number} of the corrections were deleted")
            run_dvc(
                self.folder, "checkout", "--quiet", "--force", f"{number}.dvc"
            )  # also where files were changed or are missing
            unfinished = output.with_name(f".{output.name}.part")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(self.folder / str(number), unfinished, copy_function=shutil.copyfile)
            unfinished.rename(output)
        return version

    def remove(self, store: Store, documents: Set[str], used: Used) -> None:
        """Take the lines of documents out of the versions from which no model has learnt, and out of DVC's cache.

        Safe to do again where it was cut off: a description is changed after the bytes are gone.

        Args:
            store: told which dataset the other documents of a version are in from now on.
            documents: that were deleted.
            used: asked which versions a model has learnt from.
        """
        if not self.folder.is_dir():
            return
        with self._changing():
            unfinished = self._remove_unfinished()
            holding = [version for version in self.all() if documents & version.documents.keys()]
            kept = used({version.dataset for version in holding}) if holding else set()
            changed = [self._without(version, documents) for version in holding if version.dataset not in kept]
            if changed or unfinished:
                self._dvc("gc", "--quiet", "--workspace", "--force")
            for version in changed:
                record_uses(store, version.dataset, version.documents)
                self._describe(version)

    def _without(self, version: Version, documents: Set[str]) -> Version:
        folder = self.folder / str(version.number)
        left = {document: lines for document, lines in version.documents.items() if document not in documents}
        if not left:
            folder.with_suffix(".dvc").unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            return version.model_copy(update={"documents": left, "dataset": ""})
        dataset = remove_documents(folder, documents)
        rows = {sample.sample_id: sample for sample in dataset.samples}
        lineage = (folder / LINEAGE).read_text(encoding="utf-8").splitlines(keepends=True)
        write_bytes(folder / LINEAGE, "".join(row for row in lineage if _sample_of(row) in rows).encode())
        self._dvc("add", "--quiet", folder.name)
        return version.model_copy(update={"documents": left, "dataset": dataset.content_hash})

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time, also of several processes; makes the project where there is none."""
        import fcntl  # not on Windows, where services do not run

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._lock = lock.fileno()
            if not (self.folder / ".dvc" / "config").is_file():
                shutil.rmtree(self.folder / ".dvc", ignore_errors=True)
                self._dvc("init", "--quiet", "--no-scm")
            yield

    def _remove_unfinished(self) -> bool:
        """Remove what has no description; whether there was such."""
        numbers = {str(version.number) for version in self.all()}
        left = [
            path
            for path in self.folder.iterdir()
            if path.name.endswith((".part", ".dvc")) or path.name.isdecimal()
            if path.name != ".dvc" and path.stem not in numbers
        ]
        for path in left:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return bool(left)

    def _describe(self, version: Version) -> None:
        with replacing(self.folder / f"{version.number}.json") as stream:
            stream.write(version.model_dump_json().encode())
            stream.flush()
            os.fsync(stream.fileno())

    def _dvc(self, command: str, *arguments: str) -> None:
        run_dvc(self.folder, command, *arguments, lock=self._lock)


def _described(path: Path) -> Version:
    try:
        return Version.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DatasetError(
            f"{path}: this describes no version of the corrections ({error.errors()[0]['msg']})"
        ) from None


def _sample_of(row: str) -> str:
    return str(json.loads(row)["sample_id"])
