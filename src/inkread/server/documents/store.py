"""Where documents are kept: rows in the platform's database, pictures in a folder or in a bucket.

Usage: ``store = Store(settings); document = store.create("ada", "letters", "", files)``

The files of a document lie in a folder of its own, each named by the SHA-256 of its content, so that deleting the
folder deletes all of them and nothing of another document. With a bucket they lie there under the same names, and the
folder holds copies of those that were used lately.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    create_engine,
    delete,
    event,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from inkread import document as document_model
from inkread.server.database import patient
from inkread.server.documents import models
from inkread.server.documents.bucket import Bucket, BucketAwayError, open_bucket
from inkread.server.documents.content import Content, fold, unpack
from inkread.server.documents.removal import remove_from_datasets
from inkread.server.documents.tables import (
    BATCH,
    CANCELLED,
    DONE,
    FAILED,
    IN_CORRECTION,
    NAME_LENGTH,
    READ,
    READING,
    TEMPLATE,
    WAITING,
    Base,
    Deletion,
    Document,
    Page,
    Passage,
    Share,
    Tag,
    Upload,
    Use,
    Version,
)
from inkread.server.documents.tags import WHOLE, page_tagged, put_tags, tagged, tags_of
from inkread.server.keys import Keys
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity

FINISHED = (READ, IN_CORRECTION, DONE, FAILED)
UNFINISHED = (WAITING, READING)
CORRECTABLE = (READ, IN_CORRECTION, DONE)
PAGES_USED_UP = "the pages a day of its API key are used up; reading continues at 00:00 UTC"
ORPHAN_SECONDS = 3600.0
COPY_SECONDS = 3600.0
"""How long the folder holds a copy of a file of the bucket."""
CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class File:
    """A file that a user gives."""

    name: str
    content: BinaryIO


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Store:
    """Documents of all users.

    Args:
        settings: database and folder; how long documents are kept and how much a user may keep.

    Raises:
        ProblemError: from every method: 404 where the user has no part in the document, 403 where too small a one.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.documents
        self.bucket = open_bucket(settings)
        self._orphans_sought = -ORPHAN_SECONDS
        self._settings = settings
        self._engine = create_engine(settings.users_url, pool_pre_ping=True, connect_args=patient(settings.users_url))
        if settings.users_url.startswith("sqlite"):
            event.listen(self._engine, "connect", _configure_sqlite)
        weakref.finalize(self, self._engine.dispose)
        self.keys = Keys(self._engine)
        self.folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    # documents

    def create(  # noqa: PLR0913
        self,
        who: Identity,
        name: str,
        collection: str,
        files: Sequence[File],
        webhook: str = "",
        *,
        kind: str = "",
        add: Callable[[Session, Document], None] = lambda _session, _row: None,
    ) -> models.Document:
        """Keep files as a document that waits to be read; those of a template are only kept.

        Args:
            who: owns it.
            name, collection: of it.
            files: at least one.
            webhook: told when it was read; "" for none.
            kind: see `inkread.server.documents.tables.Document`.
            add: makes the further rows of a kind, in the same transaction.
        """
        state, pages = (READ, 0) if kind == TEMPLATE else (WAITING, None)
        document = secrets.token_hex(12)
        incoming = self.folder / f".{document}"
        try:
            rows = []
            with self.session() as session:
                left = int(self._settings.storage_mib * 2**20) - self._used(session, who.name)
            for number, file in enumerate(files, start=1):
                digest, size = _keep(file.content, incoming)
                left -= size
                if left < 0:
                    raise ProblemError(413, "Content Too Large", self.full())
                title = file.name or f"file {number}"
                rows.append(
                    Upload(
                        document=document,
                        number=number,
                        name=title,
                        sha256=digest,
                        bytes=size,
                        state=state,
                        pages=pages,
                    )
                )
            if self.bucket is not None:
                for upload in rows:
                    self.bucket.put(document, upload.sha256, incoming / upload.sha256)
            incoming.rename(self.folder / document)
            days = self._settings.document_days
            with self.session() as session:
                row = Document(
                    id=document,
                    name=(name or rows[0].name)[:NAME_LENGTH],
                    collection=collection,
                    kind=kind,
                    owner=who.name,
                    state=state,
                    created=now(),
                    expires=None if days is None else now() + timedelta(days=days),
                    webhook=webhook,
                    key=who.key or "",
                )
                session.add(row)
                session.flush()
                session.add_all(rows)
                add(session, row)
        except BaseException:
            for folder in (incoming, self.folder / document):
                shutil.rmtree(folder, ignore_errors=True)
            if self.bucket is not None:
                with suppress(BucketAwayError):  # what cannot be removed now is removed by sweep
                    self.bucket.remove(document)
            raise
        return self.document(document, who)

    def full(self) -> str:
        """What is said where a user keeps too much."""
        return f"the {self._settings.storage_mib:g} MiB that your documents may take are used up, delete some"

    def is_full(self, owner: str) -> bool:
        """Whether the documents of a user take all that they may."""
        with self.session() as session:
            return self._used(session, owner) >= self._settings.storage_mib * 2**20

    def _used(self, session: Session, owner: str) -> int:
        return sum(
            session.scalar(
                select(func.coalesce(func.sum(table.bytes), 0))
                .join(Document, Document.id == table.document)
                .where(Document.owner == owner)
            )
            or 0
            for table in (Upload, Page)
        )

    def documents(  # noqa: D417
        self,
        who: Identity,
        query: str = "",
        collection: str | None = None,
        offset: int = 0,
        limit: int = 50,
        *,
        tags: Sequence[str] = (),
        everybody: bool = False,
    ) -> models.DocumentList:
        """The documents that a user may see, newest first, with all of ``tags``; of ``everybody`` for an admin."""
        with self.session() as session:
            seen = and_(seen_by(who.name), Document.kind == "")
            if everybody and who.admin:
                seen = Document.kind == ""
            wanted = [seen, *tagged(tags)]
            if query:
                wanted.append(Document.name.icontains(query, autoescape=True))
            if collection is not None:
                wanted.append(Document.collection == collection)
            total = session.scalar(select(func.count()).select_from(Document).where(*wanted)) or 0
            rows = session.scalars(
                select(Document)
                .where(*wanted)
                .order_by(Document.created.desc(), Document.id)
                .offset(offset)
                .limit(limit)
            ).all()
            collections = session.scalars(
                select(Document.collection).where(seen, Document.collection != "").distinct()
            ).all()
            known = session.scalars(select(Tag.tag).join(Document, Document.id == Tag.document).where(seen).distinct())
            return models.DocumentList(
                documents=self.summaries(session, rows, who),
                total=total,
                collections=sorted(collections),
                tags=sorted(known),
            )

    def document(self, document: str, who: Identity) -> models.Document:
        """A document with how its pages stand."""
        with self.session() as session:
            row = self.allow(session, document, who)
            pages = session.scalars(select(Page).where(Page.document == document).order_by(Page.number)).all()
            summary = self.summaries(session, [row], who)[0]
            return models.Document(**summary.model_dump(), pages=_shown(session, document, pages))

    def summary(self, document: str, who: Identity) -> models.Summary:
        """How a document stands; an admin may ask for every one."""
        with self.session() as session:
            return self.summaries(session, [self.allow(session, document, who, or_admin=True)], who)[0]

    def change(self, document: str, who: Identity, change: models.DocumentChange) -> models.Document:
        """Give a document another name or collection."""
        with self.session() as session:
            row = self.allow(session, document, who, "owner")
            for key, value in change.model_dump(exclude_none=True).items():
                setattr(row, key, value)
            touch(session, document)
        return self.document(document, who)

    def tag(self, document: str, number: int | None, who: Identity, tags: Sequence[str]) -> models.Tags:
        """Let a document, or a page of it, have these tags and no others."""
        with self.session() as session:
            self.allow(session, document, who, "corrector")
            page = WHOLE if number is None else page_row(session, document, number).number
            put_tags(session, document, page, tags)
            touch(session, document, *([] if number is None else [page_row(session, document, number)]))
            return models.Tags(tags=tags_of(session, [document])[document, page])

    def allow(
        self, session: Session, document: str, who: Identity, least: models.Role = "reader", *, or_admin: bool = False
    ) -> Document:
        """The row of a document where the user may do that with it; ProblemError 404 or 403 else."""
        row = session.get(Document, document)
        what = WHAT[row.kind if row else ""]
        role = None if row is None else role_of(session, row, who.name)
        if row is None or (role is None and not (or_admin and who.admin)):
            raise ProblemError(404, "Not Found", "there is no such document, or it is not shared with you")
        if role is not None and models.ROLES.index(role) < models.ROLES.index(least) and not (or_admin and who.admin):
            raise ProblemError(403, "Forbidden", f"only {_AN[least]} of the {what} may do this")
        return row

    def summaries(self, session: Session, rows: Iterable[Document], who: Identity) -> list[models.Summary]:
        """How documents stand."""
        found = list(rows)
        ids = [row.id for row in found]
        pages = {
            row.document: row
            for row in session.execute(
                select(
                    Page.document,
                    func.count().filter(Page.state.in_(FINISHED)).label("done"),
                    func.sum(Page.bytes).label("bytes"),
                    (func.sum(Page.confidence * Page.lines) / func.nullif(func.sum(Page.lines), 0)).label("confidence"),
                )
                .where(Page.document.in_(ids))
                .group_by(Page.document)
            )
        }
        uploads = {
            row.document: row
            for row in session.execute(
                select(
                    Upload.document,
                    func.sum(Upload.bytes).label("bytes"),
                    func.sum(Upload.pages).label("pages"),
                    func.count().filter(Upload.pages.is_(None)).label("unopened"),
                )
                .where(Upload.document.in_(ids))
                .group_by(Upload.document)
            )
        }
        failed: dict[str, list[Page]] = {}
        for page in session.scalars(
            select(Page).where(Page.document.in_(ids), Page.state == FAILED).order_by(Page.document, Page.number)
        ):
            failed.setdefault(page.document, []).append(page)
        summaries = []
        tags = tags_of(session, ids)
        used_up = self.keys.used_up() if any(row.key and row.state in UNFINISHED for row in found) else frozenset()
        for row in found:
            waits = PAGES_USED_UP if row.key in used_up and row.state in UNFINISHED else None
            own, files = pages.get(row.id), uploads.get(row.id)
            total = None if files is None or files.unopened else int(files.pages)
            summaries.append(
                models.Summary(
                    id=row.id,
                    name=row.name,
                    collection=row.collection,
                    owner=row.owner,
                    role=role_of(session, row, who.name),
                    state=cast(models.DocumentState, row.state),
                    created=row.created,
                    expires=row.expires,
                    pages_total=total,
                    pages_done=int(own.done) if own else 0,
                    bytes=int((own.bytes or 0) if own else 0) + int((files.bytes or 0) if files else 0),
                    confidence=own.confidence if own else None,
                    error=waits or _error(failed.get(row.id, []), total),
                    tags=tags[row.id, WHOLE],
                )
            )
        return summaries

    def cancel(self, document: str, who: Identity) -> models.Document:
        """Read no more of it; what was read stays."""
        with self.session() as session:
            self.allow(session, document, who, "corrector")
            session.execute(
                update(Document)
                .where(Document.id == document, Document.state.in_((WAITING, READING)))
                .values(state=CANCELLED, webhook_due=now())
            )
            for table in (Upload, Page):
                session.execute(
                    update(table)
                    .where(table.document == document, table.state == READING)
                    .values(state=WAITING, claim="", claimed_until=None)
                )
            touch(session, document, all_pages=True)
        return self.document(document, who)

    def retry(self, document: str, who: Identity) -> models.Document:
        """Read what failed or was cancelled."""
        with self.session() as session:
            row = self.allow(session, document, who, "corrector")
            session.execute(
                update(Upload).where(Upload.document == document, Upload.state == FAILED).values(state=WAITING, tries=0)
            )
            states = (FAILED, WAITING) if row.state == CANCELLED else (FAILED,)
            session.execute(
                update(Page)
                .where(Page.document == document, Page.state.in_(states))
                .values(state=WAITING, error="", tries=0, time=now())
            )
            if row.state == CANCELLED:
                row.state = WAITING
            session.flush()
            touch(session, document, all_pages=True)
            settle(session, document)
        return self.document(document, who)

    # deletion

    def uses(self, document: str, who: Identity) -> list[Use]:
        """The datasets that were made of a document, the newest first; an admin may ask after it was deleted."""
        with self.session() as session:
            if not (who.admin and session.get(Document, document) is None):
                self.allow(session, document, who, "owner", or_admin=True)
            return list(session.scalars(select(Use).where(Use.document == document).order_by(Use.time.desc())))

    def delete(self, document: str, who: Identity) -> None:
        """Delete a document and every byte of it; what was made of it is told by `uses`."""
        with self.session() as session:
            if self.allow(session, document, who, "owner", or_admin=True).kind == TEMPLATE:
                raise ProblemError(409, "Conflict", "this is a template of forms, delete it there")
        self.remove(document)

    def remove(self, document: str) -> None:
        """Delete a document: its rows at once, then its bytes; what is cut off is done by `erase` at the next start."""
        with self.session() as session:
            for table in (Passage, Tag, Version, Page, Upload, Share):
                session.execute(delete(table).where(table.document == document))
            if session.execute(delete(Document).where(Document.id == document)).rowcount:  # type: ignore[attr-defined]
                session.add(Deletion(document=document))
        self.erase()

    def erase(self) -> None:
        """Remove the bytes of deleted documents from folder, database and unused datasets; the last where possible."""
        with self.session() as session:
            gone = {row.document: row.erased for row in session.scalars(select(Deletion))}
        if there := [document for document, erased in gone.items() if not erased]:
            for document in there:
                shutil.rmtree(self.folder / document, ignore_errors=True)
                if self.bucket is not None:
                    try:
                        self.bucket.remove(document)
                    except BucketAwayError:
                        return  # the next sweep does it
            there = [document for document in there if not (self.folder / document).exists()]
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                _vacuum(connection)
            with self.session() as session:
                session.execute(update(Deletion).where(Deletion.document.in_(there)).values(erased=True))
        erased = [document for document, before in gone.items() if before or document in there]
        if erased and remove_from_datasets(self, self._settings.jobs_folder, set(erased)):
            with self.session() as session:
                session.execute(delete(Deletion).where(Deletion.document.in_(erased)))

    def sweep(self) -> None:
        """Delete documents that have expired, and folders that an upload left when it was cut off."""
        with self.session() as session:
            old = session.scalars(select(Document.id).where(Document.expires < now())).all()
        for document in old:
            self.remove(document)
        self.erase()
        for path in self.folder.iterdir():
            if time.time() - path.stat().st_mtime < ORPHAN_SECONDS:
                continue
            with self.session() as session:
                orphan = session.get(Document, path.name) is None
            if orphan:
                shutil.rmtree(path, ignore_errors=True)
        if self.bucket is not None:
            with suppress(BucketAwayError):
                self._sweep_bucket(self.bucket)

    def _sweep_bucket(self, bucket: Bucket) -> None:
        """Remove copies that were not used lately, or whose document is gone; at times also such files of the bucket.

        A file that is in the folder only, from before there was a bucket, is put there.
        """
        with self.session() as session:
            known = set(session.scalars(select(Document.id)))
        for path in self.folder.glob("*/*"):
            document, name = path.parent.name, path.name
            if document.startswith(".") or name.startswith("."):
                continue
            if document in known:
                if time.time() - path.stat().st_mtime < COPY_SECONDS:
                    continue
                if "." not in name and not bucket.has(document, name):  # others are small pictures, made again
                    bucket.put(document, name, path)
            path.unlink(missing_ok=True)
        if time.monotonic() - self._orphans_sought < ORPHAN_SECONDS:
            return
        self._orphans_sought = time.monotonic()
        for document, name, kept in list(bucket.files()):
            if document not in known and now() - kept > timedelta(seconds=ORPHAN_SECONDS):
                bucket.remove(document, name)

    def check(self) -> str:
        """Why files cannot be kept now; empty where they can."""
        try:
            if self.bucket is not None:
                self.bucket.check()
        except BucketAwayError as error:
            return error.detail
        return ""

    # files

    def path(self, document: str, digest: str) -> Path:
        """Where a file of a document is; where it lies in a bucket, a copy is fetched.

        Raises:
            FileNotFoundError: the document was deleted meanwhile.
            BucketAwayError: the file is only in the bucket.
        """
        path = self.folder / document / digest
        if self.bucket is not None and not path.exists():
            copy = self.folder / f".{secrets.token_hex(8)}"
            try:
                self.bucket.fetch(document, digest, copy)
                path.parent.mkdir(exist_ok=True)
                copy.replace(path)
            finally:
                copy.unlink(missing_ok=True)
        return path

    def read(self, document: str, digest: str) -> bytes:
        """The content of a file of a document; raises as `path`."""
        return self.path(document, digest).read_bytes()

    def keep(self, document: str, content: bytes) -> str:
        """Keep a file of a document; its SHA-256.

        Raises:
            FileNotFoundError: the document was deleted meanwhile.
        """
        digest = hashlib.sha256(content).hexdigest()
        path = self.folder / document / digest
        if self.bucket is not None:
            self.bucket.put(document, digest, content)
            with self.session() as session:
                gone = session.get(Document, document) is None
            if gone:  # a deletion that comes later finds the file
                self.bucket.remove(document, digest)
                raise FileNotFoundError(path)
            path.parent.mkdir(exist_ok=True)
        self.put(path, content)
        return digest

    def put(self, path: Path, content: bytes) -> None:
        """Write a file beside those of a document; FileNotFoundError where that was deleted meanwhile."""
        unfinished = path.with_name(f".{secrets.token_hex(8)}")
        with unfinished.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)

    def discard(self, document: str, digest: str) -> None:
        """Remove a file of a document that no row needs any more."""
        with self.session() as session:
            needed = [
                session.scalar(select(Page.number).where(Page.document == document, Page.sha256 == digest).limit(1)),
                session.scalar(
                    select(Upload.number)
                    .where(Upload.document == document, Upload.sha256 == digest, Upload.state != READ)
                    .limit(1)
                ),
            ]
        if needed == [None, None]:
            for path in (self.folder / document).glob(f"{digest}*"):
                path.unlink(missing_ok=True)
            if self.bucket is not None:
                self.bucket.remove(document, digest)

    # pages

    def page(self, document: str, number: int, who: Identity) -> models.PageContent:
        """A page with its lines."""
        with self.session() as session:
            self.allow(session, document, who)
            row = page_row(session, document, number)
            return self._page(row, self.content(session, row))

    def picture(self, document: str, number: int, who: Identity) -> Page:
        """The row of a page that has a picture; ProblemError 404 where it has none."""
        with self.session() as session:
            self.allow(session, document, who)
            row = page_row(session, document, number)
            if not row.sha256:
                raise ProblemError(404, "Not Found", f"page {number} has no picture")
            return row

    def layout(
        self, document: str, number: int, who: Identity, outline: models.Outline
    ) -> tuple[Page, document_model.Page]:
        """The row of a page, and a layout with one line at that place."""
        with self.session() as session:
            self.allow(session, document, who, "corrector")
            row = page_row(session, document, number)
            content = self.content(session, row)
            if content is None:
                raise ProblemError(409, "Conflict", f"page {number} is {row.state}; read it first")
            return row, content.with_line(outline)

    def news(self, document: str, who: Identity, seen: int) -> models.News | None:
        """What changed of a document after a sequence number; None where nothing did."""
        with self.session() as session:
            row = self.allow(session, document, who)
            if row.sequence == seen:
                return None
            seen = seen if seen < row.sequence else 0
            pages = session.scalars(
                select(Page).where(Page.document == document, Page.sequence > seen).order_by(Page.number)
            ).all()
            summary = self.summaries(session, [row], who)[0]
            return models.News(sequence=row.sequence, summary=summary, pages=_shown(session, document, pages))

    def content(self, session: Session, row: Page) -> Content | None:
        """What a page holds now; None before it was read."""
        version = session.get(Version, (row.document, row.number, row.revision)) if row.revision else None
        return None if version is None else unpack(version.content)

    def _page(self, row: Page, content: Content | None) -> models.PageContent:
        return models.PageContent(
            document=row.document,
            number=row.number,
            state=cast(models.PageState, row.state),
            width=row.width,
            height=row.height,
            revision=row.revision,
            lines=content.lines() if content else [],
            notes=content.notes() if content else [],
            user=row.user or None,
            time=row.time,
        )

    def correct(
        self, document: str, number: int, who: Identity, revision: int, correction: models.Correction
    ) -> models.PageContent:
        """Keep the lines of a page as a new revision; ProblemError 412 where ``revision`` is not the newest."""
        if len({line.id for line in correction.lines}) != len(correction.lines):
            raise ProblemError(422, "Unprocessable Content", "two lines have the same id")
        for line in correction.lines:
            check_place(line, line.id)

        def changed(before: Content, read: Content) -> Content:
            return before.corrected(correction.lines, who.name, read)

        return self._revise(document, number, who, revision, changed, "corrected", correction.state or IN_CORRECTION)

    def restore(self, document: str, number: int, who: Identity, revision: int, wanted: int) -> models.PageContent:
        """Make an earlier version of a page the newest one."""
        with self.session() as session:
            self.allow(session, document, who, "corrector")
            version = session.get(Version, (document, number, wanted))
            if version is None:
                raise ProblemError(404, "Not Found", f"page {number} has no revision {wanted}")
            content, state = unpack(version.content), version.state
        return self._revise(document, number, who, revision, lambda _before, _read: content, "restored", state)

    def _revise(  # noqa: PLR0913, PLR0917
        self,
        document: str,
        number: int,
        who: Identity,
        revision: int,
        change: Callable[[Content, Content], Content],
        action: models.Action,
        state: str,
    ) -> models.PageContent:
        with self.session() as session:
            self.allow(session, document, who, "corrector")
            row = page_row(session, document, number)
            if row.state not in CORRECTABLE:
                raise ProblemError(
                    409, "Conflict", f"page {number} is {row.state}; only a page that was read is corrected"
                )
            before = self.content(session, row)
            if row.revision != revision or before is None:
                raise _outdated(row)
            read = unpack(session.get_one(Version, (document, number, 1)).content)
            content = change(before, read)
            taken = session.execute(
                update(Page)
                .where(Page.document == document, Page.number == number, Page.revision == revision)
                .values(revision=revision + 1)
            )
            if not taken.rowcount:  # type: ignore[attr-defined]
                session.refresh(row)
                raise _outdated(row)
            session.refresh(row)
            put_version(session, row, content, before.changes(content), action, state, who.name)
            touch(session, document, row)
            return self._page(row, content)

    def versions(self, document: str, number: int, who: Identity) -> models.VersionList:
        """The versions of a page, newest first."""
        with self.session() as session:
            self.allow(session, document, who)
            page_row(session, document, number)
            rows = session.execute(
                select(Version.revision, Version.user, Version.time, Version.action, Version.changes)
                .where(Version.document == document, Version.page == number)
                .order_by(Version.revision.desc())
            )
            return models.VersionList(
                versions=[
                    models.VersionSummary(
                        revision=row.revision,
                        user=row.user or None,
                        time=row.time,
                        action=row.action,
                        changes=[models.Change(line=line, before=old, after=new) for line, old, new in row.changes],
                    )
                    for row in rows
                ]
            )

    def contents(
        self, document: str, who: Identity, numbers: Sequence[int] = (), tag: str | None = None
    ) -> list[tuple[Page, Content]]:
        """The pages that were read, in order, with what they hold; all, or those of ``numbers``, or with a tag."""
        with self.session() as session:
            self.allow(session, document, who)
            wanted = [Page.document == document, Page.revision > 0]
            if numbers:
                wanted.append(Page.number.in_(numbers))
            if tag is not None:
                wanted.append(page_tagged(tag, Page.document, Page.number))
            rows = session.execute(
                select(Page, Version)
                .join(
                    Version,
                    and_(
                        Version.document == Page.document,
                        Version.page == Page.number,
                        Version.revision == Page.revision,
                    ),
                )
                .where(*wanted)
                .order_by(Page.number)
            ).all()
        return [(page, unpack(version.content)) for page, version in rows]

    # shares

    def shares(self, document: str, who: Identity) -> models.ShareList:
        """Who may do what with a document."""
        with self.session() as session:
            row = self.allow(session, document, who, "owner")
            found = session.scalars(select(Share).where(Share.document == document).order_by(Share.user))
            owner = models.ShareEntry(user=row.owner, role="owner")
            others = [models.ShareEntry(user=share.user, role=cast(models.Role, share.role)) for share in found]
            return models.ShareList(shares=[owner, *others])

    def share(self, document: str, who: Identity, user: str, role: models.Role | None) -> None:
        """Give a user a role, or take it with None; everybody may give up the own one."""
        with self.session() as session:
            row = self.allow(session, document, who, "reader" if role is None and user == who.name else "owner")
            if user == row.owner:
                raise ProblemError(409, "Conflict", f"{user} keeps the {WHAT[row.kind]} and stays its owner")
            session.execute(delete(Share).where(Share.document == document, Share.user == user))
            if role is not None:
                session.add(Share(document=document, user=user, role=role))

    # search

    def search(self, who: Identity, query: str, limit: int, tag: str | None = None) -> models.HitList:
        """Lines whose text or alternatives hold the query, of the documents that a user may see; only of a tag."""
        folded = fold(query)
        if not folded:
            return models.HitList(hits=[])
        with self.session() as session:
            first = (
                select(Passage.document, Passage.page, Passage.position, func.min(Passage.alternative).label("which"))
                .join(Document, Document.id == Passage.document)
                .where(
                    seen_by(who.name),
                    Passage.folded.contains(folded, autoescape=True),
                    *([] if tag is None else [page_tagged(tag, Passage.document, Passage.page)]),
                )
                .group_by(Passage.document, Passage.page, Passage.position)
                .order_by(Passage.document, Passage.page, Passage.position)
                .limit(limit)
            )
            hits = []
            for row in session.execute(first):
                found = session.get_one(Passage, (row.document, row.page, row.position, row.which))
                text = found if not row.which else session.get_one(Passage, (row.document, row.page, row.position, 0))
                hits.append(
                    models.Hit(
                        document=row.document,
                        name=session.get_one(Document, row.document).name,
                        page=row.page,
                        line=found.line,
                        text=text.text,
                        alternative=found.text if row.which else None,
                    )
                )
            return models.HitList(hits=hits)


WHAT = {"": "document", BATCH: "batch", TEMPLATE: "template"}
"""What people call a document of a kind."""
_AN = {"reader": "a reader", "corrector": "a corrector or an owner", "owner": "an owner"}


def role_of(session: Session, row: Document, user: str) -> models.Role | None:
    """What a user may do with a document."""
    if row.owner == user:
        return "owner"
    share = session.get(Share, (row.id, user))
    return None if share is None else cast(models.Role, share.role)


def page_row(session: Session, document: str, number: int) -> Page:
    """The row of a page; ProblemError 404 where there is none."""
    row = session.get(Page, (document, number))
    if row is None:
        raise ProblemError(404, "Not Found", f"the document has no page {number}")
    return row


def check_place(outline: models.Outline, name: str) -> None:
    """Raise ProblemError 422 where a line has no place on its page."""
    if not outline.placed:
        detail = f"{name}: a line has a baseline of two points or more, or a polygon of three or more"
        raise ProblemError(422, "Unprocessable Content", detail)


def shown_page(row: Page) -> models.PageSummary:
    """How a page stands, as the API gives it."""
    return models.PageSummary(
        number=row.number,
        state=cast(models.PageState, row.state),
        confidence=row.confidence,
        error=row.error or None,
        width=row.width,
        height=row.height,
        lines=row.lines,
        revision=row.revision,
    )


def _shown(session: Session, document: str, pages: Iterable[Page]) -> list[models.PageSummary]:
    tags = tags_of(session, [document])
    return [shown_page(page).model_copy(update={"tags": tags[document, page.number]}) for page in pages]


def put_version(  # noqa: PLR0913
    session: Session,
    row: Page,
    content: Content,
    changes: Sequence[models.Change],
    action: models.Action,
    state: str,
    user: str,
) -> None:
    """Make that what the page holds; its revision counts already."""
    row.state, row.user, row.time = state, user, now()
    row.lines, row.confidence = len(content.page.lines), content.page.confidence
    row.width, row.height = content.page.width, content.page.height
    session.add(
        Version(
            document=row.document,
            page=row.number,
            revision=row.revision,
            user=user,
            time=row.time,
            action=action,
            state=state,
            changes=[[change.line, change.before, change.after] for change in changes],
            content=content.pack(),
        )
    )
    session.execute(delete(Passage).where(Passage.document == row.document, Passage.page == row.number))
    texts = [
        {
            "document": row.document,
            "page": row.number,
            "position": position,
            "alternative": which,
            "line": line.id,
            "text": reading,
            "folded": fold(reading),
        }
        for position, line in enumerate(content.page.lines)
        for which, reading in enumerate([line.text, *(other.text for other in line.alternatives)])
    ]
    if texts:
        session.execute(insert(Passage), texts)


def touch(session: Session, document: str, *rows: Page, all_pages: bool = False) -> None:
    """Let the watchers of a document see that it or these pages changed."""
    session.flush()
    session.execute(update(Document).where(Document.id == document).values(sequence=Document.sequence + 1))
    sequence = select(Document.sequence).where(Document.id == document).scalar_subquery()
    wanted = [Page.document == document]
    if not all_pages:
        wanted.append(Page.number.in_([row.number for row in rows]))
    session.execute(
        update(Page).where(*wanted).values(sequence=sequence), execution_options={"synchronize_session": False}
    )


def settle(session: Session, document: str) -> None:
    """Set the state of a document from those of its files and pages; a webhook is due where it ends."""
    row = session.get(Document, document, populate_existing=True)
    if row is None or row.state == CANCELLED:
        return
    files = set(session.scalars(select(Upload.state).where(Upload.document == document).distinct()))
    pages = set(session.scalars(select(Page.state).where(Page.document == document).distinct()))
    if files & {WAITING, READING} or pages & {WAITING, READING}:
        state = READING if READING in files | pages or pages - {WAITING} else WAITING
    else:
        state = FAILED if pages <= {FAILED} else READ
    if state != row.state:
        row.state = state
        row.webhook_due = now() if state in (READ, FAILED) else None
        row.webhook_tries = 0
        touch(session, document)


def seen_by(user: str) -> ColumnElement[bool]:
    """Documents in which a user has a part."""
    return or_(Document.owner == user, exists().where(Share.document == Document.id, Share.user == user))


def _error(failed: list[Page], total: int | None) -> str | None:
    if not failed:
        return None
    first = f"page {failed[0].number}: {failed[0].error}"
    return f"{len(failed)} of {total or 'the'} pages could not be read; {first}" if total != 1 else failed[0].error


def _outdated(row: Page) -> ProblemError:
    return ProblemError(
        412,
        "Precondition Failed",
        f"page {row.number} was changed meanwhile by {row.user or 'the reader'}; load it and change it again",
        extra={"revision": row.revision, "user": row.user or None, "time": row.time.isoformat()},
    )


def _keep(content: BinaryIO, folder: Path) -> tuple[str, int]:
    """Write a file under the SHA-256 of its content, which is returned with its size."""
    digest, size = hashlib.sha256(), 0
    folder.mkdir(exist_ok=True)
    unnamed = folder / "part"
    with unnamed.open("wb") as stream:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    unnamed.rename(folder / digest.hexdigest())
    return digest.hexdigest(), size


def _configure_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("pragma foreign_keys = on")
    cursor.execute("pragma secure_delete = on")
    cursor.close()


def _vacuum(connection: Connection) -> None:
    """Rewrite what held deleted rows, so that their bytes are gone."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("vacuum"))
        return
    for table in Base.metadata.sorted_tables:
        connection.execute(text(f"vacuum (full) {table.name}"))
