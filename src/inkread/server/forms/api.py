"""The routes of forms.

Usage: ``app.include_router(router)``, with ``app.state.forms`` set by `serving_forms`
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from inkread.forms.template import MOST_LIST_BYTES
from inkread.server.answers import file_name
from inkread.server.auth import User
from inkread.server.documents import models as document_models
from inkread.server.documents.api import Documents, ResultFolder, documents_of, revision_of, share_with
from inkread.server.forms import models
from inkread.server.forms.templates import Templates, checked_template
from inkread.server.problems import PROBLEMS, ProblemError

MOST_TEMPLATE_BYTES = 8 * 2**20
"""Of a template as JSON."""
Number = Annotated[int, Path(ge=1, le=1_000_000)]
Name = Annotated[str, Path(pattern=models.NAME, max_length=60)]
Listed = Annotated[str, Path(max_length=100)]
VersionNumber = Annotated[int | None, Query(ge=1, le=1_000_000, description="Of the template; else the newest")]

router = APIRouter(prefix="/forms", tags=["forms"], responses=PROBLEMS)


@dataclass(frozen=True, slots=True)
class Forms:
    """What the routes need; `forms_of` finds it."""

    documents: Documents
    templates: Templates


def add_forms(app: FastAPI, documents: Documents) -> None:
    """Answer for forms; they are worked on with the documents."""
    app.state.forms = Forms(documents, Templates(documents.store))


def forms_of(request: Request) -> Forms:
    """What the routes need."""
    forms: Forms = request.app.state.forms
    return forms


def _multipart(description: str, **others: dict[str, str]) -> dict[str, Any]:
    file = {"type": "array", "items": {"type": "string", "format": "binary"}, "description": description}
    schema = {"type": "object", "required": ["file"], "properties": {"file": file, **others}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _raw(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


# templates


@router.get("", summary="Templates that the user may use")
def list_templates(request: Request, who: User) -> models.TemplateList:
    """Own ones and those that are shared with the user."""
    return forms_of(request).templates.list(who)


@router.post(
    "",
    summary="A template of an empty form, or of a zip that holds one",
    status_code=201,
    openapi_extra=_multipart(
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
