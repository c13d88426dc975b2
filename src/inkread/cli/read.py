"""``inkread read``: handwriting from images, PDFs, folders and globs.

Usage: ``for path, document in read_files(reader, paths, on_error=complain, on_page=count): ...``
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from importlib import import_module
from itertools import chain, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from inkread.cli.terminal import Reading, quiet_libraries
from inkread.document import CAPTURE_ADVICE, REDUCED, SHOW_THROUGH, UNFAMILIAR, Document, Page, left_out
from inkread.errors import BadLineError, BadPageError, DamagedInputError, InkreadError, LayoutFileError
from inkread.formats import FORMATS
from inkread.formats.pairing import SAME_NAME, Pairs, find_pairs
from inkread.formats.reading import layout_of
from inkread.io.files import remove_leftovers
from inkread.io.inputs import DEFAULT_LIMITS, Input, Limits, find_inputs, is_pdf, load_readable_pages
from inkread.worker_process import Bounds

if TYPE_CHECKING:
    from inkread.cli.results import Result
    from inkread.reader import Reader


OnError = Callable[[Input, InkreadError], None]
OnPage = Callable[[Page], None]


def read_files(
    reader: Reader, paths: Sequence[Path], *, on_error: OnError, on_page: OnPage
) -> Iterator[tuple[Path, Document]]:
    """Yield each file that can be read with its document, in order; other files and pages go to ``on_error``."""
    failed: set[Input] = set()

    def fail(source: Input, error: InkreadError) -> None:
        if not isinstance(error, BadPageError | BadLineError):
            failed.add(source)
        on_error(source, error)

    remaining = iter(paths)
    for document in reader.read(paths, on_error=fail, on_page=on_page):
        yield next(path for path in remaining if path not in failed), document


def read_given_lines(
    reader: Reader, paths: Sequence[Path], *, on_error: OnError, on_page: OnPage
) -> Iterator[tuple[Path, Document]]:
    """As ``read_files``, with the lines that the PAGE or ALTO file of each image gives."""
    for path in paths:
        try:
            document = _read_given(reader, path, _layout_file(path), partial(on_error, path), on_page)
        except InkreadError as error:
            on_error(path, error)
        else:
            yield path, document


def _layout_file(image: Path) -> Path:
    """The PAGE or ALTO file of an image: below its folder or, as in a workspace of OCR-D, in one beside that."""
    for folder in (image.parent, image.parent.parent):
        pairs = _pairs_near(folder)
        if layout := dict(pairs.pages).get(image):
            return layout
        if dict(pairs.left_out).get(image) == SAME_NAME:
            raise LayoutFileError(f"{image}: its PAGE or ALTO file belongs to another image of this name")
    raise LayoutFileError(f"{image}: no PAGE or ALTO file stands beside it, add one or use --lines detect")


@cache
def _pairs_near(folder: Path) -> Pairs:
    return find_pairs(folder, depth=1)


def _read_given(
    reader: Reader, path: Path, layout: Path, on_error: Callable[[InkreadError], None], on_page: OnPage
) -> Document:
    from inkread.reader import document_of

    images = load_readable_pages(path, on_bad_page=on_error)
    first = next(images, None)
    if first is None:
        raise DamagedInputError(f"{path}: there is no page in it, copy or scan it again")

    def skip(reason: str) -> None:
        on_error(BadLineError(f"{layout.parent / reason}"))

    # the file describes the first page; that is not the first one read where it is damaged
    given = layout_of(layout, first, skip) if first.index == 0 else None
    pages = []
    for page in reader.read_pages(chain([first], images), chain([given], repeat(None)), one_document=True):
        on_page(page)
        pages.append(page)
    return document_of(pages, reader.provenance)


@dataclass(frozen=True, slots=True)
class Streams:
    """Copies of what can be read only once, because reading and writing a PDF open each input.

    Attributes:
        files: by the input's name its copy.
    """

    files: Mapping[str, str]

    def named(self, error: InkreadError) -> InkreadError:
        """The error with the input's own name."""
        text = str(error)
        for name, copy in self.files.items():
            text = text.replace(copy, name)
        return type(error)(text)

    def renamed(self, document: Document) -> Document:
        """The document with the input's own name as the source of its pages."""
        names = {copy: name for name, copy in self.files.items()}
        pages = tuple(replace(page, source=names.get(page.source, page.source)) for page in document.pages)
        return replace(document, pages=pages)


@contextmanager
def kept_streams(inputs: Sequence[str]) -> Iterator[Streams]:
    """Copy standard input (``-``) and pipes among the inputs to files, for as long as the context lasts."""
    with TemporaryDirectory(prefix="inkread-") as folder:
        files = {}
        for number, name in enumerate(inputs):
            path = Path(name)
            if name in files or not (name == STDIN or path.is_fifo() or path.is_char_device()):
                continue
            copy = Path(folder, str(number), "stdin" if name == STDIN else path.name)
            copy.parent.mkdir()
            with nullcontext(sys.stdin.buffer) if name == STDIN else path.open("rb") as stream:
                copy.write_bytes(stream.read(DEFAULT_LIMITS.max_bytes + 1))
            files[name] = str(copy)
        yield Streams(files)


STDIN = "-"
PAGE_BOUNDS = Bounds(seconds=120, mib=4096)
"""What a page may use where nothing else is asked: more than 40 megapixels full of writing take."""
SHOWN_PAGES = 5


class FormatName(StrEnum):
    """What a document can be written as."""

    TXT = "txt"
    JSON = "json"
    ALTO = "alto"
    PAGE = "page"
    HOCR = "hocr"
    CSV = "csv"
    PDF = "pdf"


class PdfTextName(StrEnum):
    """What happens to pages of a PDF that have text; see `inkread.formats.pdf_layer`."""

    SKIP = "skip"
    REDO = "redo"
    FORCE = "force"


class Engine(StrEnum):
    """Where is read."""

    LOCAL = "local"
    RAY = "ray"


class Lines(StrEnum):
    """Where the lines of a page come from."""

    DETECT = "detect"
    GIVEN = "given"


# JSON is one line a document, so several documents can follow each other as text does.
STREAMED = (FormatName.TXT, FormatName.JSON)


def read(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Image (PNG, JPEG, TIFF and others), PDF, folder (with its subfolders) or glob; - is standard input.",
        ),
    ],
    formats: Annotated[
        list[FormatName], typer.Option("--format", "-f", help="What to write; with -o more than once for more.")
    ] = [FormatName.TXT],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            file_okay=False,
            help="Write DIR/NAME.txt and so on instead of to stdout. NAME is the input's name without suffix; where "
            "two inputs share one, all keep their folders below DIR, and where that is not enough, their suffix too.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE", help="Folder, or models:/inkread@champion, to read with instead of the bundled one."
        ),
    ] = None,
    lm: Annotated[
        bool | None,
        typer.Option("--lm/--no-lm", help="Decode with the language model, or without; else as the bundle allows."),
    ] = None,
    lm_weight: Annotated[
        float | None,
        typer.Option(metavar="W", min=0, max=2, help="How much the language model counts; 0.5 in the bundled model."),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Language of the pages: de, en or fr in the bundled model; leave it out for any other."
        ),
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Names, places and terms that occur in the pages: a text file (UTF-8), one a line.",
        ),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Take less time, and make some more errors: a smaller picture, less search.")
    ] = False,
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="The inputs are pages of one hand: read them, learn the hand from what is sure, and read them again.",
        ),
    ] = False,
    keep_adapted: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="With --adapt, keep the adapted bundle, for --model DIR."),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help="Flag lines whose confidence is below P.")
    ] = None,
    max_cer: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            parser=share,
            help="Flag the less sure lines. The other lines of the val pages had at most this CER: 2% or 0.02.",
        ),
    ] = None,
    show_confidence: Annotated[
        bool,
        typer.Option("--show-confidence", help="Print 'confidence TAB text' for each line; flagged lines get a '?'."),
    ] = False,
    lines: Annotated[
        Lines,
        typer.Option(help="Find the lines, or take those of the PAGE or ALTO file (NAME.xml) beside the image."),
    ] = Lines.DETECT,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Threads to compute with; with --engine ray of each reader.")
    ] = None,
    max_megapixels: Annotated[
        float,
        typer.Option(
            metavar="M",
            min=1,
            help="Read pages with more million pixels at a half, a quarter and so on of their resolution.",
        ),
    ] = DEFAULT_LIMITS.whole_pixels / 1e6,
    page_timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            help=f"Give up a page that needs more seconds of computing; {PAGE_BOUNDS.seconds:g} where a PDF is among "
            "the inputs, else no limit; 0 for none.",
        ),
    ] = None,
    page_memory: Annotated[
        int | None,
        typer.Option(
            metavar="MIB",
            min=256,
            help=f"Give up a page that needs more memory; {PAGE_BOUNDS.mib} where there is a limit of time.",
        ),
    ] = None,
    pdf_text: Annotated[
        PdfTextName,
        typer.Option(
            help="With -f pdf, what to do with pages of a PDF that have text: leave them, replace an earlier invisible "
            "layer, or replace the page by its image."
        ),
    ] = PdfTextName.SKIP,
    upright: Annotated[
        bool, typer.Option("--upright", help="With -f pdf, turn the pages of a PDF whose text lies on its side.")
    ] = False,
    pdf_a: Annotated[
        bool, typer.Option("--pdf-a", help="With -f pdf, write PDF/A-2b, and name the PDFs that cannot be made that.")
    ] = False,
    debug_image: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Draw lines, order and confidence into DIR/NAME.png."),
    ] = None,
    engine: Annotated[
        Engine,
        typer.Option(help="Read in this process, or with Ray: on all processors, or on the cluster of RAY_ADDRESS."),
    ] = Engine.LOCAL,
) -> None:
    """Read handwriting from images, PDFs, folders and globs.

    Without -o the text goes to stdout, documents separated by an empty line (json: one a line). A file that cannot be
    read prints one warning, and the others are still read. The exit status is 0 if everything was read, 1 if something
    was not, 2 for wrong usage.

    Example: inkread read scans -o texts -f txt -f alto
    """
    from inkread.bundle import Bundle, is_registered
    from inkread.cli.results import replacing_inputs, result_names
    from inkread.reader import Reader
    from inkread.recognition.word_list import WordList

    _check_usage(formats, output, show_confidence=show_confidence)
    if engine is Engine.RAY:
        if page_timeout is not None or page_memory is not None:
            raise typer.BadParameter("--page-timeout and --page-memory need --engine local")
        _check_ray()
    if keep_adapted is not None and not adapt:
        raise typer.BadParameter("--keep-adapted keeps what --adapt makes, name both")
    with quiet_libraries(), kept_streams(inputs) as streams, TemporaryDirectory(prefix="inkread-") as made:
        found = list(find_inputs(streams.files.get(name, name) for name in inputs))
        paths = [item for item in found if isinstance(item, Path)]
        names = result_names(paths)
        results = _results(
            formats,
            output,
            names,
            debug_image,
            pdf_text,
            show_confidence=show_confidence,
            upright=upright,
            archival=pdf_a,
        )
        with Reading(files=len(found), shown=output is not None or not sys.stdout.isatty()) as progress:
            for item in found:
                if not isinstance(item, Path):
                    progress.file_failed(item)
            targets = [] if output is None else [(output, FORMATS[name].suffix) for name in formats]
            targets += [] if debug_image is None else [(debug_image, ".png")]
            for folder, _ in targets:
                remove_leftovers(folder)
            refused = replacing_inputs(names, targets)
            for refusal in refused.values():
                progress.file_failed(refusal)
            paths = [path for path in paths if path not in refused]
            if paths:
                chosen = Bundle.open(model).folder if model and is_registered(model) else model
                if adapt:
                    chosen = _adapted(chosen, paths, keep_adapted or Path(made, "adapted"), progress)
                limits = replace(DEFAULT_LIMITS, whole_pixels=int(max_megapixels * 1e6))
                load = partial(
                    Reader,
                    chosen,
                    language_model=lm,
                    language_model_weight=lm_weight,
                    language=language,
                    words=None if words is None else WordList.load(words),
                    fast=fast,
                    min_confidence=min_confidence,
                    max_cer=max_cer,
                    limits=limits,
                )
                bounds = page_bounds(paths, page_timeout, page_memory) if engine is Engine.LOCAL else None
                documents = _documents(load, paths, lines, engine, threads, bounds, limits, in_order=output is None)(
                    on_error=lambda _, error: (
                        progress.complain if isinstance(error, BadPageError | BadLineError) else progress.file_failed
                    )(streams.named(error)),
                    on_page=lambda page: progress.page_read(page.source),
                )
                flagged, total = _write(documents, results, progress, streams)
                if max_cer is not None:
                    progress.say(
                        f"{flagged} of {total} lines are flagged; expect a CER of at most {max_cer:.1%} in the others"
                    )
    raise typer.Exit(1 if progress.failures else 0)


def _adapted(model: str | Path | None, paths: Sequence[Path], folder: Path, progress: Reading) -> Path:
    """The bundle adapted to the hand of these files; what cannot be read is named in the second reading."""
    from inkread.bundle import Bundle

    try:
        adaptation = import_module("inkread.training.adaptation")
    except ImportError as error:
        raise typer.BadParameter("--adapt needs PyTorch, install it with pip install 'inkread[train]'") from error
    report = adaptation.adapt(
        Bundle.open(model),
        paths,
        folder,
        on_error=lambda *_: None,
        on_page=lambda page: progress.page_read(page.source),
    )
    if report.improved:
        progress.say(
            f"adapted to the hand of {report.learnt + report.checked} sure lines: without the language model, "
            f"{report.before:.1%} of their characters were read otherwise, now {report.after:.1%}"
        )
    else:
        progress.say(f"not adapted: {report.reason}")
    return folder


def _results(
    formats: Sequence[FormatName],
    output: Path | None,
    names: Mapping[Path, Path],
    debug_image: Path | None,
    pdf_text: PdfTextName,
    *,
    show_confidence: bool,
    upright: bool,
    archival: bool,
) -> list[Result]:
    from inkread.cli.results import DebugImages, Printed, PrintedConfidences, SavedFiles

    results: list[Result] = []
    if output is not None:
        results.extend(SavedFiles(output, name, names, pdf_text.value, upright, archival) for name in formats)
    elif show_confidence:
        results.append(PrintedConfidences())
    else:
        _check_single(formats[0], len(names))
        results.append(Printed(formats[0]))
    if debug_image is not None:
        results.append(DebugImages(debug_image, names))
    return results


def _write(
    documents: Iterator[tuple[Path, Document]], results: Sequence[Result], progress: Reading, streams: Streams
) -> tuple[int, int]:
    """Write what is read, and return how many lines are flagged and how many there are."""
    from inkread.cli.results import write_all

    total = flagged = 0
    unfamiliar: list[str] = []
    behind: list[str] = []
    for path, document in documents:
        marks = [line.flagged for line in document.lines]
        total, flagged = total + len(marks), flagged + sum(marks)
        shown = streams.renamed(document)
        for page in shown.pages:
            if any(UNFAMILIAR in line.flags for line in page.lines):
                unfamiliar.append(f"{page.source}, page {page.index + 1}")
            if hidden := left_out(page, SHOW_THROUGH):
                behind.append(f"{page.source}, page {page.index + 1} ({hidden})")
            told = [flag for flag in page.flags if flag in CAPTURE_ADVICE and flag != UNFAMILIAR]
            if captured := [CAPTURE_ADVICE[flag] for flag in told]:
                progress.say(f"{page.source}, page {page.index + 1}: the picture is {' and '.join(captured)}")
            if REDUCED in page.flags:
                progress.say(
                    f"{page.source}, page {page.index + 1}: it has {page.width} x {page.height} pixels and was read at "
                    "a lower resolution (see --max-megapixels)"
                )
        for error in write_all(results, path, shown):
            progress.complain(streams.named(error))
        progress.file_read()
    if behind:
        progress.say(f"lines of the other side of the paper, left out: {_first_of(behind)}")
    if unfamiliar:
        progress.say(
            f"lines unlike what the model has learnt, flagged as {UNFAMILIAR} (another script, music, a drawing, an "
            f"illegible hand): {_first_of(unfamiliar)}"
        )
    return flagged, total


def _first_of(pages: Sequence[str]) -> str:
    more = f" and {len(pages) - SHOWN_PAGES} more pages" if len(pages) > SHOWN_PAGES else ""
    return "; ".join(pages[:SHOWN_PAGES]) + more


def _documents(
    load: Callable[..., Reader],
    paths: Sequence[Path],
    lines: Lines,
    engine: Engine,
    threads: int | None,
    bounds: Bounds | None,
    limits: Limits,
    *,
    in_order: bool,
) -> Callable[..., Iterator[tuple[Path, Document]]]:
    """What reads the files; it is called with ``on_error`` and ``on_page``."""
    read_with = read_given_lines if lines is Lines.GIVEN else read_files
    if bounds is not None:
        from inkread.cli.guard import read_guarded

        layout_file = _layout_file if lines is Lines.GIVEN else lambda _: None
        reader = partial(load, threads=threads)
        return partial(read_guarded, reader, paths, bounds=bounds, limits=limits, layout_file=layout_file)
    if engine is Engine.LOCAL:
        return partial(read_with, load(threads=threads), paths)
    from inkread.cli.scaling import read_on_ray

    return partial(read_on_ray, read_with, load, paths, threads=threads or 1, in_order=in_order)


def page_bounds(paths: Sequence[Path], seconds: float | None, mib: int | None) -> Bounds | None:
    """What each page may use. A PDF is a program, and one of any size may run for ever; images are not."""
    if seconds == 0 and mib is None:
        return None
    if seconds is None and mib is None and not any(path.is_file() and is_pdf(path) for path in paths):
        return None
    return Bounds(seconds or PAGE_BOUNDS.seconds, mib or PAGE_BOUNDS.mib)


def share(text: str) -> float:
    """``share("2%") == share("0.02") == 0.02``; wrong usage for anything that is no share."""
    try:
        value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{text} is no share such as 2% or 0.02")
    return value


def _check_usage(formats: Sequence[FormatName], output: Path | None, *, show_confidence: bool) -> None:
    if output is None and len(formats) > 1:
        raise typer.BadParameter("several formats need a folder to write to, name one with -o")
    if output is None and FormatName.PDF in formats:
        raise typer.BadParameter("a PDF needs a folder to write to, name one with -o")
    if show_confidence and (output is not None or formats != [FormatName.TXT]):
        raise typer.BadParameter("--show-confidence prints to stdout, leave out -o and -f")


def _check_single(format: FormatName, inputs: int) -> None:
    if inputs > 1 and format not in STREAMED:
        raise typer.BadParameter(f"several files as {format} need a folder to write to, name one with -o")


def _check_ray() -> None:
    try:
        import_module("inkread.cli.scaling")
    except ImportError as error:
        raise typer.BadParameter("--engine ray needs Ray, install it with pip install 'inkread[scale]'") from error
