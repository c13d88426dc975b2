"""How much is kept, of whom, for how long: for admins.

Usage: ``app.include_router(storage.router)``
"""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from inkread.server.auth import Admin
from inkread.server.documents.api import documents_of
from inkread.server.documents.store import now
from inkread.server.documents.tables import Document, Page, Upload
from inkread.server.problems import PROBLEMS
from inkread.server.settings import Settings

SOON = timedelta(days=7)
OTHERS = "files"
"""What lies in the home folder itself: databases, logs of alerts, keys."""

router = APIRouter(tags=["operation"], responses=PROBLEMS)


class Owner(BaseModel):
    """What the documents of a user take."""

    user: str
    documents: int
    pages: int
    bytes: int
    oldest: datetime
    next_expiry: datetime | None


class Folder(BaseModel):
    """What a folder takes on the disk."""

    name: str
    bytes: int


class Retention(BaseModel):
    """What is deleted by itself, and what is not.

    Attributes:
        document_days: days until a document is deleted; None keeps documents.
        storage_bytes: what the documents of one user may take.
        keep_uploads: which archives stay when their job has ended.
        expiring: documents that are deleted within 7 days.
    """

    document_days: float | None
    storage_bytes: int
    keep_uploads: str
    expiring: int


class Storage(BaseModel):
    """Where the space goes; ``folders`` are those that the gateway sees."""

    owners: list[Owner]
    folders: list[Folder]
    disk_free: int
    disk_total: int
    retention: Retention


@router.get("/storage", summary="What is kept, of whom and for how long")
def storage(request: Request, _who: Admin) -> Storage:
    """Sizes of documents from the database, of folders from the disk."""
    settings: Settings = request.app.state.settings
    with documents_of(request).store.session() as session:
        owners = _owners(session)
        soon = select(func.count()).select_from(Document).where(Document.expires < now() + SOON)
        expiring = session.scalar(soon) or 0
    disk = shutil.disk_usage(settings.home)
    return Storage(
        owners=owners,
        folders=folder_sizes(settings.home),
        disk_free=disk.free,
        disk_total=disk.total,
        retention=Retention(
            document_days=settings.document_days,
            storage_bytes=int(settings.storage_mib * 2**20),
            keep_uploads=settings.keep_uploads,
            expiring=expiring,
        ),
    )


def _owners(session: Session) -> list[Owner]:
    """Who keeps documents, most bytes first."""
    sizes: dict[str, int] = {}
    pages: dict[str, int] = {}
    for table in (Upload, Page):
        found = select(Document.owner, func.count(), func.sum(table.bytes)).join(
            Document, Document.id == table.document
        )
        for user, count, size in session.execute(found.group_by(Document.owner)):
            sizes[user] = sizes.get(user, 0) + int(size or 0)
            if table is Page:
                pages[user] = count
    kept = select(Document.owner, func.count(), func.min(Document.created), func.min(Document.expires))
    owners = [
        Owner(
            user=user,
            documents=count,
            pages=pages.get(user, 0),
            bytes=sizes.get(user, 0),
            oldest=oldest,
            next_expiry=expires,
        )
        for user, count, oldest, expires in session.execute(kept.group_by(Document.owner))
    ]
    return sorted(owners, key=lambda owner: (-owner.bytes, owner.user))


def folder_sizes(home: Path) -> list[Folder]:
    """What each folder in ``home`` takes, largest first; a file with several links counts once, in the first folder."""
    seen: set[tuple[int, int]] = set()
    folders = []
    entries = sorted(os.scandir(home), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(Folder(name=entry.name, bytes=_size(entry.path, seen)))
    files = [entry.stat(follow_symlinks=False) for entry in entries if entry.is_file(follow_symlinks=False)]
    folders.append(Folder(name=OTHERS, bytes=sum(file.st_blocks * 512 for file in files)))
    return sorted(folders, key=lambda folder: -folder.bytes)


def _size(folder: str, seen: set[tuple[int, int]]) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                file = os.lstat(os.path.join(place, name))
            except FileNotFoundError:  # removed in the meantime
                continue
            if (file.st_dev, file.st_ino) not in seen:
                seen.add((file.st_dev, file.st_ino))
                total += file.st_blocks * 512
    return total
