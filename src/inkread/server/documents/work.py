"""Reads documents page by page: durable work, kept in the rows of files and pages.

Usage: ``async with Work(settings, store, prediction, webhooks): ...`` in each gateway

A file or page is taken by writing a claim into its row, and what came of it is written in the same transaction that
ends the claim. A claim is renewed while its gateway lives. After ``kill -9`` of a gateway or of prediction, the claim
runs out and the row is taken again. A result whose claim has ended is dropped, so every page is read into its document
exactly once.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import httpx2
import structlog
from sqlalchemy import ColumnElement, UnaryExpression, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from inkread.formats import json as document_json
from inkread.server.documents.bucket import BucketAwayError
from inkread.server.documents.content import Content
from inkread.server.documents.prediction import Prediction, problem_of
from inkread.server.documents.store import Store, now, put_version, settle, touch
from inkread.server.documents.tables import CANCELLED, FAILED, READ, READING, WAITING, Document, Page, Upload
from inkread.server.documents.webhooks import Webhooks
from inkread.server.metrics import DOCUMENT_PAGES, DOCUMENTS_OLDEST, DOCUMENTS_WAITING
from inkread.server.settings import Settings
from inkread.server.tokens import Identity

LEASE_SECONDS = 15.0
POLL_SECONDS = 1.0
PAUSE_SECONDS = 2.0
SWEEP_SECONDS = 30.0
MOST_TRIES = 5
"""How often a page may be cut off by the end of prediction before it counts as the reason."""


class PageFailedError(Exception):
    """It cannot be read, and trying again would not help."""


class NotNowError(Exception):
    """Prediction is away or full; ``cut_off`` says that it went while it had this file or page."""

    def __init__(self, *, cut_off: bool) -> None:
        super().__init__()
        self.cut_off = cut_off


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file or a page that this gateway works on.

    Attributes:
        document, number: which one.
        sha256: its content.
        owner: of the document.
        key: API key in whose quota the page counts; empty for none.
        kind: of the document.
        name: of the file.
        done: pages of the file, from 0, that are there already.
    """

    document: str
    number: int
    sha256: str
    owner: str
    name: str = ""
    done: tuple[int, ...] = ()
    key: str = ""
    kind: str = ""

    @property
    def asks(self) -> Identity:
        """In whose name it is worked on."""
        return Identity(self.owner, "user")


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands on a page.

    Attributes:
        picture: that the page has from now on; b"" where it stays as it is.
        more: bytes of other files that are kept with it.
        put: writes it, in the transaction that ends the claim.
    """

    picture: bytes
    put: Callable[[Session, Page], None]
    more: int = 0


class PageReader(Protocol):
    """How pages of documents of a kind are read."""

    async def read(self, job: Claimed, picture: bytes) -> Reading:
        """What stands on a page.

        Raises:
            PageFailedError: it cannot be read.
            NotNowError: prediction is away or full.
            FileNotFoundError: the document was deleted.
        """

    def settled(self, session: Session, document: str) -> None:
        """Something of a document was read or has failed."""

    def measure(self, session: Session) -> None:
        """Show figures of this kind; called now and then."""


class TextReader:
    """Reads pages of text.

    Args:
        prediction: reads.
    """

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction

    async def read(self, job: Claimed, picture: bytes) -> Reading:
        """The lines of a page; the picture is another one where it had to be turned."""
        answer = await answered(self._prediction, job, "/pages/read", files={"file": ("page", picture)})
        check_answer(answer)
        body = answer.json()
        document = await asyncio.to_thread(document_json.load, body["document"].encode())
        content = Content(document.pages[0], document.provenance)

        def put(session: Session, row: Page) -> None:
            row.revision += 1
            put_version(session, row, content, [], "read", READ, "")

        return Reading(base64.b64decode(body["picture"] or ""), put)

    def settled(self, session: Session, document: str) -> None:
        """There is nothing more to do."""

    def measure(self, session: Session) -> None:
        """`Work` counts pages itself."""


class Work:
    """The work of one gateway.

    Args:
        settings: how much is done at a time.
        store: the documents.
        prediction: decodes and reads.
        webhooks: told of what ended.
        readers: of documents of further kinds.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        prediction: Prediction,
        webhooks: Webhooks,
        readers: Mapping[str, PageReader] | None = None,
    ) -> None:
        self._readers: dict[str, PageReader] = {"": TextReader(prediction), **(readers or {})}
        self._settings = settings
        self._store = store
        self._prediction = prediction
        self._webhooks = webhooks
        self._claim = secrets.token_hex(12)
        self._news = asyncio.Event()
        self._held: set[tuple[type[Upload | Page], Claimed]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = False

    async def __aenter__(self) -> Work:
        """Start."""
        loops: list[Callable[[], Awaitable[bool]]] = [self._split_next, self._read_next]
        self._tasks = [
            asyncio.create_task(self._repeat(loop)) for loop in loops for _ in range(self._settings.documents_at_once)
        ]
        self._tasks.append(asyncio.create_task(self._every(LEASE_SECONDS / 3, self._renew)))
        self._tasks.append(asyncio.create_task(self._every(LEASE_SECONDS / 3, self._measure)))
        self._tasks.append(asyncio.create_task(self._every(SWEEP_SECONDS, self._store.sweep)))
        self._tasks.append(asyncio.create_task(self._repeat(self._webhooks.send_next)))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop; what was begun is free for the next gateway at once."""
        self._ended = True  # asyncio.wait_for of Python 3.11 loses a cancellation that comes together with news
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self._free_all)

    def wake(self) -> None:
        """There is something to do."""
        self._news.set()

    async def _repeat(self, step: Callable[[], Awaitable[bool]]) -> None:
        """Do it while there is something to do, then wait for news."""
        while not self._ended:
            try:
                if await step():
                    continue
            except (NotNowError, BucketAwayError):
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            except Exception as error:  # the database may be away for a while
                structlog.get_logger().error("documents", exc_info=error)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_SECONDS)

    async def _every(self, seconds: float, action: Callable[[], None]) -> None:
        while not self._ended:
            try:
                await asyncio.to_thread(action)
            except Exception as error:
                structlog.get_logger().error("documents", exc_info=error)
            await asyncio.sleep(seconds)

    # files

    async def _split_next(self) -> bool:
        job = await asyncio.to_thread(self._take_upload)
        if job is None:
            return False
        self._held.add((Upload, job))
        try:
            await self._split(job)
        except FileNotFoundError:
            return True  # the document was deleted
        except (NotNowError, BucketAwayError) as error:
            await asyncio.to_thread(self._release, Upload, job, isinstance(error, NotNowError) and error.cut_off)
            raise
        except PageFailedError as error:
            await asyncio.to_thread(self._fail_upload, job, str(error))
        finally:
            self._held.discard((Upload, job))
        return True

    async def _split(self, job: Claimed) -> None:
        path = await asyncio.to_thread(self._store.path, job.document, job.sha256)
        failed = False
        try:
            with path.open("rb") as content:
                files, done = {"file": ("file", content)}, {"done": ",".join(map(str, job.done))}
                answer = await self._prediction.send(job.asks, "/pages/split", stream=True, files=files, data=done)
                try:
                    if not answer.is_success:
                        await answer.aread()
                        check_answer(answer)
                    async for line in answer.aiter_lines():
                        error = await asyncio.to_thread(self._put_split, job, json.loads(line))
                        if error is None:
                            return  # cancelled or deleted
                        failed = failed or bool(error)
                        self.wake()
                finally:
                    await answer.aclose()
        except (httpx2.TransportError, json.JSONDecodeError) as error:
            raise NotNowError(cut_off=not isinstance(error, httpx2.ConnectError)) from None
        if await asyncio.to_thread(self._end_upload, job, FAILED if failed else READ) and not failed:
            await asyncio.to_thread(self._store.discard, job.document, job.sha256)

    def _take_upload(self) -> Claimed | None:
        earlier = aliased(Upload)
        free = _free(Upload)
        with self._store.session() as session:
            row = session.scalars(
                select(Upload)
                .join(Document, Document.id == Upload.document)
                .where(
                    Document.state != CANCELLED,
                    free,
                    ~select(earlier.number)
                    .where(earlier.document == Upload.document, earlier.number < Upload.number, earlier.pages.is_(None))
                    .exists(),
                )
                .order_by(_turn_of_owner(), Document.created, Upload.number)
                .limit(1)
            ).first()
            if row is None or not self._taken(session, Upload, row.document, row.number):
                return None
            done = session.scalars(
                select(Page.index).where(Page.document == row.document, Page.upload == row.number, Page.sha256 != "")
            ).all()
            owner = session.get_one(Document, row.document).owner
            settle(session, row.document)
            return Claimed(row.document, row.number, row.sha256, owner, row.name, tuple(done))

    def _put_split(self, job: Claimed, item: dict[str, Any]) -> str | None:
        """Keep what came of a file: its number of pages, or one of them.

        Returns:
            Why the page is none, "" where it is one; None where nobody wants it any more.
        """
        digest, size = "", 0
        if "picture" in item and self._store.is_full(job.owner):
            item = {"index": item["index"], "error": self._store.full()}
        if "picture" in item:
            picture = base64.b64decode(item["picture"])
            digest, size = self._store.keep(job.document, picture), len(picture)
        with self._store.session() as session:
            if not self._still(session, Upload, job):
                return None
            first = self._pages_before(session, job)
            if "pages" in item:
                self._check_pages(session, job, first + item["pages"])
                session.execute(_row(Upload, job).values(pages=item["pages"]))
            else:
                row = self._row_of(session, job, first, item["index"])
                row.sha256, row.bytes, row.time = digest, size, now()
                row.width, row.height = item.get("width", 0), item.get("height", 0)
                row.error = _placed(job, item.get("error", ""))
                row.state = FAILED if row.error else WAITING
                touch(session, job.document, row)
            self._settle(session, job.document)
        if "error" in item:
            DOCUMENT_PAGES.labels("failed").inc()
        return str(item.get("error", ""))

    def _check_pages(self, session: Session, job: Claimed, pages: int) -> None:
        if pages > self._settings.document_pages:
            raise PageFailedError(f"the document has more than the {self._settings.document_pages} pages that are read")
        later = select(Upload.number).where(
            Upload.document == job.document, Upload.number > job.number, Upload.pages.is_not(None)
        )
        known = session.get_one(Upload, (job.document, job.number)).pages
        if known is not None and known != pages - self._pages_before(session, job) and session.scalar(later.limit(1)):
            raise PageFailedError("it has another number of pages than before, upload it again")

    def _pages_before(self, session: Session, job: Claimed) -> int:
        return (
            session.scalar(
                select(func.coalesce(func.sum(Upload.pages), 0)).where(
                    Upload.document == job.document, Upload.number < job.number
                )
            )
            or 0
        )

    def _fail_upload(self, job: Claimed, reason: str) -> None:
        """A file that cannot be opened stands in its document as a page with the reason."""
        with self._store.session() as session:
            if not self._still(session, Upload, job):
                return
            pages = session.get_one(Upload, (job.document, job.number)).pages or 1
            first = self._pages_before(session, job)
            failed = 0
            for index in range(pages):
                row = self._row_of(session, job, first, index)
                if not row.sha256:
                    row.state, row.error, row.time = FAILED, _placed(job, reason), now()
                    touch(session, job.document, row)
                    failed += 1
            session.execute(_row(Upload, job).values(pages=pages, state=FAILED, claim="", claimed_until=None))
            self._settle(session, job.document)
        DOCUMENT_PAGES.labels("failed").inc(failed)

    def _row_of(self, session: Session, job: Claimed, first: int, index: int) -> Page:
        row = session.get(Page, (job.document, first + index + 1))
        if row is None:
            row = Page(document=job.document, number=first + index + 1, upload=job.number, index=index, time=now())
            session.add(row)
        return row

    def _end_upload(self, job: Claimed, state: str) -> bool:
        with self._store.session() as session:
            if not self._still(session, Upload, job):
                return False
            there = select(func.count()).where(Page.document == job.document, Page.upload == job.number)
            if session.scalar(there) != session.get_one(Upload, (job.document, job.number)).pages:
                raise NotNowError(cut_off=True)
            size = {"bytes": 0} if state == READ else {}
            session.execute(_row(Upload, job).values(state=state, claim="", claimed_until=None, **size))
            self._settle(session, job.document)
        return True

    # pages

    async def _read_next(self) -> bool:
        job = await asyncio.to_thread(self._take_page)
        if job is None:
            return False
        self._held.add((Page, job))
        try:
            await self._read(job)
        except FileNotFoundError:
            return True
        except (NotNowError, BucketAwayError) as error:
            await asyncio.to_thread(self._release, Page, job, isinstance(error, NotNowError) and error.cut_off)
            raise
        except PageFailedError as error:
            await asyncio.to_thread(self._fail_page, job, str(error))
        finally:
            self._held.discard((Page, job))
        return True

    async def _read(self, job: Claimed) -> None:
        picture = await asyncio.to_thread(self._store.read, job.document, job.sha256)
        reading = await self._readers[job.kind].read(job, picture)
        await asyncio.to_thread(self._put_page, job, reading)

    def _take_page(self) -> Claimed | None:
        with self._store.session() as session:
            row = session.scalars(
                select(Page)
                .join(Document, Document.id == Page.document)
                .where(Page.sha256 != "", _free(Page), *self._wanted())
                .order_by(_turn_of_owner(), Document.created, Page.document, Page.number)
                .limit(1)
            ).first()
            if row is None or not self._taken(session, Page, row.document, row.number):
                return None
            session.execute(update(Document).where(Document.id == row.document).values(served=now()))
            touch(session, row.document, row)
            settle(session, row.document)
            document = session.get_one(Document, row.document)
            return Claimed(row.document, row.number, row.sha256, document.owner, key=document.key, kind=document.kind)

    def _put_page(self, job: Claimed, reading: Reading) -> None:
        digest = self._store.keep(job.document, reading.picture) if reading.picture else job.sha256
        with self._store.session() as session:
            if not self._still(session, Page, job):
                return
            row = session.get_one(Page, (job.document, job.number), populate_existing=True)
            row.state, row.claim, row.claimed_until, row.error, row.time = READ, "", None, "", now()
            if reading.picture:
                row.sha256, row.bytes = digest, len(reading.picture)
            row.bytes += reading.more
            reading.put(session, row)
            touch(session, job.document, row)
            self._settle(session, job.document)
        DOCUMENT_PAGES.labels("read").inc()
        if job.key:
            self._store.keys.count_pages(job.key, 1)
        if reading.picture:
            self._store.discard(job.document, job.sha256)

    def _fail_page(self, job: Claimed, reason: str) -> None:
        with self._store.session() as session:
            if not self._still(session, Page, job):
                return
            row = session.get_one(Page, (job.document, job.number), populate_existing=True)
            row.state, row.error, row.claim, row.claimed_until, row.time = FAILED, reason, "", None, now()
            touch(session, job.document, row)
            self._settle(session, job.document)
        DOCUMENT_PAGES.labels("failed").inc()

    def _settle(self, session: Session, document: str) -> None:
        settle(session, document)
        self._readers[session.get_one(Document, document).kind].settled(session, document)

    def _wanted(self) -> tuple[ColumnElement[bool], ...]:
        """Documents that are to be read today: not cancelled, nor from a key that has used up its pages."""
        used_up = self._store.keys.used_up()
        return (Document.state != CANCELLED, *([Document.key.not_in(used_up)] if used_up else []))

    def _measure(self) -> None:
        """Show how much waits; every gateway shows the same, that of their database."""
        with self._store.session() as session:
            wanted = self._wanted()
            pages, oldest = session.execute(
                select(func.count(), func.min(Page.time))
                .join(Document, Document.id == Page.document)
                .where(Page.state.in_((WAITING, READING)), Page.sha256 != "", *wanted)
            ).one()
            files = session.scalar(
                select(func.count())
                .select_from(Upload)
                .join(Document, Document.id == Upload.document)
                .where(Upload.state.in_((WAITING, READING)), *wanted)
            )
            for reader in self._readers.values():
                reader.measure(session)
        DOCUMENTS_WAITING.labels("page").set(pages)
        DOCUMENTS_WAITING.labels("file").set(files or 0)
        DOCUMENTS_OLDEST.set((now() - oldest).total_seconds() if oldest else 0)

    # claims

    def _taken(self, session: Session, table: type[Upload | Page], document: str, number: int) -> bool:
        """Claim a row that nobody else has claimed meanwhile."""
        return _changed(
            session,
            update(table)
            .where(table.document == document, table.number == number, _free(table))
            .values(state=READING, claim=self._claim, claimed_until=now() + timedelta(seconds=LEASE_SECONDS)),
        )

    def _still(self, session: Session, table: type[Upload | Page], job: Claimed) -> bool:
        """Whether this gateway still has the claim; from then on, nobody else can take it before the commit."""
        return _changed(
            session,
            _row(table, job)
            .where(table.state == READING, table.claim == self._claim)
            .values(claimed_until=now() + timedelta(seconds=LEASE_SECONDS)),
        )

    def _release(self, table: type[Upload | Page], job: Claimed, cut_off: bool) -> None:
        """Let it be taken again; fail it where prediction has ended with it too often."""
        with self._store.session() as session:
            if not self._still(session, table, job):
                return
            session.execute(
                _row(table, job).values(
                    state=WAITING, claim="", claimed_until=None, tries=table.tries + (1 if cut_off else 0)
                )
            )
            session.expire_all()
            row: Any = session.get_one(table, (job.document, job.number))
            tries = row.tries
            if isinstance(row, Page):
                touch(session, job.document, row)
            if tries >= MOST_TRIES:
                session.execute(_row(table, job).values(state=READING, claim=self._claim))
        if tries >= MOST_TRIES:
            fail = self._fail_page if table is Page else self._fail_upload
            fail(job, f"reading was cut off {tries} times, make it smaller or simpler")

    def _renew(self) -> None:
        """Keep the claims of what is worked on; what an unexpected error has left is free again after a while."""
        with self._store.session() as session:
            for table, job in list(self._held):
                session.execute(
                    _row(table, job)
                    .where(table.claim == self._claim, table.state == READING)
                    .values(claimed_until=now() + timedelta(seconds=LEASE_SECONDS))
                )

    def _free_all(self) -> None:
        with self._store.session() as session:
            for table in (Upload, Page):
                session.execute(
                    update(table)
                    .where(table.claim == self._claim, table.state == READING)
                    .values(state=WAITING, claim="", claimed_until=None)
                )


async def answered(prediction: Prediction, job: Claimed, path: str, **body: Any) -> httpx2.Response:
    """What prediction says of a page; NotNowError where it does not answer."""
    try:
        return await prediction.send(job.asks, path, **body)
    except httpx2.TransportError as error:
        raise NotNowError(cut_off=not isinstance(error, httpx2.ConnectError)) from None


def check_answer(answer: httpx2.Response) -> None:
    """Raise PageFailedError or NotNowError where an answer is no success."""
    if answer.is_success:
        return
    if answer.status_code in (413, 415, 422):
        raise PageFailedError(problem_of(answer).detail)
    raise NotNowError(cut_off=answer.status_code == 500)


def _free(table: type[Upload | Page]) -> ColumnElement[bool]:
    return or_(table.state == WAITING, and_(table.state == READING, table.claimed_until < now()))


def _turn_of_owner() -> UnaryExpression[Any]:
    """When the owner's pages were last read: users take turns."""
    other = aliased(Document)
    last = select(func.max(other.served)).where(other.owner == Document.owner).scalar_subquery()
    return last.asc().nulls_first()


def _row(table: type[Upload | Page], job: Claimed) -> Any:
    return update(table).where(table.document == job.document, table.number == job.number)


def _changed(session: Session, statement: Any) -> bool:
    return bool(session.execute(statement, execution_options={"synchronize_session": False}).rowcount)  # type: ignore[attr-defined]


def _placed(job: Claimed, reason: str) -> str:
    return f"{job.name}: {reason}" if reason else ""
