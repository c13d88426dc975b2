"""Make one data set out of a source, whatever its format.

Usage: ``report = ingest(Path("iam.tgz"), Path("dataset"))``

The data set is built in a folder beside its place and takes that place when it is whole; an interrupted run goes on
with the images that are copied. The same source gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from inkread.data.dataset import MANIFEST, Record, Sample, Skipped, content_hash, layout_of, write_manifest
from inkread.data.sources import LICENCE, find_table, has_pages, iam_records, is_iam, page_records, table_records
from inkread.errors import DatasetError, InputError, OutputError
from inkread.io.archives import SUFFIXES, archive_stem, is_archive, unpack
from inkread.io.files import write_bytes
from inkread.io.inputs import load_pages

Format = Literal["iam", "pages", "table"]
REPORT = "ingest.json"
MOST_NAMES = 1_000
Progress = Callable[[Iterable[Record]], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What the source does not say itself.

    Attributes:
        source: name of the data set in the manifest; that of the file or folder where empty.
        licence: in SPDX terms or the words of the source.
        language: ISO 639-1, where the source gives none.
        format: None to detect it.
        with_errors: take IAM segments that are marked as badly segmented.
    """

    source: str = ""
    licence: str = ""
    language: str = ""
    format: Format | None = None
    with_errors: bool = False


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What was taken and what was left out.

    Attributes:
        source, format: of the data set.
        samples: by kind.
        splits: samples by split, "" for none.
        skipped: by reason.
        skipped_names: the first thousand, each with its reason.
        sha256: of the manifest.
    """

    source: str
    format: Format
    samples: dict[str, int]
    splits: dict[str, int]
    skipped: dict[str, int] = field(default_factory=dict)
    skipped_names: tuple[str, ...] = ()
    sha256: str = ""


def ingest(source: Path, output: Path, options: IngestOptions | None = None, progress: Progress = iter) -> IngestReport:
    """Read ``source`` into the data set folder ``output``.

    Args:
        source: a folder, an archive, a table, or a folder of IAM's archives.
        output: the data set; replaced where it is one already.
        options: what the source does not say.
        progress: wraps the records, to show how far the work is.

    Raises:
        DatasetError: the source is of no known format, holds nothing usable, or ``output`` is something else.
    """
    chosen = options or IngestOptions()
    _check_output(output)
    unfinished = output.with_name(f".{output.name}.partial")
    folder = unpacked(source, unfinished / "unpacked")
    form = chosen.format or detect(folder)
    name = chosen.source or archive_stem(source if source.is_file() else source.resolve())
    skipped = Skipped()
    licence = chosen.licence or (LICENCE if form == "iam" else "")
    filled = replace(chosen, source=name, licence=licence)
    records = list(_records(folder, form, skipped, chosen.with_errors))
    samples = [sample for record in progress(records) if (sample := _copy(record, unfinished, filled, skipped))]
    if not samples:
        why = "; ".join(skipped.names[:1]) or "there is no transcribed image"
        raise DatasetError(f"{source}: nothing can be used ({why})")
    write_manifest(unfinished, samples)
    report = IngestReport(
        name,
        form,
        dict(sorted(Counter(str(sample.kind) for sample in samples).items())),
        dict(sorted(Counter(str(sample.split) for sample in samples).items())),
        dict(sorted(skipped.reasons.items())),
        tuple(sorted(skipped.names)[:MOST_NAMES]),
        content_hash(unfinished),
    )
    write_bytes(unfinished / REPORT, (json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n").encode())
    _publish(unfinished, output, samples)
    return report


def unpacked(source: Path, work: Path) -> Path:
    """The folder that holds a source's files, with archives unpacked under ``work``.

    Raises:
        DatasetError: there is no such source, or an archive cannot be unpacked.
    """
    if is_archive(source):
        unpack(source, work)
        return _only_folder(work)
    if source.is_file():
        return source
    if not source.is_dir():
        raise DatasetError(f"{source}: there is no such file or folder")
    archives = sorted(path for path in source.iterdir() if is_archive(path))
    for archive in archives:
        unpack(archive, work / archive_stem(archive))
    if not archives:
        return source
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.lower().endswith(SUFFIXES):
            shutil.copyfile(path, work / path.name)
        elif path.is_dir():
            shutil.copytree(path, work / path.name, dirs_exist_ok=True)
    return work


def detect(folder: Path) -> Format:
    """The format of a folder or table.

    Raises:
        DatasetError: it is none of the known ones.
    """
    if is_iam(folder):
        return "iam"
    if folder.is_file() or find_table(folder):
        return "table"
    if folder.is_dir() and has_pages(folder):
        return "pages"
    raise DatasetError(
        f"{folder}: neither IAM (ascii/words.txt), nor images with PAGE or ALTO files, nor one TSV, CSV or JSONL table"
    )


def _records(folder: Path, form: Format, skipped: Skipped, with_errors: bool) -> Iterator[Record]:
    if form == "iam":
        return iam_records(folder, skipped, with_errors=with_errors)
    if form == "pages":
        return page_records(folder, skipped)
    table = folder if folder.is_file() else find_table(folder)
    if table is None:
        raise DatasetError(f"{folder}: there is no table here, or more than one; name the file")
    return table_records(table, skipped)


def _copy(record: Record, folder: Path, options: IngestOptions, skipped: Skipped) -> Sample | None:
    """The sample of a record, its image copied; None where the image is missing or damaged."""
    try:
        content = record.image.read_bytes()
        next(iter(load_pages(content)))
    except OSError:
        skipped.add(record.name, "image missing")
        return None
    except InputError as error:
        skipped.add(record.name, f"image damaged: {error}")
        return None
    place = f"images/{options.source}/{record.kind}/{record.split or 'all'}"
    image = f"{place}/{record.name}{record.image.suffix.lower()}"
    _place(folder / image, content)
    split = f"/{record.split}" if record.split else ""
    sample = Sample(
        sample_id=f"{options.source}/{record.kind}{split}/{record.name}",
        image=image,
        text=record.text,
        kind=record.kind,
        source=options.source,
        document_id=f"{options.source}/{record.document}",
        writer_id=f"{options.source}/{record.writer}" if record.writer else "",
        language=record.language or options.language,
        split=record.split,
        licence=options.licence,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    if record.layout is not None:
        _place(folder / layout_of(sample), record.layout.read_bytes())
    return sample


def _place(target: Path, content: bytes) -> None:
    if not target.is_file() or target.read_bytes() != content:
        write_bytes(target, content)


def _only_folder(folder: Path) -> Path:
    inside = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not is_iam(folder) else folder


def _check_output(output: Path) -> None:
    if output.exists() and not (output / MANIFEST).is_file() and any(output.iterdir() if output.is_dir() else [output]):
        raise OutputError(f"{output}: this is not empty and no data set, name another folder")


def _publish(unfinished: Path, output: Path, samples: Iterable[Sample]) -> None:
    """Put the finished folder in its place, without what an interrupted run of another source left."""
    shutil.rmtree(unfinished / "unpacked", ignore_errors=True)
    wanted = {MANIFEST, REPORT}
    for sample in samples:
        wanted |= {sample.image, layout_of(sample)} if sample.kind == "page" else {sample.image}
    for path in sorted(unfinished.rglob("*")):
        if path.is_file() and path.relative_to(unfinished).as_posix() not in wanted:
            path.unlink()
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    unfinished.rename(output)
    shutil.rmtree(old, ignore_errors=True)
