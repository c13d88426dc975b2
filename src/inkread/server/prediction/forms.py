"""What the gateway asks for its forms: templates of empty forms, and what stands on a sheet.

Usage: ``app.include_router(form_routes(batcher, served, cache))``

The gateway sends the digests of templates with each sheet, and the templates themselves only where this service does
not have them: it answers 424 then.
"""

from __future__ import annotations

import base64
import re
import shutil
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from inkread.errors import InkreadError, InputError
from inkread.server.app import while_connected
from inkread.server.prediction.batching import Batcher
from inkread.server.prediction.form_tasks import CONTENT
from inkread.server.prediction.models import Served
from inkread.server.prediction.pages import FilePart, kept, plain_reason, upload_folder
from inkread.server.problems import PROBLEMS, ProblemError
from inkread.server.tokens import identify_caller

MOST_TEMPLATES = 200
"""Templates that are kept here; the one that was asked for last the longest time ago goes first."""
NAME = re.compile(r"[0-9a-f]{64}")


class ProposedTemplate(BaseModel):
    """A template, and its files (base64) by name."""

    template: dict[str, Any]
    files: dict[str, str]


class ReadSheet(BaseModel):
    """`inkread.server.prediction.form_tasks.SheetRead` with base64 for bytes."""

    digest: str
    page: int
    error: float
    problem: str
    fields: list[dict[str, Any]]
    picture: str
    crops: str
    width: int
    height: int


class TemplateCache:
    """The templates that the gateway has sent, each in a folder of its own named by its digest."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="inkread-templates-")
        self._known: OrderedDict[str, Path] = OrderedDict()

    def find(self, digests: Sequence[str]) -> list[tuple[str, Path]]:
        """Digests and folders; ProblemError 424 where one is not here."""
        if unknown := [digest for digest in digests if digest not in self._known]:
            detail = f"{len(unknown)} templates are not here, send them with the sheet"
            raise ProblemError(424, "Failed Dependency", detail, extra={"templates": unknown})
        for digest in digests:
            self._known.move_to_end(digest)
        return [(digest, self._known[digest]) for digest in digests]

    def put(self, digest: str, packed: Path) -> None:
        """Keep what the gateway has packed.

        Raises:
            InputError: it is no such file.
        """
        target, unfinished = Path(self._folder.name) / digest, packed.with_name(f"{packed.name}.files")
        unfinished.mkdir()
        try:
            with zipfile.ZipFile(packed) as files:
                for entry in files.namelist():
                    if entry != CONTENT and not NAME.fullmatch(entry):
                        raise InputError("the template has a file that is not named by its content")
                    with files.open(entry) as stream, (unfinished / entry).open("wb") as file:
                        shutil.copyfileobj(stream, file)
        except zipfile.BadZipFile as error:
            raise InputError("the template is damaged") from error
        if not target.exists():
            shutil.move(unfinished, target)
        self._known[digest] = target
        while len(self._known) > MOST_TEMPLATES:
            shutil.rmtree(self._known.popitem(last=False)[1], ignore_errors=True)


def form_routes(batcher: Batcher, served: Callable[[], Served], cache: TemplateCache) -> APIRouter:
    """The routes.

    Args:
        batcher: decodes and reads.
        served: the model to read with.
        cache: the templates.
    """
    router = APIRouter(
        prefix="/forms",
        tags=["forms"],
        responses=PROBLEMS,
        dependencies=[Depends(identify_caller), Depends(upload_folder)],
    )

    @router.post("/propose", summary="A template of an empty form, or of a zip that holds one")
    async def propose(
        request: Request, file: FilePart, name: Annotated[str, Form(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")]
    ) -> ProposedTemplate:
        path = await kept(request, file)
        try:
            made = await while_connected(request, batcher.propose(path, name, served()))
        except InkreadError as error:
            raise type(error)(_short(error, path)) from error
        return ProposedTemplate(
            template=made.template,
            files={each: base64.b64encode(content).decode() for each, content in made.files.items()},
        )

    @router.post("/check", summary="Whether the expressions of a template can be searched", status_code=204)
    async def check(request: Request, template: Annotated[dict[str, Any], Body()]) -> None:
        await while_connected(request, batcher.check_template(template))

    @router.post("/read", summary="Read a sheet")
    async def read(
        request: Request,
        file: FilePart,
        digests: Annotated[str, Form(pattern=r"^[0-9a-f]{64}(,[0-9a-f]{64})*$")],
        template: Annotated[list[UploadFile] | None, File()] = None,
    ) -> ReadSheet:
        path = await kept(request, file)
        for number, sent in enumerate(template or []):
            packed = await kept(request, sent, f"template-{number}")
            digest = sent.filename or ""
            if not NAME.fullmatch(digest):
                raise ProblemError(422, "Unprocessable Content", "template: it is named by its digest")
            await run_in_threadpool(cache.put, digest, packed)
        templates = cache.find(digests.split(","))
        try:
            found = await while_connected(request, batcher.read_sheet(path, templates, served()))
        except InkreadError as error:
            raise type(error)(plain_reason(error, path)) from error
        return ReadSheet(
            digest=found.digest,
            page=found.page,
            error=found.error,
            problem=found.problem,
            fields=found.fields,
            picture=base64.b64encode(found.picture).decode(),
            crops=base64.b64encode(found.crops).decode(),
            width=found.width,
            height=found.height,
        )

    return router


def _short(error: Exception, path: Path) -> str:
    """What is wrong, without the folder that a zip was unpacked into."""
    return re.sub(rf"{re.escape(str(path))}\.files/", "", plain_reason(error, path))
