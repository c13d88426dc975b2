"""The routes of documents.

Usage: ``app.include_router(router)``, with ``app.state.documents`` set by `serving_documents`
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import httpx2
from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, UploadFile

from inkread.document import Document as WholeDocument
from inkread.errors import InputError
from inkread.formats import FORMATS
from inkread.formats import json as document_json
from inkread.io.inputs import HEAD_BYTES, check_head
from inkread.registry import Registry
from inkread.server.answers import ZIP, file_name
from inkread.server.auth import User
from inkread.server.documents import models
from inkread.server.documents.content import shown_line
from inkread.server.documents.prediction import Prediction
from inkread.server.documents.queue import next_lines
from inkread.server.documents.removal import pipeline_datasets
from inkread.server.documents.results import Results
from inkread.server.documents.store import File, Store, check_place
from inkread.server.documents.webhooks import Webhooks
from inkread.server.documents.work import PageReader, Work
from inkread.server.gateway.replicas import Replicas
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users

WATCH_SECONDS = 0.5
STREAM_SECONDS = 15.0
"""Longest life of a stream of events; browsers come again with the last id, so a stop need not wait for watchers."""
WIDTHS = (160, 320, 640, 960, 1280, 1920, 2560, 3840)
MOST_FILES = 1000
TABLES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}
FormatName = Literal["txt", "json", "alto", "page", "hocr", "csv", "pdf"]
Number = Annotated[int, Path(ge=1, le=1_000_000)]

router = APIRouter(tags=["documents"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True)
class Documents:
    """What the routes need; `inkread.server.documents.api.documents_of` finds it."""

    store: Store
    prediction: Prediction
    results: Results
    webhooks: Webhooks
    work: Work


@asynccontextmanager
async def serving_documents(
    app: FastAPI,
    settings: Settings,
    client: httpx2.AsyncClient,
    replicas: Replicas,
    readers: Callable[[Store, Prediction], Mapping[str, PageReader]] = lambda _store, _prediction: {},
) -> AsyncIterator[Documents]:
    """Answer for documents and work on them until the end of the block; ``readers`` reads those of further kinds."""
    store = await run_in_threadpool(Store, settings)
    prediction = Prediction(settings, client, replicas)
    webhooks = Webhooks(settings, store)
    async with Work(settings, store, prediction, webhooks, readers(store, prediction)) as work:
        app.state.documents = Documents(store, prediction, Results(store, prediction), webhooks, work)
        yield app.state.documents


def documents_of(request: Request) -> Documents:
    """What the routes need."""
    documents: Documents = request.app.state.documents
    return documents


def multipart(description: str, **others: dict[str, str]) -> dict[str, Any]:
    """The body of a form with files, and other fields, for the OpenAPI description of a route that reads it itself."""
    file = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": description}
    schema = {"type": "object", "required": ["file"], "properties": {"file": file, **others}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


UPLOAD = multipart(
    "Images, TIFFs, PDFs; their pages are counted through",
    name={"type": "string"},
    collection={"type": "string"},
    webhook={"type": "string", "description": "Gets a POST with the summary when it was read"},
)
HEADS = multipart(f"The first {HEAD_BYTES} bytes of each file")


@router.get("/documents", summary="Documents, newest first")
def list_documents(  # noqa: PLR0913, PLR0917
    request: Request,
    who: User,
    query: Annotated[str, Query(max_length=200, description="Part of the name")] = "",
    collection: Annotated[str | None, Query(max_length=200)] = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    tag: Annotated[list[models.TagName] | None, Query(description="All of them", max_length=20)] = None,
    everybody: Annotated[bool, Query(description="Of all users; for admins")] = False,
) -> models.DocumentList:
    """Those of the user and those shared with the user."""
    store = documents_of(request).store
    return store.documents(who, query, collection, offset, limit, tags=tag or (), everybody=everybody)


@router.post("/documents", summary="Keep files and read them", status_code=202, openapi_extra=UPLOAD)
async def create(request: Request, response: Response, who: User) -> models.Document:
    """Answered at once; the pages are read one by one."""
    documents = documents_of(request)
    async with request.form(max_files=MOST_FILES) as form:
        files = [item for item in form.getlist("file") if isinstance(item, UploadFile)]
        if not files:
            raise ProblemError(422, "Unprocessable Content", "file: there is none")
        name, collection = title_of(form, "name"), title_of(form, "collection")
        webhook = str(form.get("webhook") or "")
        if webhook:
            await run_in_threadpool(documents.webhooks.check, webhook)
        given = [File(file_name(file.filename), file.file) for file in files]
        made = await run_in_threadpool(documents.store.create, who, name, collection, given, webhook)
    documents.work.wake()
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/documents/{made.id}"
    return made


@router.post("/documents/check", summary="Which files cannot be read, by their first bytes", openapi_extra=HEADS)
async def check(request: Request, _who: User) -> models.Refusals:
    """Nothing is kept. What passes may still be damaged or too large."""
    refused = []
    async with request.form(max_files=MOST_FILES) as form:
        heads = [item for item in form.getlist("file") if isinstance(item, UploadFile)]
        for number, head in enumerate(heads):
            try:
                check_head(await head.read(HEAD_BYTES), file_name(head.filename))
            except InputError as error:
                refused.append(models.Refusal(file=number, detail=str(error)))
    return models.Refusals(refused=refused)


def title_of(form: FormData, field: str) -> str:
    """A title among the fields of a request; ProblemError 422 where it is none."""
    try:
        return TypeAdapter(models.Title).validate_python(str(form.get(field) or ""))
    except ValidationError as error:
        raise ProblemError(422, "Unprocessable Content", f"{field}: {error.errors()[0]['msg']}") from None


@router.post("/documents/export", summary="Documents as a zip", response_class=FileResponse)
async def export(request: Request, who: User, wanted: models.Export) -> FileResponse:
    """Each in the format, with the corrections; what was not read yet is left out."""
    with ResultFolder() as folder:
        results = documents_of(request).results
        path = await results.write_all(wanted.documents, who, wanted.format, folder.path, wanted.tag)
        return folder.answer(path)


@router.get("/documents/queue", summary="Lines to correct next")
def correction_queue(
    request: Request,
    who: User,
    collection: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.QueueList:
    """Those that teach the model most first, of the documents that the user may correct."""
    return next_lines(documents_of(request).store, who, limit, collection)


@router.get("/documents/{document}", summary="A document and how its pages stand")
def get_document(request: Request, who: User, document: str) -> models.Document:
    """404 where it is not shared with the user."""
    return documents_of(request).store.document(document, who)


@router.patch("/documents/{document}", summary="Name or collection of a document")
def change_document(request: Request, who: User, document: str, change: models.DocumentChange) -> models.Document:
    """For owners."""
    return documents_of(request).store.change(document, who, change)


@router.put("/documents/{document}/tags", summary="The tags of a document")
def put_tags(request: Request, who: User, document: str, tags: models.Tags) -> models.Tags:
    """For correctors; they replace those that it has."""
    return documents_of(request).store.tag(document, None, who, tags.tags)


@router.put("/documents/{document}/pages/{number}/tags", summary="The tags of a page")
def put_page_tags(request: Request, who: User, document: str, number: Number, tags: models.Tags) -> models.Tags:
    """For correctors; they replace those that it has."""
    return documents_of(request).store.tag(document, number, who, tags.tags)


@router.get("/documents/{document}/uses", summary="Datasets and models that used a document")
def uses(request: Request, who: User, document: str) -> models.Uses:
    """For owners and admins; an admin may ask after the document was deleted."""
    found = {use.dataset: (use.lines, use.time) for use in documents_of(request).store.uses(document, who)}
    found |= pipeline_datasets(request.app.state.settings.jobs_folder, document)
    versions = Registry().trained_on(found.keys()) if found else {}
    datasets = [
        models.DatasetUse(dataset=dataset, lines=lines, time=time, versions=versions.get(dataset, []))
        for dataset, (lines, time) in found.items()
    ]
    return models.Uses(datasets=sorted(datasets, key=lambda use: use.time, reverse=True))


@router.delete("/documents/{document}", summary="Delete a document and every byte of it", status_code=204)
def delete_document(request: Request, who: User, document: str) -> None:
    """For owners and admins."""
    documents_of(request).store.delete(document, who)


@router.post("/documents/{document}/cancel", summary="Read no more of it")
def cancel(request: Request, who: User, document: str) -> models.Document:
    """What was read stays."""
    return documents_of(request).store.cancel(document, who)


@router.post("/documents/{document}/retry", summary="Read what failed or was cancelled")
def retry(request: Request, who: User, document: str) -> models.Document:
    """Pages that were read stay as they are."""
    documents = documents_of(request)
    found = documents.store.retry(document, who)
    documents.work.wake()
    return found


@router.get("/documents/{document}/events", summary="Its progress as it happens", response_class=StreamingResponse)
async def events(
    request: Request,
    who: User,
    document: str,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
) -> StreamingResponse:
    """Server-sent events ``document`` and ``page``: first how everything stands, or what changed since the last id."""
    store = documents_of(request).store
    seen = int(last) if re.fullmatch(r"[0-9]{1,15}", last) else 0
    first = await run_in_threadpool(store.news, document, who, seen)
    return StreamingResponse(_events(store, document, who, seen, first), media_type="text/event-stream")


async def _events(
    store: Store, document: str, who: Identity, seen: int, news: models.News | None
) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    deadline = time.monotonic() + STREAM_SECONDS
    while True:
        if news is not None:
            for page in news.pages:
                yield _event("page", page)
            yield _event("document", news.summary, news.sequence)
            seen = news.sequence
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(WATCH_SECONDS)
        try:
            news = await run_in_threadpool(store.news, document, who, seen)
        except ProblemError:  # deleted, or shared no more
            return


def _event(name: str, data: BaseModel, sequence: int | None = None) -> str:
    identifier = "" if sequence is None else f"id: {sequence}\n"
    return f"{identifier}event: {name}\ndata: {data.model_dump_json()}\n\n"


@router.get("/documents/{document}/result", summary="The whole document as a file", response_class=FileResponse)
async def result(
    request: Request,
    who: User,
    document: str,
    format: FormatName = "txt",
    pages: Annotated[str, Query(max_length=20_000, description="Only these, such as 1-20,25")] = "",
) -> FileResponse:
    """With the corrections; a zip where the format holds one page a file."""
    return await _result(request, who, document, format, pages=pages)


@router.get("/documents/{document}/pages/{number}/result", summary="A page as a file", response_class=FileResponse)
async def page_result(
    request: Request, who: User, document: str, number: Number, format: FormatName = "txt"
) -> FileResponse:
    """With the corrections."""
    return await _result(request, who, document, format, number)


async def _result(
    request: Request, who: Identity, document: str, format: str, number: int | None = None, pages: str = ""
) -> FileResponse:
    with ResultFolder() as folder:
        path = await documents_of(request).results.write(document, who, format, folder.path, number, pages=pages)
        return folder.answer(path)


@router.get("/documents/{document}/pages/{number}", summary="A page with its lines")
def get_page(request: Request, response: Response, who: User, document: str, number: Number) -> models.PageContent:
    """The ETag is its revision, for If-Match."""
    return _tagged(response, documents_of(request).store.page(document, number, who))


@router.put("/documents/{document}/pages/{number}", summary="Correct a page")
def put_page(  # noqa: PLR0913, PLR0917
    request: Request,
    response: Response,
    who: User,
    document: str,
    number: Number,
    correction: models.Correction,
    if_match: Annotated[str, Header(max_length=40)] = "",
) -> models.PageContent:
    """412 where the page was changed after the revision in If-Match; the problem says who did and when."""
    store = documents_of(request).store
    return _tagged(response, store.correct(document, number, who, revision_of(if_match), correction))


def revision_of(if_match: str) -> int:
    """The revision in If-Match; ProblemError 428 where there is none."""
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', if_match.strip())
    if found is None:
        detail = 'send If-Match with the revision that you changed, for example If-Match: "3"'
        raise ProblemError(428, "Precondition Required", detail)
    return int(found[1])


def _tagged(response: Response, page: models.PageContent) -> models.PageContent:
    response.headers["ETag"] = f'"{page.revision}"'
    return page


@router.get("/documents/{document}/pages/{number}/image", summary="The picture of a page", response_class=FileResponse)
async def image(
    request: Request,
    who: User,
    document: str,
    number: Number,
    width: Annotated[int | None, Query(ge=16, le=20_000, description="At most so wide; else as it is")] = None,
) -> FileResponse:
    """A JPEG, upright."""
    documents = documents_of(request)
    row = await run_in_threadpool(documents.store.picture, document, number, who)
    path = await run_in_threadpool(documents.store.path, document, row.sha256)
    wanted = max((step for step in WIDTHS if width is not None and step <= width), default=WIDTHS[0])
    if width is not None and wanted < row.width and width < row.width:
        small = path.with_name(f"{path.name}.{wanted}")
        if not small.exists():
            with path.open("rb") as content:
                answer = await documents.prediction.ask(
                    who, f"/pages/picture?width={wanted}", files={"file": ("page", content)}
                )
            await run_in_threadpool(documents.store.put, small, answer.content)
        path = small
    kept = "private, max-age=31536000, immutable" if row.revision else "private, no-cache"  # it may still be turned
    headers = {"Cache-Control": kept, "ETag": f'"{path.name[:16]}{path.suffix}"'}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


@router.post("/documents/{document}/pages/{number}/lines", summary="Read a line again at another place")
async def read_line(request: Request, who: User, document: str, number: Number, outline: models.Outline) -> models.Line:
    """Nothing is kept; PUT the page with the line."""
    check_place(outline, "the line")
    documents = documents_of(request)
    row, layout = await run_in_threadpool(documents.store.layout, document, number, who, outline)
    text = document_json.dump(WholeDocument((layout,))).decode()
    path = await run_in_threadpool(documents.store.path, document, row.sha256)
    with path.open("rb") as picture:
        answer = await documents.prediction.ask(
            who, "/pages/lines", files={"file": ("page", picture)}, data={"document": text}
        )
    read = document_json.load(json.loads(answer.content)["document"].encode())
    line = shown_line(next(iter(read.lines)))
    return line.model_copy(update={"id": f"line_{secrets.token_hex(4)}"})


@router.get("/documents/{document}/pages/{number}/versions", summary="Who changed what of a page")
def versions(request: Request, who: User, document: str, number: Number) -> models.VersionList:
    """Newest first."""
    return documents_of(request).store.versions(document, number, who)


@router.post("/documents/{document}/pages/{number}/versions/{revision}/restore", summary="Go back to a version")
def restore(  # noqa: PLR0913, PLR0917
    request: Request,
    response: Response,
    who: User,
    document: str,
    number: Number,
    revision: Number,
    if_match: Annotated[str, Header(max_length=40)] = "",
) -> models.PageContent:
    """It becomes a new revision; 412 as for a correction."""
    store = documents_of(request).store
    return _tagged(response, store.restore(document, number, who, revision_of(if_match), revision))


@router.get("/documents/{document}/shares", summary="Who may do what with a document")
def shares(request: Request, who: User, document: str) -> models.ShareList:
    """For owners."""
    return documents_of(request).store.shares(document, who)


@router.put("/documents/{document}/shares/{user}", summary="Share a document")
def put_share(request: Request, who: User, document: str, user: str, change: models.ShareChange) -> models.ShareList:
    """For owners; readers see it, correctors change its text, owners also share and delete it."""
    return share_with(request, who, document, user, change)


def share_with(
    request: Request, who: Identity, document: str, user: str, change: models.ShareChange
) -> models.ShareList:
    """Share a document; ProblemError 404 where there is no such user."""
    store = documents_of(request).store
    store.shares(document, who)  # first, so that nobody else learns which users there are
    users: Users = request.app.state.users
    if users.find(user) is None:
        raise ProblemError(404, "Not Found", f"there is no user {user}")
    store.share(document, who, user, change.role)
    return store.shares(document, who)


@router.delete("/documents/{document}/shares/{user}", summary="Share it no more", status_code=204)
def delete_share(request: Request, who: User, document: str, user: str) -> None:
    """For owners, and for who gives up the own role."""
    documents_of(request).store.share(document, who, user, None)


@router.get("/search", summary="Lines of all documents")
def search(
    request: Request,
    who: User,
    query: Annotated[str, Query(min_length=1, max_length=200)],
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    tag: Annotated[models.TagName | None, Query(description="Of pages with this tag")] = None,
) -> models.HitList:
    """In the text and in its alternatives, whatever the case and the accents."""
    return documents_of(request).store.search(who, query, limit, tag)


class ResultFolder:
    """A folder for files that are sent, removed when they were or where making them fails."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="inkread-result-")
        self.path = FilePath(self._folder.name)
        self._sent = False

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._sent:
            self._folder.cleanup()

    def answer(self, path: FilePath) -> FileResponse:
        """Send a file of the folder."""
        self._sent = True
        kinds = {format.suffix: format.media_type for format in FORMATS.values()} | TABLES
        kind = next((kind for suffix, kind in kinds.items() if path.name.endswith(suffix)), ZIP)
        return FileResponse(path, media_type=kind, filename=path.name, background=BackgroundTask(self._folder.cleanup))
