"""A prediction service that knows the ten real pages of tests/pages by their transcriptions, and so answers at once.

Usage: ``with served(transcribed_prediction()) as url: ...`` An upload of the text "%PDF-500" is a file of 500 pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, File, Form, Response, UploadFile
from fastapi.responses import StreamingResponse
from PIL import Image

from inkread.document import FAINT, Alternative, Document, Insertion, Line, Page, Region, Word
from inkread.formats import read_document
from inkread.formats.json import dump, load

PAGES = sorted((Path(__file__).parents[1] / "pages").glob("*.webp"))
READ_AGAIN = "read again"


def transcribed_prediction() -> FastAPI:
    app = FastAPI()
    pictures = [_jpeg(Image.open(path).convert("L")) for path in PAGES]
    texts = {
        hashlib.sha256(picture).digest(): Document((_doubtful(read_document(path.with_suffix(".xml")).pages[0]),))
        for path, picture in zip(PAGES, pictures, strict=True)
    }
    faint = hashlib.sha256(pictures[1]).digest()
    texts[faint] = Document((_inserted(replace(texts[faint].pages[0], flags=(FAINT, "unusual slant"))),))

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/pages/split")
    def split(file: Annotated[UploadFile, File()]) -> StreamingResponse:
        count = int(file.file.read().removeprefix(b"%PDF-"))
        return StreamingResponse(_split(count, pictures), media_type="application/x-ndjson")

    @app.post("/pages/read")
    def read(file: Annotated[UploadFile, File()]) -> dict[str, str | None]:
        return {"document": dump(texts[hashlib.sha256(file.file.read()).digest()]).decode(), "picture": None}

    @app.post("/pages/lines")
    def lines(document: Annotated[str, Form()]) -> dict[str, str | None]:
        page = load(document.encode()).pages[0]
        regions = tuple(
            replace(region, lines=tuple(replace(line, text=READ_AGAIN, confidence=0.9) for line in region.lines))
            for region in page.regions
        )
        return {"document": dump(Document((replace(page, regions=regions),))).decode(), "picture": None}

    @app.post("/pages/picture")
    def smaller(file: Annotated[UploadFile, File()], width: int) -> Response:
        image = Image.open(file.file)
        image.thumbnail((width, 4 * width))
        return Response(_jpeg(image), media_type="image/jpeg")

    return app


def _split(count: int, pictures: list[bytes]) -> Iterator[bytes]:
    yield json.dumps({"pages": count}).encode() + b"\n"
    for index in range(count):
        picture = pictures[index % len(pictures)]
        width, height = Image.open(BytesIO(picture)).size
        found = {"index": index, "width": width, "height": height, "picture": base64.b64encode(picture).decode()}
        yield json.dumps(found).encode() + b"\n"


def _jpeg(image: Image.Image) -> bytes:
    body = BytesIO()
    image.save(body, "JPEG", quality=70)
    return body.getvalue()


def _inserted(page: Page) -> Page:
    """As if the first line of the text had been written above the second one, behind its first word."""
    *before, text = page.regions
    first, second, *others = text.lines
    placed = replace(first, insertion=Insertion(second.id, second.text.index(" ") + 1))
    return replace(page, regions=(*before, replace(text, lines=(placed, second, *others))))


def _doubtful(page: Page) -> Page:
    """Every third line is doubtful: its longest word, of which there is another reading."""

    def line(number: int, item: Line) -> Line:
        words = item.text.split()
        if number % 3 or not words:
            return replace(item, confidence=0.99, words=tuple(Word(word, confidence=0.99) for word in words))
        longest = max(words, key=len)
        other = item.text.replace(longest, f"{longest}x", 1)
        return replace(
            item,
            confidence=0.9,
            words=tuple(Word(word, confidence=0.4 if word == longest else 0.97) for word in words),
            alternatives=(Alternative(other, 0.2),),
        )

    numbered = iter(range(len(page.lines)))
    regions = tuple(
        Region(region.id, region.polygon, tuple(line(next(numbered), item) for item in region.lines), region.kind)
        for region in page.regions
    )
    return replace(page, regions=regions, source="", index=0)
