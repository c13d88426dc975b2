"""Read many files and say which document belongs to which.

Usage: ``for path, document in read_files(reader, paths, on_error=complain, on_page=count): ...``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from inkread.document import Document, Page
from inkread.errors import InkreadError, LayoutFileError
from inkread.formats import paired, read_layout
from inkread.imaging.load import Source, load_pages

if TYPE_CHECKING:
    from inkread.reader import Reader

OnError = Callable[[Source, InkreadError], None]
OnPage = Callable[[Page], None]


def read_files(
    reader: Reader, paths: Sequence[Path], *, on_error: OnError, on_page: OnPage
) -> Iterator[tuple[Path, Document]]:
    """Yield each file that can be read with its document, in order; the others go to ``on_error``."""
    failed: set[Source] = set()

    def fail(source: Source, error: InkreadError) -> None:
        failed.add(source)
        on_error(source, error)

    remaining = iter(paths)
    for document in reader.read(paths, on_error=fail, on_page=on_page):
        yield next(path for path in remaining if path not in failed), document


def read_given_lines(
    reader: Reader, paths: Sequence[Path], *, on_error: OnError, on_page: OnPage
) -> Iterator[tuple[Path, Document]]:
    """As ``read_files``, with the lines that the PAGE or ALTO file of each image gives."""
    layouts = cache(lambda folder: dict(paired(folder)))
    for path in paths:
        try:
            document = _read_given(reader, path, layouts(path.parent).get(path), on_page)
        except InkreadError as error:
            on_error(path, error)
        else:
            yield path, document


def _read_given(reader: Reader, path: Path, layout: Path | None, on_page: OnPage) -> Document:
    if layout is None:
        raise LayoutFileError(f"{path}: no PAGE or ALTO file stands beside it, add one or use --lines detect")
    pages = []
    for page in reader.read_pages(load_pages(path), chain([read_layout(layout)], repeat(None))):
        on_page(page)
        pages.append(page)
    return Document(tuple(pages), reader.provenance)
