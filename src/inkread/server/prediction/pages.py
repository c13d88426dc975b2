"""What the gateway asks for the documents that it keeps: pages of a file as pictures, and what stands on a picture.

Usage: ``app.include_router(page_routes(batcher, served))``

Documents are kept by the gateway, which decodes nothing. Every call brings the file that it is about.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from inkread.document import UNUSUAL, Document, Page
from inkread.errors import InkreadError, InputError
from inkread.formats.geometry import as_layout, check_points
from inkread.formats.json import dump, load
from inkread.io.images import turn_back
from inkread.server.app import while_connected
from inkread.server.prediction.batching import Batcher
from inkread.server.prediction.models import Served
from inkread.server.prediction.workers import PoolClosedError
from inkread.server.problems import PROBLEMS
from inkread.server.tokens import identify_caller

NDJSON = "application/x-ndjson"
JPEG = "image/jpeg"

FilePart = Annotated[UploadFile, File()]


class ReadPage(BaseModel):
    """A page as it was read: a document of one page as JSON, and its picture (base64) where it had to be turned."""

    document: str
    picture: str | None


async def upload_folder(request: Request) -> AsyncIterator[None]:
    """A folder for the uploads of a request, removed when it was answered."""
    with TemporaryDirectory(prefix="inkread-upload-") as folder:
        request.state.folder = Path(folder)
        yield


async def kept(request: Request, file: UploadFile, name: str = "upload") -> Path:
    """The upload as a file that the workers can open."""
    path: Path = request.state.folder / name

    def copy() -> None:
        with path.open("wb") as stream:
            shutil.copyfileobj(file.file, stream)

    await asyncio.to_thread(copy)
    return path


def page_routes(batcher: Batcher, served: Callable[[], Served]) -> APIRouter:
    """The routes.

    Args:
        batcher: decodes and reads.
        served: the model to read with.
    """
    router = APIRouter(
        prefix="/pages",
        tags=["documents"],
        responses=PROBLEMS,
        dependencies=[Depends(identify_caller), Depends(upload_folder)],
    )

    @router.post("/split", summary="The pages of a file as pictures", response_class=StreamingResponse)
    async def split(
        request: Request, file: FilePart, done: Annotated[str, Form(pattern=r"^[\d,]*$")] = ""
    ) -> StreamingResponse:
        """JSON lines: the number of pages, then each page, or why it is none; but for those ``done`` (from 0)."""
        path = await kept(request, file)
        try:
            pages = await while_connected(request, batcher.count(path))
        except InputError as error:
            raise type(error)(plain_reason(error, path)) from error
        left = sorted(set(range(pages)) - {int(index) for index in done.split(",") if index})
        return StreamingResponse(_pictures(batcher, path, pages, left), media_type=NDJSON)

    @router.post("/read", summary="Read a picture")
    async def read_picture(request: Request, file: FilePart) -> ReadPage:
        path = await kept(request, file)
        model = served()
        try:
            read = await while_connected(request, batcher.read_kept(path, model))
            page = replace(read.page, flags=(*read.page.flags, *(UNUSUAL + name for name in read.unusual)))
            picture = None
            if page.orientation:
                picture = (await batcher.picture(path, turned=page.orientation)).jpeg
        except InputError as error:
            raise type(error)(plain_reason(error, path)) from error
        document = Document((replace(_upright(page), source=""),), model.provenance)
        return ReadPage(
            document=dump(document).decode(), picture=None if picture is None else base64.b64encode(picture).decode()
        )

    @router.post("/lines", summary="Read lines of a picture whose places are given")
    async def lines(request: Request, file: FilePart, document: Annotated[str, Form()]) -> ReadPage:
        path = await kept(request, file)
        model = served()
        try:
            layout = as_layout(load(document.encode()).pages[0])
            check_points(layout)
        except (ValueError, IndexError) as error:
            raise InputError(f"document: {error}") from None
        page = (await while_connected(request, batcher.read_kept(path, model, layout))).page
        return ReadPage(document=dump(Document((page,), model.provenance)).decode(), picture=None)

    @router.post("/picture", summary="A picture made smaller", response_class=Response)
    async def smaller(request: Request, file: FilePart, width: Annotated[int, Query(ge=16, le=8192)]) -> Response:
        path = await kept(request, file)
        return Response(await while_connected(request, batcher.smaller(path, width)), media_type=JPEG)

    @router.post("/write", summary="Write a PDF with pictures of the pages", response_class=Response)
    async def write(
        request: Request,
        file: Annotated[list[UploadFile], File()],
        document: Annotated[str, Form()],
    ) -> Response:
        paths: Sequence[Path] = [await kept(request, each, str(number)) for number, each in enumerate(file)]
        written = await while_connected(request, batcher.write(paths, document, "pdf"))
        return written.response({})

    return router


async def _pictures(batcher: Batcher, path: Path, pages: int, left: Sequence[int]) -> AsyncIterator[bytes]:
    yield _line({"pages": pages})
    for index in left:
        try:
            made = await batcher.picture(path, index)
        except PoolClosedError:
            raise  # the page is not at fault: the answer is cut off, and the file is sent again
        except InkreadError as error:
            yield _line({"index": index, "error": plain_reason(error, path)})
        else:
            jpeg = base64.b64encode(made.jpeg).decode()
            yield _line({"index": index, "width": made.width, "height": made.height, "picture": jpeg})


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def plain_reason(error: Exception, path: Path) -> str:
    """What is wrong, without the name that the file has here."""
    return str(error).replace(f"{path}: ", "").replace(str(path), "the file")


def _upright(page: Page) -> Page:
    """The page in the coordinates of its picture once that is turned so that text stands upright."""
    return replace(turn_back(page, (360 - page.orientation) % 360), orientation=0) if page.orientation else page
