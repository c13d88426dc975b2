"""Documents as HTTP answers, in the format the client asks for.

Usage: ``write_answer(document, (), choose_format(format, request.headers.get("accept", ""))).response({})``
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath

from fastapi import Response

from inkread.document import Document
from inkread.formats import FORMATS, Format
from inkread.io.images import PageImage
from inkread.server.problems import ProblemError

DEFAULT = "json"
ZIP = "application/zip"
_EXTRA_TYPES = {"application/xml": "page", "text/html": "hocr"}
BY_TYPE: dict[str, str] = {
    **{format.media_type.partition(";")[0]: name for name, format in FORMATS.items()},
    **_EXTRA_TYPES,
}


def choose_format(name: str | None, accept: str) -> Format:
    """The format that ``?format=`` names, else the best that ``Accept`` (RFC 9110) allows, else JSON.

    Raises:
        ProblemError: 406 where ``Accept`` allows none.
    """
    if name is not None:
        return FORMATS[name]
    ranked = sorted(_accepted(accept), key=lambda item: -item[1])
    for media_type, quality in ranked:
        if quality > 0 and media_type in BY_TYPE:
            return FORMATS[BY_TYPE[media_type]]
        if quality > 0 and media_type in ("*/*", "application/*"):
            return FORMATS[DEFAULT]
        if quality > 0 and media_type == "text/*":
            return FORMATS["txt"]
    if ranked:
        known = ", ".join(sorted(BY_TYPE))
        raise ProblemError(406, "Not Acceptable", f"Accept names none of {known}; or use ?format=")
    return FORMATS[DEFAULT]


def wants_page(accept: str) -> bool:
    """Whether ``Accept`` is that of a browser that shows what it gets: HTML is named, and not below JSON."""
    quality = dict(_accepted(accept))
    return quality.get("text/html", 0.0) > 0 and quality["text/html"] >= quality.get("application/json", 0.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A document as the body of an answer."""

    body: bytes
    media_type: str
    file_name: str

    def response(self, headers: Mapping[str, str]) -> Response:
        """The answer with these headers."""
        disposition = {"Content-Disposition": f'attachment; filename="{self.file_name}"'}
        return Response(self.body, media_type=self.media_type, headers={**headers, **disposition})


def write_answer(document: Document, images: Iterable[PageImage], format: Format) -> Answer:
    """The document as the body; a zip where the format holds one page a file and the document has several.

    Args:
        document: what was read.
        images: its pages, which only the PDF takes.
        format: how to write it.
    """
    body = BytesIO()
    if format.per_page and len(document.pages) != 1:
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as packed:
            for number, page in enumerate(document.pages, start=1):
                with packed.open(f"{_stem(document)}_{number:04}{format.suffix}", "w") as file:
                    one = BytesIO()
                    format.write(replace(document, pages=(page,)), (), one)
                    file.write(one.getvalue())
        return Answer(body.getvalue(), ZIP, f"{_stem(document)}.zip")
    format.write(document, images, body)
    return Answer(body.getvalue(), format.media_type, f"{_stem(document)}{format.suffix}")


def file_name(name: str | None) -> str:
    """``file_name("../../etc/passwd") == "passwd"``: the last part, not hidden, printable, at most 100 characters."""
    last = PurePath((name or "").replace("\\", "/")).name.lstrip(".")
    return "".join(character for character in last if character.isprintable())[:100]


def _stem(document: Document) -> str:
    source = document.pages[0].source if document.pages else ""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in PurePath(source).stem)
    return stem or "page"


def _accepted(accept: str) -> list[tuple[str, float]]:
    found = []
    for part in accept.lower().split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        if media_type:
            quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
            try:
                found.append((media_type, float(quality)))
            except ValueError:
                found.append((media_type, 0.0))
    return found
