"""Where the results of reading go: stdout, or files below a folder.

Usage: ``SavedFiles(Path("out"), "txt", result_names(paths)).write(path, document)``
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Protocol

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inkread.document import Document, Line
from inkread.errors import InkreadError, InputError, OutputError
from inkread.formats import FORMATS, fit, pdf, save
from inkread.formats.pdf_layer import PdfText
from inkread.formats.writing import page_numbers, save_with_layer
from inkread.io.files import write_bytes
from inkread.io.images import PageImage
from inkread.io.inputs import RESULT_MAKER, count_pages, is_pdf, load_chosen_pages


class Result(Protocol):
    """Something that is made of each document."""

    def write(self, source: Path, document: Document) -> None:
        """Write what was read in ``source``; OutputError where that fails."""


def replacing_inputs(names: Mapping[Path, Path], targets: Iterable[tuple[Path, str]]) -> dict[Path, OutputError]:
    """The inputs of which a result would replace an input.

    Args:
        names: of the results by input, as `result_names` gives them.
        targets: folders in which results are written, each with a suffix that they get there.
    """
    inputs = {_identity(path) for path in names} - {None}
    refused = {}
    for (path, name), (folder, suffix) in product(names.items(), targets):
        target = folder / name.with_name(name.name + suffix)
        if (found := _identity(target)) in inputs:
            which = "its input" if found == _identity(path) else f"the input {target}"
            refused[path] = OutputError(f"{path}: the result would replace {which}, name another folder to write to")
    return refused


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def write_all(results: Iterable[Result], source: Path, document: Document) -> list[InkreadError]:
    """Write every result, whatever fails in another one, and return what failed."""
    failures: list[InkreadError] = []
    for result in results:
        try:
            result.write(source, document)
        except InkreadError as error:
            failures.append(error if str(source) in str(error) else OutputError(f"{source}: {error}"))
        except BrokenPipeError:  # nobody reads stdout any more
            raise
        except Exception as error:  # one file that cannot be written must not cost the others
            failures.append(OutputError(f"{source}: the result cannot be written ({type(error).__name__}: {error})"))
    return failures


def result_names(paths: Sequence[Path]) -> Mapping[Path, Path]:
    """``result_names([Path("a/1.jpg"), Path("b/1.jpg")])[Path("b/1.jpg")] == Path("b/1")``: where results go.

    The name is relative to the output folder and has no suffix. It is the input's stem. Where two inputs share one, all
    names keep their folders below the folder that holds all inputs; where two inputs in a folder share one (``1.jpg``
    beside ``1.pdf``), all names keep their suffix too. Names that differ in case only count as one, because on macOS
    and Windows they are, and so do ``1_0002`` and ``1`` where that has several pages.
    """
    folders = {path: os.path.abspath(path.parent) for path in paths}
    if len({os.path.splitdrive(folder)[0] for folder in folders.values()}) > 1:  # on Windows
        below = {path: Path(folder.replace(":", "").lstrip("\\")) for path, folder in folders.items()}
    else:
        root = os.path.commonpath(folders.values()) if folders else ""
        below = {path: Path(os.path.relpath(folder, root)) for path, folder in folders.items()}
    by_stem = {path: Path(path.stem) for path in paths}
    by_folder = {path: below[path] / path.stem for path in paths}
    by_file = {path: below[path] / path.name for path in paths}
    by_number = {
        path: name.with_name(f"{number}-{name.name}") for number, (path, name) in enumerate(by_file.items(), 1)
    }
    return next((names for names in (by_stem, by_folder, by_file) if _are_different(names)), by_number)


def _are_different(names: Mapping[Path, Path]) -> bool:
    sources = {str(name).casefold(): path for path, name in names.items()}
    pages = (match for name in sources if (match := re.fullmatch(r"(.*)_[0-9]{4,}", name, re.DOTALL)))
    whole = (sources[match[1]] for match in pages if match[1] in sources)
    return len(sources) == len(names) and not any(map(_may_have_pages, whole))


def _may_have_pages(path: Path) -> bool:
    try:
        return count_pages(path) > 1
    except (InputError, OSError):
        return True


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """Files ``folder/name.suffix`` in one format.

    A PDF that was read becomes a PDF with a layer of text; see `inkread.formats.pdf_layer`.
    """

    folder: Path
    format: str
    names: Mapping[Path, Path]
    pdf_text: PdfText = "skip"
    upright: bool = False
    archival: bool = False

    def write(self, source: Path, document: Document) -> None:
        """Write a document; OutputError where a file cannot be written."""
        place = self.folder / self.names[source]
        kind = FORMATS[self.format]
        if kind.name == "pdf" and is_pdf(source):
            target = place.with_name(place.name + kind.suffix)
            options = {"upright": self.upright, "archival": self.archival}
            save_with_layer(source, document, target, text=self.pdf_text, **options)
            return
        if kind.name == "pdf":
            kind = replace(kind, write=partial(pdf.write, archival=self.archival))
        save(document, _images(source, document), kind, place.parent, place.name)


def _images(source: Path, document: Document) -> Iterator[PageImage]:
    """The pages that were read, and no other: one of those may have been given up."""
    return load_chosen_pages(source, (page.index for page in document.pages))


@dataclass(slots=True)
class Printed:
    """Documents on stdout one after the other, plain text with an empty line between them."""

    format: str
    is_first: bool = True

    def write(self, source: Path, document: Document) -> None:
        """Print a document; OutputError where the format holds one page and the document has several."""
        kind = FORMATS[self.format]
        if kind.per_page and len(document.pages) != 1:
            raise OutputError(
                f"{source}: the file has {len(document.pages)} pages and {kind.name} holds one a file, "
                "name a folder to write to with -o"
            )
        if kind.name == "txt" and not self.is_first:
            sys.stdout.buffer.write(b"\n")
        self.is_first = False
        kind.write(document, (), sys.stdout.buffer)
        sys.stdout.buffer.flush()


@dataclass(frozen=True, slots=True)
class PrintedConfidences:
    """Each line on stdout as confidence, tab, text, with a question mark behind the confidence of a flagged line."""

    def write(self, source: Path, document: Document) -> None:  # noqa: ARG002
        """Print the lines of a document."""
        rows = (f"{_confidence(line)}\t{line.text}\n" for line in document.lines)
        sys.stdout.buffer.write("".join(rows).encode())
        sys.stdout.buffer.flush()


def _confidence(line: Line) -> str:
    return ("-" if line.confidence is None else f"{line.confidence:.2f}") + ("?" if line.flagged else "")


@dataclass(frozen=True, slots=True)
class DebugImages:
    """Pictures ``folder/name.png`` of what was found on each page, ``name_0001.png`` and so on for several pages."""

    folder: Path
    names: Mapping[Path, Path]

    def write(self, source: Path, document: Document) -> None:
        """Draw the pages of a document; OutputError where a picture cannot be written."""
        from inkread.layout.debug import draw

        place = self.folder / self.names[source]
        maker = PngInfo()
        maker.add_text("Software", RESULT_MAKER)
        pages = zip(page_numbers(document), _images(source, document), document.pages, strict=True)
        for number, image, page in pages:
            ending = f"_{number:04}.png" if len(document.pages) > 1 else ".png"
            target = place.with_name(place.name + ending)
            picture = BytesIO()
            Image.fromarray(draw(image, fit(page, image.width, image.height))).save(picture, "PNG", pnginfo=maker)
            write_bytes(target, picture.getvalue())
