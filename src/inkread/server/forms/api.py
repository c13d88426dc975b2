"""The routes of forms.

Usage: ``app.include_router(router)``, with ``app.state.forms`` set by `serving_forms`
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse
from starlette.datastructures import UploadFile

from inkread.forms.template import MOST_LIST_BYTES
from inkread.server.answers import file_name
from inkread.server.auth import User
from inkread.server.documents import models as document_models
from inkread.server.documents.api import (
    MOST_FILES,
    Documents,
    ResultFolder,
    documents_of,
    multipart,
    revision_of,
    share_with,
    title_of,
)
from inkread.server.documents.api import events as document_events
from inkread.server.documents.prediction import Prediction
from inkread.server.documents.store import File, Store
from inkread.server.documents.tables import BATCH
from inkread.server.documents.work import PageReader
from inkread.server.forms import models
from inkread.server.forms.batches import MOST_ROWS, Batches
from inkread.server.forms.keying import Keying
from inkread.server.forms.sheets import SheetReader
from inkread.server.forms.templates import Templates, checked_template
from inkread.server.problems import PROBLEMS, ProblemError

MOST_TEMPLATE_BYTES = 8 * 2**20
"""Of a template as JSON."""
Number = Annotated[int, Path(ge=1, le=1_000_000)]
Name = Annotated[str, Path(pattern=models.NAME, max_length=60)]
Listed = Annotated[str, Path(max_length=100)]
BatchId = Annotated[str, Path(pattern=r"^[0-9a-f]{1,26}$")]
FieldName = Annotated[str, Path(max_length=150)]
VersionNumber = Annotated[int | None, Query(ge=1, le=1_000_000, description="Of the template; else the newest")]

router = APIRouter(prefix="/forms", tags=["forms"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True)
class Forms:
    """What the routes need; `forms_of` finds it."""

    documents: Documents
    templates: Templates
    batches: Batches
    keying: Keying


def form_readers(store: Store, prediction: Prediction) -> dict[str, PageReader]:
    """What reads the pages of batches, for `inkread.server.documents.api.serving_documents`."""
    return {BATCH: SheetReader(store, Templates(store), prediction)}


def add_forms(app: FastAPI, documents: Documents) -> None:
    """Answer for forms; they are worked on with the documents."""
    store, templates = documents.store, Templates(documents.store)
    sheets = SheetReader(store, templates, documents.prediction)
    batches = Batches(store, templates, sheets)
    app.state.forms = Forms(documents, templates, batches, Keying(store, templates, sheets, batches))


def forms_of(request: Request) -> Forms:
    """What the routes need."""
    forms: Forms = request.app.state.forms
    return forms


def _raw(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


# templates


@router.get("", summary="Templates that the user may use")
def list_templates(request: Request, who: User) -> models.TemplateList:
    """Own ones and those that are shared with the user."""
    return forms_of(request).templates.templates(who)


@router.post(
    "",
    summary="A template of an empty form, or of a zip that holds one",
    status_code=201,
    openapi_extra=multipart(
        "PDF or image of the empty form; or a zip of YAML, pictures and lists", name={"type": "string"}
    ),
)
async def make_template(request: Request, response: Response, who: User) -> models.TemplateDetails:
    """Fields are proposed as a draft, which is deleted after a day if it is not saved; a zip is kept at once."""
    forms = forms_of(request)
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise ProblemError(422, "Unprocessable Content", "file: there is none")
        given = file_name(file.filename)
        name = _plain_name(str(form.get("name") or PurePath(given).stem))
        answer = await forms.documents.prediction.ask(
            who, "/forms/propose", files={"file": ("form", file.file)}, data={"name": name}
        )
    made = answer.json()
    files = {each: base64.b64decode(body) for each, body in made["files"].items()}
    checked_template(made["template"])
    name = await run_in_threadpool(
        forms.templates.make, who, made["template"], files, draft=not given.lower().endswith(".zip")
    )
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/forms/{name}"
    return _tagged(response, await run_in_threadpool(forms.templates.details, name, who))


def _plain_name(text: str) -> str:
    """``_plain_name("Schaden 2024 (neu)") == "Schaden-2024-neu"``."""
    plain = "-".join(re.findall(r"[A-Za-z0-9_]+", text))[:50].lstrip("_-")
    return plain or "form"


def _tagged(response: Response, template: models.TemplateDetails) -> models.TemplateDetails:
    response.headers["ETag"] = f'"{template.version}"'
    return template


# fields to key


@router.get("/queue", summary="Fields to key next")
def queue(  # noqa: PLR0913, PLR0917
    request: Request,
    who: User,
    template: Annotated[str | None, Query(pattern=models.NAME, max_length=60)] = None,
    field: Annotated[str | None, Query(max_length=150, description="A column of a table is items.amount")] = None,
    batch: Annotated[str | None, Query(max_length=26)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.Queue:
    """Unsure and invalid fields of the batches that the user may correct, one field after the other."""
    root = str(request.scope.get("root_path", ""))
    return forms_of(request).keying.queue(who, template, field, batch, limit, root)


# batches


@router.get("/batches/{batch}", summary="A batch with its forms")
def get_batch(
    request: Request,
    who: User,
    batch: BatchId,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="Forms to leave out")] = 0,
    limit: Annotated[int, Query(ge=0, le=MOST_ROWS)] = MOST_ROWS,
) -> models.Batch:
    """Forms are numbered by their first sheet."""
    return forms_of(request).batches.batch(batch, who, offset, limit)


@router.delete("/batches/{batch}", summary="Delete a batch and every byte of it", status_code=204)
def delete_batch(request: Request, who: User, batch: BatchId) -> None:
    """For owners and admins."""
    forms = forms_of(request)
    if not who.admin:
        forms.batches.summary(batch, who)
    forms.documents.store.delete(batch, who)


@router.post("/batches/{batch}/cancel", summary="Read no more of it")
def cancel_batch(request: Request, who: User, batch: BatchId) -> models.BatchSummary:
    """What was read stays."""
    forms = forms_of(request)
    forms.batches.summary(batch, who)
    forms.documents.store.cancel(batch, who)
    return forms.batches.summary(batch, who)


@router.post("/batches/{batch}/retry", summary="Read what failed or was cancelled")
def retry_batch(request: Request, who: User, batch: BatchId) -> models.BatchSummary:
    """Sheets that were read stay as they are."""
    forms = forms_of(request)
    forms.batches.summary(batch, who)
    forms.documents.store.retry(batch, who)
    forms.documents.work.wake()
    return forms.batches.summary(batch, who)


@router.get("/batches/{batch}/events", summary="Its progress as it happens", response_class=StreamingResponse)
async def batch_events(
    request: Request,
    who: User,
    batch: BatchId,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
) -> StreamingResponse:
    """Server-sent events as those of a document; a page is a sheet."""
    return await document_events(request, who, batch, last)


@router.put("/batches/{batch}/threshold", summary="From which confidence fields are sure")
def put_threshold(request: Request, who: User, batch: BatchId, wanted: models.Threshold) -> models.BatchSummary:
    """Given, or chosen so that at most a share of the sure fields is expected to be wrong."""
    return forms_of(request).batches.threshold(batch, who, wanted)


@router.get("/batches/{batch}/result", summary="The table of a batch", response_class=FileResponse)
async def batch_result(request: Request, who: User, batch: BatchId, format: models.FormatName = "csv") -> FileResponse:
    """One row a form, with value, state, confidence and raw reading of a field, as `inkread forms read` writes it."""
    with ResultFolder() as folder:
        path = await run_in_threadpool(forms_of(request).batches.write, batch, who, format, folder.path)
        return folder.answer(path)


@router.get("/batches/{batch}/sheets/{number}/image", summary="The picture of a sheet", response_class=FileResponse)
def sheet(request: Request, who: User, batch: BatchId, number: Number) -> FileResponse:
    """A JPEG; once the sheet was read, it lies as the empty page does."""
    path = forms_of(request).batches.sheet(batch, number, who)
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{path.name[:16]}"'}
    return FileResponse(path, media_type="image/jpeg", headers=headers)


@router.get(
    "/batches/{batch}/forms/{form}/fields/{name}/image", summary="The picture of a field", response_class=Response
)
def crop(request: Request, who: User, batch: BatchId, form: Number, name: FieldName) -> Response:
    """A JPEG with a little of what is around the field."""
    body = forms_of(request).batches.crop(batch, form, name, who)
    return Response(body, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


@router.put("/batches/{batch}/forms/{form}/fields/{name}", summary="Key or accept a field")
def key(
    request: Request, who: User, batch: BatchId, form: Number, name: FieldName, given: models.Key
) -> models.KeyedField:
    """For correctors; 422 where the value does not fit its type or the rules, unless `force` keeps it all the same."""
    return forms_of(request).keying.key(batch, form, name, who, given)


@router.get("/batches/{batch}/shares", summary="Who may do what with a batch")
def batch_shares(request: Request, who: User, batch: BatchId) -> document_models.ShareList:
    """For owners."""
    return documents_of(request).store.shares(batch, who)


@router.put("/batches/{batch}/shares/{user}", summary="Share a batch")
def share_batch(
    request: Request, who: User, batch: BatchId, user: str, change: document_models.ShareChange
) -> document_models.ShareList:
    """For owners; correctors key its fields."""
    return share_with(request, who, batch, user, change)


@router.delete("/batches/{batch}/shares/{user}", summary="Share it no more", status_code=204)
def unshare_batch(request: Request, who: User, batch: BatchId, user: str) -> None:
    """For owners, and for who gives up the own role."""
    documents_of(request).store.share(batch, who, user, None)


# one template


@router.get("/{template}", summary="A template")
def get_template(
    request: Request, response: Response, who: User, template: Name, version: VersionNumber = None
) -> models.TemplateDetails:
    """The ETag is its version, for If-Match."""
    return _tagged(response, forms_of(request).templates.details(template, who, version))


@router.put(
    "/{template}",
    summary="Save a template as a new version",
    openapi_extra=_raw("application/json", {"type": "object"}),
)
async def put_template(
    request: Request,
    response: Response,
    who: User,
    template: Name,
    if_match: Annotated[str, Header(max_length=40)] = "",
) -> models.TemplateDetails:
    """The body is `template` of GET. What was read keeps its version; 412 where another version was saved meanwhile."""
    forms = forms_of(request)
    revision = revision_of(if_match)
    content = _parsed(await _body(request, MOST_TEMPLATE_BYTES))
    await run_in_threadpool(forms.templates.document_of, template, who)
    checked = await run_in_threadpool(checked_template, content)
    await forms.documents.prediction.ask(who, "/forms/check", json=checked.plain())
    made = await run_in_threadpool(forms.templates.put, template, who, revision, checked.plain())
    return _tagged(response, made)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError(422, "Unprocessable Content", "the body is no JSON") from None


async def _body(request: Request, most: int) -> bytes:
    """The body of a request; ProblemError 413 where it is larger."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most:
            raise ProblemError(413, "Content Too Large", f"at most {most / 2**20:g} MiB are taken here")
    return bytes(found)


@router.delete("/{template}", summary="Delete a template and its batches", status_code=204)
def delete_template(request: Request, who: User, template: Name) -> None:
    """For owners and admins; 409 where others have read batches with it."""
    forms_of(request).templates.delete(template, who)


@router.get("/{template}/pages/{number}/image", summary="An empty page", response_class=FileResponse)
def blank(request: Request, who: User, template: Name, number: Number, version: VersionNumber = None) -> FileResponse:
    """A PNG of 200 dpi, to whose pixels all boxes refer."""
    path = forms_of(request).templates.file(template, who, version, page=number)
    headers = {"Cache-Control": "private, no-cache", "ETag": f'"{path.name[:16]}"'}
    return FileResponse(path, media_type="image/png", headers=headers)


@router.get("/{template}/lists/{name}", summary="A list of a template", response_class=FileResponse)
def get_list(request: Request, who: User, template: Name, name: Listed, version: VersionNumber = None) -> FileResponse:
    """One entry a line."""
    path = forms_of(request).templates.file(template, who, version, listed=name)
    return FileResponse(path, media_type="text/plain; charset=utf-8")


@router.put(
    "/{template}/lists/{name}",
    summary="Save a list, one entry a line",
    openapi_extra=_raw("text/plain", {"type": "string"}),
)
async def put_list(
    request: Request, response: Response, who: User, template: Name, name: Listed
) -> models.TemplateDetails:
    """At most 100,000 entries, UTF-8; it makes a new version of the template."""
    templates = forms_of(request).templates
    body = await _body(request, MOST_LIST_BYTES)
    return _tagged(response, await run_in_threadpool(templates.put_list, template, name, who, body))


@router.get("/{template}/file", summary="A template as a zip of its files", response_class=FileResponse)
async def template_file(request: Request, who: User, template: Name, version: VersionNumber = None) -> FileResponse:
    """YAML, pictures and lists, as `inkread forms read` and POST /forms take them."""
    with ResultFolder() as folder:
        path = await run_in_threadpool(forms_of(request).templates.packed, template, who, version, folder.path)
        return folder.answer(path)


@router.get("/{template}/shares", summary="Who may do what with a template")
def template_shares(request: Request, who: User, template: Name) -> document_models.ShareList:
    """For owners."""
    return documents_of(request).store.shares(forms_of(request).templates.document_of(template, who), who)


@router.put("/{template}/shares/{user}", summary="Share a template")
def share_template(
    request: Request, who: User, template: Name, user: str, change: document_models.ShareChange
) -> document_models.ShareList:
    """For owners; readers read forms with it, correctors also change it, owners also share and delete it."""
    return share_with(request, who, forms_of(request).templates.document_of(template, who), user, change)


@router.delete("/{template}/shares/{user}", summary="Share it no more", status_code=204)
def unshare_template(request: Request, who: User, template: Name, user: str) -> None:
    """For owners, and for who gives up the own role."""
    document = forms_of(request).templates.document_of(template, who)
    documents_of(request).store.share(document, who, user, None)


@router.get("/{template}/lists/{name}/suggestions", summary="Values that a list lacks")
def suggestions(request: Request, who: User, template: Name, name: Listed) -> models.Suggestions:
    """What people have keyed into the fields of the list; for correctors of the template."""
    return forms_of(request).keying.suggestions(template, name, who)


@router.get("/{template}/batches", summary="Batches that were read with a template, newest first")
def list_batches(
    request: Request,
    who: User,
    template: Name,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.BatchList:
    """Own ones and those that are shared with the user; of all templates for `any`."""
    return forms_of(request).batches.batches(template, who, offset, limit)


@router.post(
    "/{template}",
    summary="Read sheets as a batch",
    status_code=202,
    openapi_extra=multipart(
        "Images, TIFFs, PDFs; their pages are the sheets",
        name={"type": "string"},
        webhook={"type": "string", "description": "Gets a POST with the summary when it was read"},
        double={"type": "boolean", "description": "Two people key each doubtful field"},
    ),
)
async def read_batch(request: Request, response: Response, who: User, template: Name) -> models.Batch:
    """Answered at once; sheets are read one by one. For `any`, the right template of each sheet is found."""
    forms = forms_of(request)
    async with request.form(max_files=MOST_FILES) as form:
        files = [item for item in form.getlist("file") if isinstance(item, UploadFile)]
        if not files:
            raise ProblemError(422, "Unprocessable Content", "file: there is none")
        name, webhook = title_of(form, "name"), str(form.get("webhook") or "")
        if webhook:
            await run_in_threadpool(forms.documents.webhooks.check, webhook)
        double = str(form.get("double") or "").lower() in ("1", "true", "yes", "on")
        given = [File(file_name(file.filename), file.file) for file in files]
        make = partial(forms.batches.create, double=double)
        made = await run_in_threadpool(make, who, template, name, given, webhook)
    forms.documents.work.wake()
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/forms/batches/{made.id}"
    return made
