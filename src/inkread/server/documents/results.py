"""Documents as files: the text that people left, in every format; several files as a zip.

Usage: ``await Results(settings, store, prediction).write(document, who, "alto", folder)``

The gateway writes text formats itself. PDFs show the pictures, so prediction writes them, some pages at a time.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path, PurePath

from fastapi.concurrency import run_in_threadpool

from inkread.document import Document
from inkread.formats import FORMATS, Format
from inkread.formats.json import dump
from inkread.formats.pdf import join
from inkread.server.answers import file_name
from inkread.server.documents.content import Content
from inkread.server.documents.prediction import Prediction
from inkread.server.documents.store import Store
from inkread.server.documents.tables import Page
from inkread.server.problems import ProblemError
from inkread.server.tokens import Identity

PAGES_A_PART = 20
RANGES = re.compile(r"\d{1,6}(-\d{1,6})?(,\d{1,6}(-\d{1,6})?)*", re.ASCII)

Pages = Sequence[tuple[Page, Content]]


class Results:
    """Writes documents.

    Args:
        store: where they are.
        prediction: writes PDFs.
    """

    def __init__(self, store: Store, prediction: Prediction) -> None:
        self._store = store
        self._prediction = prediction

    async def write(  # noqa: PLR0913
        self,
        document: str,
        who: Identity,
        format: str,
        folder: Path,
        number: int | None = None,
        *,
        pages: str = "",
        tag: str | None = None,
    ) -> Path:
        """Write a document, or some pages of it, into a file of ``folder``; a zip where there are several files.

        Args:
            document, who, format, folder: which one, for whom, how and where to.
            number: a single page.
            pages: only these, such as ``1-20,25``.
            tag: only pages that have it.

        Raises:
            ProblemError: 404 where the user may not see it, 409 where nothing was read yet, 422 where there is no page
                among ``pages``.
        """
        summary = await run_in_threadpool(self._store.document, document, who)
        wanted = page_numbers(pages, len(summary.pages)) if number is None else [number]
        found = await run_in_threadpool(self._store.contents, document, who, wanted, tag)
        if number is not None:
            await run_in_threadpool(self._store.page, document, number, who)
        if not found:
            raise ProblemError(409, "Conflict", "nothing of it was read yet, wait until it is")
        name = PurePath(file_name(summary.name)).stem or "document"
        stem = name if number is None else f"{name}_{number:04}"
        kind = FORMATS[format]
        if format == "pdf":
            return await self._pdf(found, name, folder / f"{stem}{kind.suffix}", who)
        return await run_in_threadpool(_write, found, name, stem, kind, folder)

    async def write_all(
        self, documents: Iterable[str], who: Identity, format: str, folder: Path, tag: str | None = None
    ) -> Path:
        """Write documents, or their pages with a tag, into a zip, with ``tags.csv`` where there are tags.

        Documents of which nothing was read yet, or that have no such page, are left out.
        """
        whole = folder / "documents.zip"
        names: set[str] = set()
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
            for number, document in enumerate(dict.fromkeys(documents)):
                own = folder / str(number)
                own.mkdir()
                try:
                    path = await self.write(document, who, format, own, tag=tag)
                except ProblemError as error:
                    if error.status != 409:
                        raise
                    continue
                await run_in_threadpool(_add, packed, path, names)
            if rows := await run_in_threadpool(self._tags, documents, who):
                packed.writestr("tags.csv", rows)
        return whole

    def _tags(self, documents: Iterable[str], who: Identity) -> str:
        """The tags of documents and pages as CSV; empty where there are none."""
        rows = StringIO()
        writer = csv.writer(rows)
        for document in dict.fromkeys(documents):
            found = self._store.document(document, who)
            writer.writerows((found.name, document, "", tag) for tag in found.tags)
            writer.writerows((found.name, document, page.number, tag) for page in found.pages for tag in page.tags)
        return "name,document,page,tag\r\n" + rows.getvalue() if rows.getvalue() else ""

    async def _pdf(self, pages: Pages, name: str, target: Path, who: Identity) -> Path:
        parts = []
        for count, start in enumerate(range(0, len(pages), PAGES_A_PART)):
            some = pages[start : start + PAGES_A_PART]
            pictures = [await run_in_threadpool(self._store.path, row.document, row.sha256) for row, _ in some]
            text = (await run_in_threadpool(dump, _document(some, name))).decode()
            part = target.with_name(f"{count}.part")
            await self._prediction.write_pdf(text, pictures, who, part)
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else await run_in_threadpool(join, parts)
        return whole.rename(target)


def page_numbers(text: str, total: int) -> list[int]:
    """``page_numbers("2-4,9", 3) == [2, 3]``: those that there are; [] for "".

    Raises:
        ProblemError: 422 where the text names no page of the document, or says something else.
    """
    if not text:
        return []
    if not RANGES.fullmatch(text):
        raise ProblemError(422, "Unprocessable Content", "pages: give numbers and ranges, such as 1-20,25")
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.update(range(max(int(first), 1), min(int(last or first), total) + 1))
    if not numbers:
        raise ProblemError(422, "Unprocessable Content", f"pages: the document has {total}, none of them is named")
    return sorted(numbers)


def _document(pages: Iterable[tuple[Page, Content]], name: str) -> Document:
    found = list(pages)
    shown = tuple(replace(content.page, source=name, index=row.number - 1) for row, content in found)
    return Document(shown, found[0][1].provenance)


def _write(pages: Pages, name: str, stem: str, format: Format, folder: Path) -> Path:
    if not format.per_page or len(pages) == 1:
        path = folder / f"{stem}{format.suffix}"
        with path.open("wb") as stream:
            format.write(_document(pages, name), (), stream)
        return path
    path = folder / f"{stem}.{format.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for row, content in pages:
            body = BytesIO()
            format.write(_document([(row, content)], name), (), body)
            packed.writestr(f"{stem}_{row.number:04}{format.suffix}", body.getvalue())
    return path


def _add(packed: zipfile.ZipFile, path: Path, names: set[str]) -> None:
    """Add a file under a name that none has yet; the files of a zip go into a folder of its name."""
    stem, _, suffixes = path.name.partition(".")
    free = next(name for name in _numbered(stem) if name not in names)
    names.add(free)
    if path.suffix != ".zip":
        packed.write(path, f"{free}.{suffixes}")
        return
    with zipfile.ZipFile(path) as files:
        for entry in files.namelist():
            packed.writestr(f"{free}/{entry}", files.read(entry))


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 1
    while True:
        number += 1
        yield f"{stem} ({number})"
